package design

import (
	"bootplan/image"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
)

// entry is how a boot loader enters a bzImage.
// Source: Documentation/arch/x86/boot.rst (v6.12).
type entry uint8

const (
	enterRealMode  entry = iota // 16-bit: the setup code, which goes on at the 32-bit entry
	enterProtected              // 32-bit: startup_32, paging off
	enterLong                   // 64-bit: startup_64, under page tables of whoever jumps there
)

// setup fills boot_params: the real-mode part asks the BIOS for the memory map; a
// loader that enters the kernel later does it itself.
func (z *decompressor) setup(b *sim.Boot) error {
	filled := bootProtocol
	if z.entry == enterRealMode {
		b.In(sim.Setup)
		b.Do(sim.Step{Op: sim.Exec, Object: "setup code", Range: z.setupCode, Why: "real-mode code that talks to the BIOS", Source: "arch/x86/boot/main.c:main"})
		filled = "arch/x86/boot/memory.c:detect_memory"
	}
	b.Do(sim.Step{Op: sim.Write, Object: paramsName, Range: z.bootParams, Keep: true,
		Why: "the zero page: setup header, e820 map, where initrd and command line are", Source: filled})
	b.Place("boot_params", z.bootParams, 0)
	return nil
}

// enter is the jump into the decompressor, at the entry that the loader chose.
func (z *decompressor) enter(b *sim.Boot) error {
	if z.entry == enterLong {
		z.mapRAM(b)
		return nil
	}
	b.In(sim.Decompressor)
	z.enter32(b)
	return nil
}

// enter32 is the 32-bit entry: page tables for 4 GiB, then long mode.
func (z *decompressor) enter32(b *sim.Boot) {
	const source = "arch/x86/boot/compressed/head_64.S:startup_32"
	d := z.kernel.Decompressor
	b.Do(sim.Step{Op: sim.Exec, Object: z.image, Range: z.in(z.loaded, 0, startup64), Bits32: true,
		Why: "entered in 32-bit mode, paging off: nothing protects anything", Source: source})
	b.Do(sim.Step{Op: sim.Write, Object: paramsName, Range: sized(z.bootParams.Start+0x1e4, 4), Bits32: true,
		Why: "four bytes of stack to find out where it runs", Source: source})
	b.Do(sim.Step{Op: sim.Write, Object: bssName, Range: z.in(z.loaded, d.BootStackEnd-16, d.BootStackEnd), Bits32: true,
		Pool: sim.Stack, Room: z.in(z.loaded, d.BootStackEnd-bootStack, d.BootStackEnd), Needs: 16,
		Why: "its stack lies in its BSS, behind the bytes that the loader placed", Source: source})
	b.Do(sim.Step{Op: sim.Write, Object: pageTablesName, Range: sized(z.target+d.PgTable, initTables), Keep: true, Bits32: true,
		Why: "six pages of tables at the place where it will run: the first 4 GiB, 2 MiB at a time", Source: source})
	z.mapFourGiB(b)
}

// startup64 is the offset of the 64-bit entry, in bytes.
const startup64 = 0x200

// headEnd is the end of .head.text, where the payload begins.
func (z *decompressor) headEnd() uint64 { return uint64(z.kernel.Setup.PayloadOffset) }

// enter64 is the 64-bit entry. It prepares the move: the stack is at the target already.
func (z *decompressor) enter64(b *sim.Boot) error {
	const source = "arch/x86/boot/compressed/head_64.S:startup_64"
	d := z.kernel.Decompressor
	b.In(sim.Decompressor)
	b.Do(sim.Step{Op: sim.Exec, Object: z.image, Range: z.in(z.loaded, startup64, z.headEnd()),
		Why: "64-bit code from here on", Source: source})
	why := "the stack moves first: to where the copy will run"
	if z.target == z.loaded {
		why = "its stack lies in its BSS"
	}
	b.Do(sim.Step{Op: sim.Write, Object: bssName, Range: z.in(z.target, d.BootStackEnd-64, d.BootStackEnd),
		Pool: sim.Stack, Room: z.in(z.target, d.BootStackEnd-bootStack, d.BootStackEnd), Needs: 64, Why: why, Source: source})
	tables := sim.Step{Op: sim.Write, Object: z.image, Range: dataOf(z.kernel, z.loaded),
		Why: "descriptor tables in its data, with no page-fault gate yet: any fault from here on resets the machine", Source: "arch/x86/boot/compressed/idt_64.c:load_stage1_idt"}
	if z.version < linux.V5_10 {
		tables.Why, tables.Source = "a descriptor table in its data, and none for faults: any fault from here on resets the machine", source
	}
	b.Do(tables)
	return nil
}

// dataOf are the data of the decompressor of k that lies at base. They are a PE section
// of their own since 6.7; before, only their end is known, and the tables lie in their
// last page.
func dataOf(k *image.Kernel, base uint64) memmap.Range {
	end := k.ProtectedModeBytes()
	start := memmap.AlignDown(end-1, memmap.PageSize)
	if s, split := dataSection(k); split {
		start = uint64(s.VirtualAddress) - k.SetupBytes()
	}
	return memmap.Range{Start: base + start, End: base + end}
}
