package design

import (
	"bootplan/memmap"
	"bootplan/sim"
)

// lowMemoryEnd is where Baskov's series wants its trampoline to end: 640 KiB.
const lowMemoryEnd = 0xa0000

// prepareLow allocates a page each for table, code and stack, on every boot.
func (s *stub) prepareLow(b *sim.Boot) error {
	const source = baskovDirect + "prepare_trampoline" + baskovPatch
	r, err := s.fw.For(switchName, "three pages below 640 KiB: page table, 32-bit code and its stack", source).
		TakePages(memmap.EFILoaderData, 3*memmap.PageSize, lowMemoryEnd-1)
	if err != nil {
		return err
	}
	s.paging = pagingSwitch{whole: r, table: sized(r.Start, memmap.PageSize), code: sized(r.Start+memmap.PageSize, memmap.PageSize)}
	b.Do(sim.Step{Op: sim.Write, Object: switchName, Range: r, Why: "cleared", Source: source})
	b.Do(sim.Step{Op: sim.Write, Object: switchName, Range: s.paging.code, Keep: true, Why: "code from a template", Source: source})
	b.Place("paging_trampoline", r, 0)
	return s.protectSwitch(b)
}

// trampolineStack is the last page.
func (s *stub) trampolineStack() memmap.Range {
	return memmap.Range{Start: s.paging.code.End, End: s.paging.whole.End}
}

// restrictTrampoline gives each of the pages the rights that it needs.
func (s *stub) restrictTrampoline() {
	s.restrict(switchName, s.paging.table, memmap.EFIXP)
	s.restrict(switchName, s.paging.code, memmap.EFIRO)
	s.restrict(switchName, s.trampolineStack(), memmap.EFIXP)
}

// runTrampoline goes through the pages, whether the paging level changes or not.
func (s *stub) runTrampoline(b *sim.Boot, change bool) {
	const source = "arch/x86/boot/compressed/head_64.S:trampoline_32bit_src" + baskovPatch
	if change {
		b.Do(sim.Step{Op: sim.Write, Object: pageTablesName, Range: s.paging.table, Keep: true, Why: newRoot(s.la57), Source: source})
	}
	b.Do(sim.Step{Op: sim.Write, Object: switchName, Range: s.trampolineStack(), Why: "the stack of 32-bit code", Source: source})
	b.Do(sim.Step{Op: sim.Exec, Object: switchName, Bits32: true, Range: s.paging.code, Why: passing(s.la57, change), Source: source})
}
