package memmap_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
)

func kernelEFIMap(t *testing.T, size uint64, descs ...memmap.EFIDescriptor) *memmap.KernelEFIMap {
	t.Helper()
	m, err := memmap.NewKernelEFIMap(0x1000, descs, 48, size)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var (
	free    = memmap.EFIDescriptor{Type: memmap.EFIConventional, Phys: 0x100000, Pages: 0x100, Attr: memmap.EFIWB}
	noPages = memmap.EFIDescriptor{Type: memmap.EFIConventional, Phys: 0x300000, Attr: memmap.EFIWB}
	wraps   = memmap.EFIDescriptor{Type: memmap.EFIReserved, Phys: ^uint64(0xfff), Pages: 2}
)

func TestCleanDropsWhatCannotBe(t *testing.T) {
	last := memmap.EFIDescriptor{Type: memmap.EFIReserved, Phys: 0xffffffffffffe000, Pages: 1}
	m := kernelEFIMap(t, 5*48, noPages, free, wraps, last, free)
	if got := m.Clean(); got != 2 {
		t.Errorf("%d dropped, want 2", got)
	}
	if diff := cmp.Diff([]memmap.EFIDescriptor{free, last, free}, m.Descriptors()); diff != "" {
		t.Error(diff)
	}
	if got := m.Clean(); got != 0 {
		t.Errorf("%d dropped the second time", got)
	}
}

// The lines are those that the kernel's own code printed.
func TestCleanSaysWhatItDrops(t *testing.T) {
	m := kernelEFIMap(t, 5*48, noPages, free, wraps,
		memmap.EFIDescriptor{Type: memmap.EFIMMIO, Phys: 0x1000, Pages: 2 << 52, Attr: memmap.EFIUC},
		memmap.EFIDescriptor{Type: memmap.EFIMMIO, Phys: 0x7ffffffffffff000, Pages: 1<<52 - 1, Attr: memmap.EFIUC})
	var got []string
	m.Log = func(line string) { got = append(got, line) }
	m.Clean()
	want := []string{
		"efi: [Firmware Bug]: Invalid EFI memory map entries:",
		"efi: mem00: [Conventional|   |  |  |  |  |  |  |  |  |  |   |WB|  |  |  ] range=[0x0000000000300000-0x0000000000000000] (invalid)",
		"efi: mem02: [Reserved    |   |  |  |  |  |  |  |  |  |  |   |  |  |  |  ] range=[0xfffffffffffff000-0x10000000000000fff] (invalid)",
		"efi: mem03: [MMIO        |   |  |  |  |  |  |  |  |  |  |   |  |  |  |UC] range=[0x0000000000001000-0x20000000000000fff] (invalid)",
		"efi: mem04: [MMIO        |   |  |  |  |  |  |  |  |  |  |   |  |  |  |UC] range=[0x7ffffffffffff000-0x7fffffffffffdfff] (invalid)",
		"efi: Removing 4 invalid memory map entries.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The map ends within a descriptor that is not valid. The kernel drops it, although it
// was never in, and with it a valid one.
func TestCleanLosesAValidDescriptor(t *testing.T) {
	m := kernelEFIMap(t, 2*48+8, free, free, noPages)
	if got := m.Clean(); got != 1 {
		t.Errorf("%d dropped, want 1", got)
	}
	if diff := cmp.Diff([]memmap.EFIDescriptor{free}, m.Descriptors()); diff != "" {
		t.Error(diff)
	}
	if got := m.Size(); got != 48 {
		t.Errorf("%d bytes", got)
	}
}

func TestNewKernelEFIMapRefusesAnArrayTooShort(t *testing.T) {
	for _, c := range []struct{ descSize, size uint64 }{{48, 49}, {0, 0}} {
		if _, err := memmap.NewKernelEFIMap(0, []memmap.EFIDescriptor{free}, c.descSize, c.size); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
}

func TestAddToE820(t *testing.T) {
	descs := []memmap.EFIDescriptor{
		{Type: memmap.EFIConventional, Phys: 0x1000, Pages: 1, Attr: memmap.EFIWB},
		{Type: memmap.EFIConventional, Phys: 0x2000, Pages: 1, Attr: memmap.EFIUC}, // cannot be cached
		{Type: memmap.EFIConventional, Phys: 0x3000, Pages: 1, Attr: memmap.EFIWB | memmap.EFISP},
		{Type: memmap.EFIACPIReclaim, Phys: 0x4000, Pages: 1},
		{Type: memmap.EFIACPINVS, Phys: 0x5000, Pages: 1},
		{Type: memmap.EFIUnusable, Phys: 0x6000, Pages: 1},
		{Type: memmap.EFIPersistent, Phys: 0x7000, Pages: 1},
		{Type: memmap.EFIUnaccepted, Phys: 0x8000, Pages: 1},
		{Type: 0x80000000, Phys: 0x9000, Pages: 1},
	}
	m := kernelEFIMap(t, 9*48, descs...)
	var tab memmap.E820Table
	m.AddToE820(&tab, true)
	want := []memmap.E820Entry{
		{0x1000, 0x1000, memmap.E820RAM}, {0x2000, 0x1000, memmap.E820Reserved},
		{0x3000, 0x1000, memmap.E820SoftReserved}, {0x4000, 0x1000, memmap.E820ACPI},
		{0x5000, 0x1000, memmap.E820NVS}, {0x6000, 0x1000, memmap.E820Unusable},
		{0x7000, 0x1000, memmap.E820PMEM}, {0x8000, 0x2000, memmap.E820Reserved},
	}
	if diff := cmp.Diff(want, tab.Entries()); diff != "" {
		t.Error(diff)
	}
	if !m.NeedsE820(true) || m.NeedsE820(false) {
		t.Error("a soft reservation does not decide")
	}
}

// The first two lines are what Linux 6.12.117 printed on OVMF, where it was mem128.
func TestRemoveMMIO(t *testing.T) {
	var lines []string
	tab := memmap.E820Table{Log: func(line string) { lines = append(lines, line) }}
	tab.Add(0xfec00000, 0x1000, memmap.E820Reserved)
	tab.Add(0xffc00000, 0x400000, memmap.E820Reserved)
	m := kernelEFIMap(t, 2*48,
		memmap.EFIDescriptor{Type: memmap.EFIMMIO, Phys: 0xffc00000, Pages: 0x400},
		memmap.EFIDescriptor{Type: memmap.EFIMMIO, Phys: 0xfec00000, Pages: 1})
	m.RemoveMMIO(&tab)
	want := []string{
		"efi: Remove mem00: MMIO range=[0xffc00000-0xffffffff] (4MB) from e820 map",
		"e820: remove [mem 0xffc00000-0xffffffff] reserved",
		"efi: Not removing mem01: MMIO range=[0xfec00000-0xfec00fff] (4KB) from e820 map",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]memmap.E820Entry{{0xfec00000, 0x1000, memmap.E820Reserved}, {}}, tab.Entries()); diff != "" {
		t.Error(diff)
	}
}
