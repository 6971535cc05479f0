package probe

import (
	"bytes"

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
	d := b.found()
	if m.runTo(base + b.marks.Jump); !m.ok() {
		return
	}
	copied, output := m.register("rbx"), m.register("rbp")
	b.facts.Decompressor = &record.Decompressor{
		Startup32: record.Hex(base), BootParams: record.Hex(b.zeroPage),
		Relocated: record.Hex(copied), RelocatedEnd: record.Hex(copied + b.kernel.Decompressor.End),
		OutputInitial: record.Hex(output), RelocatedBSS: record.Hex(copied + b.kernel.Decompressor.BSS),
	}
	d.OutputInitial, d.Relocated, d.NeededSize = hex(output), hex(copied), hex(b.kernel.NeededSize())
	b.pagingTrampoline(base)
	if b.permissions {
		m.runTo(copied + b.marks.Relocated)
		b.notePermissions("relocated decompressor (.Lrelocated, first instruction)")
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
	d.LoadedAt, d.BootParams = hex(base), hex(b.zeroPage)
	d.EBDASegment = hex(uint64(m.word(ebdaSegment)))
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

// pagingTrampoline finds the trampoline by the only variable that now holds the address of a
// page below 1 MiB: no other data of the image at base changes into one.
// Source: arch/x86/boot/compressed/pgtable_64.c (v5.10, v6.12).
func (b *boot) pagingTrampoline(base uint64) {
	data := b.file[b.kernel.SetupBytes():]
	begin, end := b.marks.Relocated&^7, b.kernel.Decompressor.BSS
	now := b.machine.read(base+begin, int(end-begin))
	t := &record.Trampoline{}
	if b.marks.Toggle == 0 { // the trampoline always runs and sets LA57 or not
		sets := b.machine.register("cr4")&cr4LA57 != 0
		t.SetsLA57 = &sets
	}
	for at := 0; at+8 <= len(now); at += 8 {
		was := data[min(begin+uint64(at), uint64(len(data))):]
		if len(was) >= 8 && bytes.Equal(now[at:at+8], was[:8]) {
			continue
		}
		if addr := little(now[at:]); addr >= memmap.PageSize && addr < 1*memmap.MiB && addr%memmap.PageSize == 0 {
			t.Executed, t.Base, t.Size = true, record.Hex(addr), 2*memmap.PageSize
			t.PageTable, t.CodePage = t.Base, t.Base+memmap.PageSize
			t.AllocatedBy = "decompressor, paging_prepare()"
			if b.marks.Toggle != 0 {
				t.AllocatedBy = "decompressor, find_trampoline_placement()"
				t.Toggle = t.CodePage + record.Hex(b.marks.Toggle)
			}
		}
	}
	b.facts.Trampoline = t
}
