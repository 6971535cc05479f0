package design

import (
	"errors"
	"fmt"

	"bootplan/alloc"
	"bootplan/image"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
)

// bzimages are the bare-metal decompressor of each generation.
func bzimages() []*Design {
	return []*Design{
		bzimage("bzimage", linux.V6_12, Choices{
			BootParams: paramsLoader, Initrd: initrdByLoader, Trampoline: switchLow, Output: outputWindow,
			Physical: physicalDecompressor, Virtual: virtualDecompressor, Mapping: mapDemandRWX,
			SelfRelocation: relocateToEnd, Malloc: mallocBSS, BSS: bssKernel,
		}),
		bzimage("bzimage@v7.2", linux.V7_2, Choices{
			BootParams: paramsLoader, Initrd: initrdByLoader, Trampoline: switchLow, Output: outputWindow,
			Physical: physicalDecompressor, Virtual: virtualDecompressor, Mapping: mapDemandRWX,
			SelfRelocation: relocateToEnd, Malloc: mallocBSS, BSS: bssKernel,
		}),
	}
}

// bareMetal is the story of a bzImage entered by a boot loader without EFI.
var bareMetal = story{tell: (*Design).bootBareMetal}

// bzimage is a bzImage entered by a boot loader without EFI.
func bzimage(name string, v linux.Version, c Choices) *Design {
	return &Design{Version: v, Choices: c, story: &bareMetal, Info: Info{
		Name:       name,
		Identifier: "D2",
		Title:      fmt.Sprintf("the bare-metal decompressor of Linux %s, entered by a boot loader", v),
		Text: "A boot loader puts the file at 1 MiB and jumps to it. The decompressor builds page tables for the first 4 GiB, " +
			"switches to 5-level paging through two pages of low memory if the CPU can, copies itself to the end of the buffer " +
			"into which it will unpack, picks a random place for the kernel, unpacks it there over the front of its own " +
			"input, moves the ELF segments, applies relocations and jumps to the kernel. It has no allocator but a heap and a pool of " +
			"page-table pages inside its own BSS; everything else it knows from the e820 map.",
		Sources: []string{"arch/x86/boot/compressed/ (" + v.String() + ")"},
	}}
}

// decompressorName is the object that is the running decompressor.
const decompressorName = "decompressor"

// bssName is its BSS: stack, heap and variables, behind the bytes of the file.
const bssName = "decompressor's BSS"

// decompressor is one run of the bare-metal decompressor.
type decompressor struct {
	kernel  *image.Kernel
	version linux.Version
	choices *Choices

	// What the loader placed.
	e820       []memmap.E820Entry
	efi        []memmap.EFIDescriptor // nil: no EFI firmware
	realMode   bool
	loaded     uint64 // startup_32: L
	setupCode  memmap.Range
	bootParams memmap.Range
	cmdline    memmap.Range
	initrd     memmap.Range

	// What follows from it.
	output uint64 // where the kernel is unpacked to without randomness: O
	target uint64 // where the decompressor copies itself to: T
	la57   bool   // 5-level paging is on

	random   bool   // the kernel was told that KASLR is on
	virtual  uint64 // offset of the kernel's virtual address, LOAD_PHYSICAL_ADDR unless randomised
	identity *alloc.IdentityMap
	lent     []memmap.Span[string] // what was needed in the low memory that it borrows
}

// bootBareMetal is the story, in the order in which it happens.
func (d *Design) bootBareMetal(b *sim.Boot) error {
	b.Version(d.Version.String())
	if err := needs(b.Scenario.Kernel); err != nil {
		return err
	}
	assumeVersion(b, d.Version)
	z := &decompressor{kernel: b.Scenario.Kernel, version: d.Version, choices: &d.Choices}
	if err := z.load(b); err != nil {
		return err
	}
	z.setup(b)
	b.In(sim.Decompressor)
	z.enter32(b)
	z.enter64(b)
	z.switchPaging(b)
	z.copyItself(b)
	if err := z.handleFaults(b); err != nil {
		return err
	}
	if err := z.extract(b); err != nil {
		return err
	}
	z.enterKernel(b)
	return z.handOver(b)
}

// assumeVersion notes when the kernel is not of the generation that the design models.
// Debian's 6.1 carries the decompressor and the stub of 6.7.
func assumeVersion(b *sim.Boot, v linux.Version) {
	k := b.Scenario.Kernel.Version
	if k != 0 && (k < linux.V6_1 || (k >= linux.V7_2) != (v >= linux.V7_2)) {
		b.Assume(fmt.Sprintf("the kernel is of Linux %s; its boot code is taken to do what that of %s does", k, v))
	}
}

