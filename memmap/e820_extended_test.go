package memmap_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/linux"
	"bootplan/memmap"
)

// Entries up to the one that wraps around 2^64 count, in all three tables.
func TestSetupExtended(t *testing.T) {
	k := memmap.NewKernelE820(linux.V6_12, nil)
	k.Setup(memmap.BootMemory{Table: []memmap.E820Entry{{0, 0x9f000, memmap.E820RAM}, {1 << 20, 1 << 20, memmap.E820RAM}}})
	k.SetupExtended([]memmap.E820Entry{
		{1 << 32, 1 << 20, memmap.E820RAM}, {^uint64(0), 2, memmap.E820RAM}, {2 << 32, 1 << 20, memmap.E820RAM},
	})
	want := []memmap.E820Entry{
		{0, 0x9f000, memmap.E820RAM}, {1 << 20, 1 << 20, memmap.E820RAM}, {1 << 32, 1 << 20, memmap.E820RAM},
	}
	for name, tab := range map[string]*memmap.E820Table{"kernel": &k.Table, "kexec": &k.Kexec, "firmware": &k.Firmware} {
		if diff := cmp.Diff(want, tab.Entries()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// The lines about PCI are those of 6.12.117 on QEMU's "pc" machine with 1 GiB, and the
// kernel's own for a map without a gap.
func TestPCIGapLines(t *testing.T) {
	var lines []string
	tab := memmap.E820Table{Log: func(line string) { lines = append(lines, line) }}
	tab.Add(0x100000, 0x3ff00000, memmap.E820RAM)
	tab.Add(0xfffc0000, 0x40000, memmap.E820Reserved)
	tab.PCIGap(0x3ffe0)
	tab.Add(0, 4<<30, memmap.E820RAM)
	tab.PCIGap(0x100000)
	want := []string{
		"[mem 0x40000000-0xfffbffff] available for PCI devices",
		"Cannot find an available gap in the 32-bit address range",
		"PCI devices with unassigned 32-bit BARs may not work!",
		"[mem 0x100100000-0x1004fffff] available for PCI devices",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}
