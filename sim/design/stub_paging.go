package design

import (
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/firmware"
)

// pagingSwitch is the memory from which the stub switches paging levels.
type pagingSwitch struct {
	whole       memmap.Range // empty: none was allocated
	code, table memmap.Range // a page each
}

// preparePaging provides for a switch of paging levels while the firmware still hands
// out memory.
func (s *stub) preparePaging(b *sim.Boot) error {
	const fails = "efi_setup_5level_paging() failed!"
	switch s.choices.Trampoline {
	case switchBelow4G:
		return s.givesUp(b, fails, s.prepareBelow4G(b))
	case switchLowEFI:
		return s.givesUp(b, fails, s.prepareLow(b))
	}
	return nil
}

// prepareBelow4G allocates code and table for a switch of paging levels, whenever
// the CPU knows 5-level paging, wanted or not. 32-bit firmware would not survive one.
func (s *stub) prepareBelow4G(b *sim.Boot) error {
	if !b.Scenario.CPU.LA57 || s.mixed() {
		return nil
	}
	const source = "drivers/firmware/efi/libstub/x86-5lvl.c:efi_setup_5level_paging"
	r, err := s.fw.For(switchName, "two pages below 4 GiB: the switch runs in 32-bit mode", source).
		TakePages(memmap.EFILoaderData, 2*memmap.PageSize, firmware.Below4G)
	if err != nil {
		return err
	}
	s.paging = pagingSwitch{whole: r, code: sized(r.Start, memmap.PageSize), table: sized(r.Start+memmap.PageSize, memmap.PageSize)}
	b.Do(sim.Step{Op: sim.Write, Object: switchName, Range: s.paging.code, Keep: true, Why: "code from a template, padded to the page", Source: source})
	b.Place("paging_trampoline", s.paging.whole, 0)
	return s.protectSwitch(b)
}

// wants5Level reports whether the kernel shall run with 5-level paging.
func (s *stub) wants5Level(b *sim.Boot) bool {
	return b.Scenario.CPU.LA57 && !s.options.No5Level && !s.mixed() && knows5Level(s.kernel)
}

// switchPaging turns 5-level paging on or off, as it is wanted, when boot services are over.
func (s *stub) switchPaging(b *sim.Boot) error {
	change := s.la57 != s.wants5Level(b)
	switch s.choices.Trampoline {
	case switchBelow4G:
		if change || s.ways.alwaysToggles && !s.la57 {
			s.runSwitch(b)
		}
	case switchLowEFI:
		s.runTrampoline(b, change)
		s.la57 = s.la57 != change
	case switchLow, switchLowAlways:
		return s.switchInLowMemory(b)
	}
	return nil
}

// runSwitch goes through the pages that were allocated for it, if any were.
func (s *stub) runSwitch(b *sim.Boot) {
	const source = "drivers/firmware/efi/libstub/x86-5lvl.c:efi_5level_switch"
	if s.paging.whole.Empty() {
		return
	}
	if s.la57 {
		b.Assume("the firmware's page tables lie below 4 GiB: without the topmost level the table below it is the root")
	} else {
		b.Do(sim.Step{Op: sim.Write, Object: pageTablesName, Range: s.paging.table, Keep: true, Why: newRoot(s.la57), Source: source})
	}
	b.Do(sim.Step{Op: sim.Exec, Object: switchName, Bits32: true, Range: s.paging.code, Why: toggling(s.la57), Source: source})
	s.la57 = !s.la57
}
