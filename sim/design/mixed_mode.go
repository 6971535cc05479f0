package design

import (
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
)

// mixed reports whether the firmware is a 32-bit one.
func (s *stub) mixed() bool { return s.fw.IA32() }

// enterLongMode is the way of 64-bit code that 32-bit firmware has started: page tables
// for the first 4 GiB, and long mode. It calls the firmware with paging off. Until 7.2
// it runs through the 32-bit entry of the decompressor, with a zero page on the
// firmware's stack that makes the page tables end up in the image's own memory, unless
// that lies below LOAD_PHYSICAL_ADDR.
func (s *stub) enterLongMode(b *sim.Boot) {
	source := "arch/x86/boot/compressed/head_64.S:startup_32"
	base := max(memmap.AlignUp(s.startup(), memmap.PageSize), s.kernel.Setup.PrefAddress)
	switch {
	case s.version < linux.V6_6: // the zero page is the loader's or the image's header, and says how large the buffer is
		_, base = settled(s.kernel, s.startup(), s.code)
	case s.ways.release >= linux.V7_2:
		source, base = "arch/x86/boot/startup/efi-mixed.S:efi32_startup", s.startup()
	}
	root := sized(base+s.kernel.Decompressor.PgTable, initTables)
	s.root = root.Start
	b.Do(sim.Step{Op: sim.Write, Object: pageTablesName, Range: root, Keep: true,
		Why: "six pages of tables: 64-bit code needs paging, which 32-bit firmware does without", Source: source})
	low := memmap.Range{End: 4 * memmap.GiB}
	b.SwitchTo(b.NewTables("stub's first 4 GiB"), sim.Step{Object: pageTablesName, Range: root,
		Why: "long mode; whenever the firmware is called, paging goes off again", Source: source})
	b.Do(sim.Step{Op: sim.Map, Object: "first 4 GiB", Range: low, Perm: sim.RWX,
		Why: "every page readable, writable and executable: entries 0x183, no NX", Source: source})
}
