package design

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
)

// TestGRUBE820: as the kernel printed it on OVMF (recording grub-efi-1g-612-nokaslr),
// around the firmware's runtime services.
func TestGRUBE820(t *testing.T) {
	d := func(kind memmap.EFIType, start, end uint64) memmap.EFIDescriptor {
		return memmap.EFIDescriptor{Type: kind, Phys: start, Pages: (end - start) / memmap.PageSize, Attr: memmap.EFIWB}
	}
	got := grubE820(nil, []memmap.EFIDescriptor{
		d(memmap.EFILoaderData, 0x1500000, 0x4cee000), d(memmap.EFIConventional, 0x4cee000, 0x3f4ec000),
		d(memmap.EFIRuntimeServicesData, 0x3f4ec000, 0x3f5ec000), d(memmap.EFIRuntimeServicesCode, 0x3f5ec000, 0x3f6ec000),
		d(memmap.EFIReserved, 0x3f6ec000, 0x3f76c000), d(memmap.EFIACPIReclaim, 0x3f76c000, 0x3f77e000),
	})
	want := []memmap.E820Entry{
		{Addr: 0x1500000, Size: 0x3dfec000, Type: memmap.E820RAM},
		{Addr: 0x3f4ec000, Size: 0x100000, Type: memmap.E820Reserved},
		{Addr: 0x3f5ec000, Size: 0x100000, Type: 20},
		{Addr: 0x3f6ec000, Size: 0x80000, Type: memmap.E820Reserved},
		{Addr: 0x3f76c000, Size: 0x12000, Type: memmap.E820ACPI},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-recorded +made:\n%s", diff)
	}
}