// needs reports what a kernel image lacks for a bzImage boot.
func needs(k *image.Kernel) error {
	if k.Kind != image.BzImage || k.Setup == nil {
		return fmt.Errorf("%s is of the kind %s: this design boots an x86 bzImage", k.Name, k.Kind)
	}
	switch {
	case k.Payload == nil:
		return errors.New("the kernel's payload was not read: its uncompressed size is needed")
	case k.ELF == nil:
		return errors.New("the kernel inside the payload was not read: its segments are needed")
	case k.Decompressor == nil || k.VO == nil:
		return errors.New("the decompressor's symbols were not found in the image: expected the 64-bit startup code of Linux 5.10 or later")
	}
	return nil
}

// geometry computes where the decompressor will unpack to and run.
// Source: arch/x86/boot/compressed/head_64.S:startup_32, startup_64 (v6.12).
func (z *decompressor) geometry() {
	k := z.kernel.Setup
	z.output = memmap.AlignUp(z.loaded, uint64(k.KernelAlignment))
	if k.Relocatable == 0 || z.output < k.PrefAddress {
		z.output = k.PrefAddress
	}
	z.target = z.output + uint64(k.InitSize) - z.kernel.Decompressor.End
	z.virtual = k.PrefAddress
}

// in returns the part [from, to) of the decompressor that lies at base.
func (z *decompressor) in(base, from, to uint64) memmap.Range {
	return memmap.Range{Start: base + from, End: base + to}
}

// setup fills boot_params: the real-mode part asks the BIOS for the memory map; a
// loader that enters the kernel in 32-bit mode does it itself.
func (z *decompressor) setup(b *sim.Boot) {
	filled := bootProtocol
	if z.realMode {
		b.In(sim.Setup)
		b.Do(sim.Step{Op: sim.Exec, Object: "setup code", Range: z.setupCode, Why: "real-mode code that talks to the BIOS", Source: "arch/x86/boot/main.c:main"})
		filled = "arch/x86/boot/memory.c:detect_memory"
	}
	b.Do(sim.Step{Op: sim.Write, Object: "boot_params", Range: z.bootParams, Keep: true,
		Why: "the zero page: setup header, e820 map, where initrd and command line are", Source: filled})
	b.Place("boot_params", z.bootParams, 0)
}

// enter32 is the 32-bit entry: page tables for 4 GiB, then long mode.
func (z *decompressor) enter32(b *sim.Boot) {
	const source = "arch/x86/boot/compressed/head_64.S:startup_32"
	d := z.kernel.Decompressor
	b.Do(sim.Step{Op: sim.Exec, Object: decompressorName, Range: z.in(z.loaded, 0, 0x200),
		Why: "entered in 32-bit mode, paging off: nothing protects anything", Source: source})
	b.Do(sim.Step{Op: sim.Write, Object: "boot_params", Range: sized(z.bootParams.Start+0x1e4, 4),
		Why: "four bytes of stack to find out where it runs", Source: source})
	b.Do(sim.Step{Op: sim.Write, Object: bssName, Range: z.in(z.loaded, d.BootStackEnd-16, d.BootStackEnd),
		Why: "its stack lies in its BSS, behind the bytes that the loader placed", Source: source})
	b.Do(sim.Step{Op: sim.Write, Object: pageTablesName, Range: sized(z.target+d.PgTable, initTables), Keep: true,
		Why: "six pages of tables at the place where it will run: the first 4 GiB, 2 MiB at a time", Source: source})
	z.mapFourGiB(b)
	b.Do(sim.Step{Op: sim.Exec, Object: decompressorName, Range: sized(z.loaded+0x200, z.headEnd()-0x200),
		Why: "64-bit code from here on", Source: "arch/x86/boot/compressed/head_64.S:startup_64"})
}

// headEnd is the end of .head.text, where the payload begins.
func (z *decompressor) headEnd() uint64 { return uint64(z.kernel.Setup.PayloadOffset) }

// enter64 prepares the move: the stack is at the target already.
func (z *decompressor) enter64(b *sim.Boot) {
	d := z.kernel.Decompressor
	b.Do(sim.Step{Op: sim.Write, Object: bssName, Range: z.in(z.target, d.BootStackEnd-64, d.BootStackEnd),
		Why: "the stack moves first: to where the copy will run", Source: "arch/x86/boot/compressed/head_64.S:startup_64"})
	b.Do(sim.Step{Op: sim.Write, Object: decompressorName, Range: z.in(z.loaded, z.dataStart(), z.kernel.ProtectedModeBytes()),
		Why: "descriptor tables in its data, with no page-fault gate yet: any fault from here on resets the machine", Source: "arch/x86/boot/compressed/idt_64.c:load_stage1_idt"})
}

