package design

import (
	"bootplan/image"
	"bootplan/memmap"
	"bootplan/sim"
)

const (
	kernelName  = "kernel"
	payloadName = "compressed payload"
)

// kernelMap is where the kernel's virtual addresses begin (__START_KERNEL_map).
const kernelMap = 0xffffffff80000000

// unpacking is one run of the code that decompressor and EFI stub share.
type unpacking struct {
	kernel  *image.Kernel
	payload memmap.Range // where the compressed kernel lies
	base    uint64       // where the kernel goes
	virtual uint64       // offset of its virtual address
	self    string       // the object that unpacks
	heap    memmap.Range // its work space; empty: not known
}

// payloadOf is the compressed kernel inside the decompressor of k that lies at base.
func payloadOf(k *image.Kernel, base uint64) memmap.Range {
	return sized(base+uint64(k.Setup.PayloadOffset), uint64(k.Setup.PayloadLength))
}

// heapAt is the work space of a decompressor that lies at base; empty where the image
// does not tell where it is.
func heapAt(k *image.Kernel, base uint64) memmap.Range {
	d := k.Decompressor
	if d.BootHeap == 0 {
		return memmap.Range{}
	}
	return sized(base+d.BootHeap, d.HeapSize)
}

// run decompresses the kernel, moves its segments into place and relocates it.
func (u unpacking) run(b *sim.Boot) error {
	if err := u.takeWorkSpace(b); err != nil {
		return err
	}
	u.decompress(b)
	if err := u.moveSegments(b); err != nil {
		return halted(err)
	}
	if r := u.kernel.Relocs; r != nil {
		u.relocate(b, sized(u.base+r.Offset, r.Bytes))
	}
	u.placeKernel(b)
	return nil
}

// halted is a boot that its own code stops with a message.
func halted(err error) error {
	return &sim.Failure{Rule: "out-of-range", Message: err.Error()}
}

// output is what comes out of the decompressor: an ELF file and a relocation table.
func (u unpacking) output() memmap.Range { return sized(u.base, u.kernel.Payload.Uncompressed) }

// takeWorkSpace is what the decompression library does first: it takes memory from its heap.
func (u unpacking) takeWorkSpace(b *sim.Boot) error {
	if u.heap.Empty() {
		return nil
	}
	needs := image.WorkSpace(u.kernel.Payload.Compression)
	b.Do(sim.Step{Op: sim.Write, Object: u.self, Range: u.heap, Pool: sim.Heap, Room: u.heap, Needs: needs,
		Why: "work space of the decompression library", Source: "include/linux/decompress/mm.h:malloc"})
	if needs >= u.heap.Len() {
		return &sim.Failure{Rule: "no-memory", Message: "Out of memory while allocating work space -- System halted"}
	}
	return nil
}

func (u unpacking) decompress(b *sim.Boot) {
	why := ""
	if b.Traced() {
		why = u.kernel.Payload.Compression + ": an ELF file, followed by its relocation table"
	}
	b.Do(sim.Step{Op: sim.Copy, Object: kernelName, Range: u.output(), From: u.payload, InPlace: true,
		Lays: sim.KernelImage, Room: sized(u.base, u.kernel.NeededSize()),
		Why: why, Source: "arch/x86/boot/compressed/misc.c:decompress_kernel"})
	b.Release(payloadName, u.payload)
}

// moveSegments moves each loadable segment from its place in the file to its place
// in memory. Nothing is zeroed: the kernel clears its own BSS.
func (u unpacking) moveSegments(b *sim.Boot) error {
	elfMagic := [4]byte{0x7f, 'E', 'L', 'F'}
	moves, _, err := image.MoveSegments(u.kernel.ELF, elfMagic, u.base, u.kernel.Setup.PrefAddress, u.kernel.Decompressor.HeapSize)
	for i, m := range moves {
		b.Machine.Needed.Set(sized(m.Src, m.Size), segmentName(i))
	}
	for i, m := range moves {
		from := sized(m.Src, m.Size)
		if m.Src != m.Dst {
			b.Do(sim.Step{Op: sim.Copy, Object: kernelName, Range: sized(m.Dst, m.Size), From: from,
				Why: "a segment moves from its place in the file to its place in memory", Source: "arch/x86/boot/compressed/misc.c:parse_elf"})
		}
		b.Release(segmentName(i), from)
	}
	return err
}

var segmentNames = [...]string{"first segment", "second segment", "third segment", "fourth segment", "a later segment"}

func segmentName(n int) string { return segmentNames[min(n, len(segmentNames)-1)] }

// relocate adjusts addresses in the kernel, as a table has them, when its virtual address
// was randomised.
func (u unpacking) relocate(b *sim.Boot, table memmap.Range) {
	if u.virtual == u.kernel.Setup.PrefAddress || table.Empty() {
		return
	}
	const source = "arch/x86/boot/compressed/misc.c:handle_relocations"
	b.Do(sim.Step{Op: sim.Read, Object: relocsName, Range: table,
		Why: "read backwards from the end of the output", Source: source})
	b.Do(sim.Step{Op: sim.Write, Object: kernelName, Range: sized(u.base, u.sitesEnd()),
		Why: "every absolute address in the image moves with the virtual address", Source: source})
}

// sitesEnd is the bound of relocation sites: they lie in front of the BSS.
func (u unpacking) sitesEnd() uint64 {
	if u.kernel.VO.BSSOffset != 0 {
		return u.kernel.VO.BSSOffset
	}
	return u.kernel.VO.TotalSize
}

// enterKernel executes the kernel's first instructions.
func enterKernel(b *sim.Boot, k *image.Kernel, base uint64, source string) {
	b.Do(sim.Step{Op: sim.Exec, Object: kernelName, Range: sized(base+k.EntryOffset(), 64), Clears: kernelBSS(k, base),
		Why: "the kernel's first instructions", Source: source})
}

// kernelBSS is what a kernel at base clears as soon as it has page tables of its own; empty
// where the image does not tell.
// Source: arch/x86/kernel/head64.c:clear_bss (v6.12).
func kernelBSS(k *image.Kernel, base uint64) memmap.Range {
	if k.VO.BSSOffset == 0 {
		return memmap.Range{}
	}
	return memmap.Range{Start: base + k.VO.BSSOffset, End: base + k.VO.TotalSize}
}

// placeKernel notes where the kernel is.
func (u unpacking) placeKernel(b *sim.Boot) {
	b.Place("kernel", sized(u.base, u.kernel.VO.TotalSize), kernelMap+u.virtual)
	b.Place("kernel_output", u.output(), 0)
}
