package verify

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
)

// plugged is a machine of 4 GiB to which the kernel added 1 GiB, as it was
// recorded of one with a pc-dimm.
func plugged() *Capture {
	return &Capture{
		SRAT: []string{
			"ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x0009ffff]",
			"ACPI: SRAT: Node 0 PXM 0 [mem 0x00100000-0x7fffffff]",
			"ACPI: SRAT: Node 0 PXM 0 [mem 0x100000000-0x17fffffff]",
			"ACPI: SRAT: Node 0 PXM 0 [mem 0x180000000-0x57fffffff] hotplug",
		},
		E820: []printedEntry{
			{Addr: 0x100000, Size: 0x7fedf000, Type: memmap.E820RAM},
			{Addr: 0x100000000, Size: 0x80000000, Type: memmap.E820RAM},
			{Addr: 0x200000000, Size: 0x40000000, Type: memmap.E820RAM}, // hot-pluggable, but there at boot
		},
		IOMem: []string{
			"00100000-7ffdefff : System RAM", "  01000000-01ffffff : Kernel code", "100000000-17fffffff : System RAM",
			"180000000-1bfffffff : System RAM", "200000000-23fffffff : System RAM", "fd00000000-ffffffffff : PCI Bus 0000:00",
		},
	}
}

func TestPluggedMemory(t *testing.T) {
	c := plugged()
	want := []memmap.Range{{Start: 0x180000000, End: 0x1c0000000}}
	if diff := cmp.Diff(want, c.pluggedMemory()); diff != "" {
		t.Error(diff)
	}
	if got, want := len(c.bootIOMem()), len(c.IOMem)-1; got != want {
		t.Errorf("%d lines stay, want %d", got, want)
	}
	if got := c.raisedPFN(0x180000); got != 0x1c0000 {
		t.Errorf("max_pfn %#x, want 0x1c0000", got)
	}
	if got := c.raisedPFN(0x240000); got != 0x240000 {
		t.Errorf("max_pfn %#x, want the higher one of the boot", got)
	}
	c.SRAT = nil
	if got := c.pluggedMemory(); got != nil {
		t.Errorf("%v was added, but nothing can be without an SRAT", got)
	}
}