// dataStart is _data: .data is a PE section of its own since 6.7; before, only its
// end is known, and the tables lie in its first page.
func (z *decompressor) dataStart() uint64 {
	if pe := z.kernel.PE; pe != nil {
		for _, s := range pe.Sections {
			if s.Name == ".data" {
				return uint64(s.VirtualAddress) - z.kernel.SetupBytes()
			}
		}
	}
	return memmap.AlignDown(z.kernel.ProtectedModeBytes()-1, memmap.PageSize)
}

// copyItself moves code and payload to the end of the buffer and goes on there.
func (z *decompressor) copyItself(b *sim.Boot) {
	const source = "arch/x86/boot/compressed/head_64.S:startup_64"
	d := z.kernel.Decompressor
	from, to := z.in(z.loaded, 0, d.BSS), z.in(z.target, 0, d.BSS)
	b.Do(sim.Step{Op: sim.Copy, Object: decompressorName, Range: to, From: from,
		Why: "to the end of the unpacking window, from the top downwards, so that the output cannot overtake the input", Source: source})
	b.Release(decompressorName, sized(z.loaded, z.kernel.ProtectedModeBytes()))
	b.Machine.Needed.Set(z.payload(), payloadName)
	b.Machine.Needed.Set(z.text(), decompressorName)
	z.placeCopy(b)
	b.Do(sim.Step{Op: sim.Exec, Object: decompressorName, Range: z.text(), Why: "goes on in the copy", Source: source + ", .Lrelocated"})
	b.Do(sim.Step{Op: sim.Write, Object: bssName, Range: z.in(z.target, d.BSS, z.bssEnd()), Keep: true,
		Why: "cleared: heap, stack and variables live there", Source: source})
}

// placeCopy notes where the parts of the copy are.
func (z *decompressor) placeCopy(b *sim.Boot) {
	d := z.kernel.Decompressor
	b.Place("relocated_image", z.in(z.target, 0, d.End), 0)
	b.Place("payload", z.payload(), 0)
	b.Place("stack", z.in(z.target, d.BootStackEnd-bootStack, d.BootStackEnd), 0)
	if d.BootHeap != 0 {
		b.Place("heap", sized(z.target+d.BootHeap, d.HeapSize), 0)
	}
	b.Place("page_tables", z.in(z.target, d.PgTable, d.TopPgTable), 0)
	b.Place("top_page_table", sized(z.target+d.TopPgTable, memmap.PageSize), 0)
}

// bootStack is BOOT_STACK_SIZE.
const bootStack = 0x4000

// payload is the compressed kernel inside the copy.
func (z *decompressor) payload() memmap.Range {
	return sized(z.target+uint64(z.kernel.Setup.PayloadOffset), uint64(z.kernel.Setup.PayloadLength))
}

// text is code and data of the copy behind the payload.
func (z *decompressor) text() memmap.Range {
	d := z.kernel.Decompressor
	return z.in(z.target, d.Relocated, d.BSS)
}

// bssEnd is _ebss, or the beginning of the page tables where it is not known.
func (z *decompressor) bssEnd() uint64 {
	d := z.kernel.Decompressor
	if d.EBSS != 0 {
		return d.EBSS
	}
	return d.PgTable
}

// extract chooses a place, unpacks the kernel there and relocates it.
// Source: arch/x86/boot/compressed/misc.c:extract_kernel (v6.12).
func (z *decompressor) extract(b *sim.Boot) error {
	const source = "arch/x86/boot/compressed/misc.c:extract_kernel"
	b.Do(sim.Step{Op: sim.Write, Object: "boot_params", Range: sized(z.bootParams.Start+0x211, 1), Why: "clears the KASLR flag", Source: source})
	if err := z.randomise(b); err != nil {
		return err
	}
	if err := image.CheckDestination(z.output, z.virtual, z.kernel.NeededSize(), z.target+z.kernel.Decompressor.BootHeap); err != nil {
		return halted(err)
	}
	u := unpacking{kernel: z.kernel, payload: z.payload(), base: z.output, virtual: z.virtual, self: bssName, heap: heapAt(z.kernel, z.target)}
	return u.run(b)
}

// enterKernel jumps to the unpacked kernel.
func (z *decompressor) enterKernel(b *sim.Boot) {
	b.MeasureWX("kernel_entry")
	enterKernel(b, z.kernel, z.output, "arch/x86/boot/compressed/head_64.S:.Lrelocated")
}
