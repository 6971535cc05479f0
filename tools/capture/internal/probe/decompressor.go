package probe

import (
	"bootplan/memmap"
	"bootplan/tools/capture/internal/console"
	"bootplan/tools/capture/internal/record"
)

// Addresses of the BIOS data area, and offsets in struct boot_params.
const (
	ebdaSegment = 0x40e
	baseMemory  = 0x413
	zeroPage    = 4096
)

// decompressor follows the code that was loaded at base, from its 64-bit entry.
func (b *boot) decompressor(base uint64) {
	m := b.machine
	if !b.uefi { // else the stub has noted what came before
		if m.runTo(base + b.marks.Startup64); m.ok() {
			b.atEntry(base)
		}
	}
	d, before := b.found(), b.data(base)
	if m.runTo(base + b.marks.Jump); !m.ok() {
		return
	}
	copied, output := m.register("rbx"), m.register("rbp")
	b.facts.Decompressor = &record.Decompressor{
		Startup32: record.Hex(base), BootParams: record.Hex(b.zeroPage),
		Relocated: record.Hex(copied), RelocatedEnd: record.Hex(copied + b.kernel.Decompressor.End),
		OutputInitial: record.Hex(output), RelocatedBSS: record.Hex(copied + b.kernel.Decompressor.BSS),
	}
	d.OutputInitial, d.Relocated, d.NeededSize = hexOf(output), hexOf(copied), hexOf(b.kernel.NeededSize())
	b.pagingTrampoline(before, b.data(base))
	if b.permissions {
		m.runTo(copied + b.marks.Relocated)
		b.notePermissions(stopRelocated)
	}
	if !b.nokaslr {
		b.draws(copied)
	}
	chosen := uint64(0)
	if d.PhysicalChosen != nil {
		chosen = uint64(*d.PhysicalChosen)
	}
	b.enter(output, chosen)
}

// atEntry notes what the decompressor finds when it begins.
func (b *boot) atEntry(base uint64) {
	m := b.machine
	b.zeroPage = m.register("rsi")
	page := m.read(b.zeroPage, zeroPage)
	params := console.ZeroPage(page)
	d := b.found()
	d.LoadedAt, d.BootParams = hexOf(base), hexOf(b.zeroPage)
	d.EBDASegment = hexOf(uint64(m.word(ebdaSegment)))
	words := m.word(baseMemory)
	d.BaseMemoryKB = &words
	d.E820 = console.E820Table(page)
	d.Header = &record.EntryHeader{
		RamdiskImage: params.RamdiskImage, RamdiskSize: params.RamdiskSize, CmdLinePtr: params.CmdLinePtr,
		SetupData: params.SetupData, TypeOfLoader: params.TypeOfLoader, LoadFlags: params.LoadFlags,
		HeapEndPtr: params.HeapEndPtr, InitrdAddrMax: params.InitrdAddrMax,
	}
	line := m.text(uint64(params.CmdLinePtr), zeroPage)
	d.CommandLine = &line
}

// data is the decompressor's code and data, up to .bss, in the image at base.
func (b *boot) data(base uint64) memory {
	begin, end := (base+b.marks.Relocated)&^7, base+b.kernel.Decompressor.BSS
	return memory{begin, b.machine.read(begin, int(end-begin))}
}

// pagingTrampoline finds the trampoline by the only variable in the decompressor's data
// that has become the address of a page below 1 MiB.
// Source: arch/x86/boot/compressed/pgtable_64.c (v5.10, v6.12).
func (b *boot) pagingTrampoline(before, now memory) {
	t := &record.Trampoline{}
	b.facts.Trampoline = t
	if b.marks.Toggle == 0 { // the trampoline always runs and sets LA57 or not
		sets := b.machine.register("cr4")&cr4LA57 != 0
		t.SetsLA57 = &sets
	}
	for addr := range now.words {
		page := now.word(addr)
		if page == before.word(addr) || page == 0 || page >= memmap.MiB || page%memmap.PageSize != 0 {
			continue
		}
		t.Executed, t.Base, t.Size = true, record.Hex(page), 2*memmap.PageSize
		t.PageTable, t.CodePage = t.Base, t.Base+memmap.PageSize
		t.AllocatedBy = "decompressor, paging_prepare()"
		if b.marks.Toggle != 0 {
			t.AllocatedBy = "decompressor, find_trampoline_placement()"
			t.Toggle = t.CodePage + record.Hex(b.marks.Toggle)
		}
	}
}
