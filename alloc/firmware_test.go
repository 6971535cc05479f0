package alloc

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
)

func TestModelFirmware(t *testing.T) {
	fw := NewModelFirmware([]memmap.EFIDescriptor{
		free(0x100000, 0x180000, 0), free(0x180000, 0x200000, memmap.EFIHotPluggable), // free is free, and merged
		{Type: memmap.EFIBootServicesData, Phys: 0x400000, Pages: 0x100},
		{Type: conv, Phys: ^uint64(0xfff), Pages: 2}, // wraps around
		free(^uint64(0x1fff), ^uint64(0xfff), 0),     // ends at 2^64-4096
	}, memmap.Range{Start: 0x1f0000, End: 0x1f1000})
	for _, c := range []struct {
		name        string
		kind        Kind
		pages, addr uint64
		want        uint64
		status      Status
	}{
		{"highest", AnyPages, 1, 0, ^uint64(0x1fff), Success},
		{"above the busy page", MaxAddress, 15, 0x200fff, 0x1f1000, Success},
		{"too large for that", MaxAddress, 16, 0x200fff, 0x1e0000, Success},
		{"the last byte of a page", MaxAddress, 1, 0x1effff, 0x1ef000, Success},
		{"one byte before", MaxAddress, 1, 0x1efffe, 0x1ee000, Success},
		{"across descriptors", Address, 0xf0, 0x100000, 0x100000, Success},
		{"one page too many", Address, 0xf1, 0x100000, 0, NotFound},
		{"other types", Address, 1, 0x400000, 0, NotFound},
		{"inside a page", Address, 1, 0x100800, 0, InvalidParameter},
		{"wraps around", Address, 2, ^uint64(0xfff), 0, NotFound},
		{"no pages", AnyPages, 0, 0, 0, InvalidParameter},
		{"2^64 bytes", AnyPages, 1 << 52, 0, 0, InvalidParameter},
		{"too large for all", AnyPages, 0xf1, 0, 0, OutOfResources},
	} {
		if at, status := fw.AllocatePages(c.kind, data, c.pages, c.addr); at != c.want || status != c.status {
			t.Errorf("%s: got %#x, %v; want %#x, %v", c.name, at, status, c.want, c.status)
		}
	}
}

func TestStatusIsAnError(t *testing.T) {
	if err := Success.Err(); err != nil {
		t.Errorf("success: got %v", err)
	}
	if err := NotFound.Err(); !errors.Is(err, NotFound) || err.Error() != "EFI_NOT_FOUND" {
		t.Errorf("got %v", err)
	}
}

func TestNoMemoryTellsEveryReason(t *testing.T) {
	q := Request{Size: 0x200000, Align: 0x200000, Min: 0x1000000, Max: 0xffffffff, SoftReserve: true}
	err := NoMemory([]memmap.EFIDescriptor{
		free(0x100000, 0x900000, 0),
		{Type: memmap.EFIBootServicesCode, Phys: 0x1000000, Pages: 0x1000},
		free(0x2100000, 0x2380000, 0),
		free(0x4000000, 0x5000000, memmap.EFIHotPluggable),
		free(0x5000000, 0x6000000, memmap.EFISP),
		free(0x6000000, 0x6400000, 0),
		free(0x100000000, 0x200000000, 0),
		{Type: conv, Phys: 0xfffffffffffff000, Pages: 2},
	}, q)
	if !errors.Is(err, ErrNoMemory) {
		t.Error("not ErrNoMemory")
	}
	const want = `no memory for 0x200000 bytes at a multiple of 0x200000 from 0x1000000 to 0xffffffff
  [mem 0x0000000000100000-0x00000000008fffff]: below the minimum 0x1000000
  [mem 0x0000000002100000-0x000000000237ffff]: too small: 0x180000 bytes from 0x2200000
  [mem 0x0000000004000000-0x0000000004ffffff]: hot-pluggable
  [mem 0x0000000005000000-0x0000000005ffffff]: kept for a device driver (specific purpose)
  [mem 0x0000000006000000-0x00000000063fffff]: has room, but the firmware refused the address
  [mem 0x0000000100000000-0x00000001ffffffff]: above the limit 0xffffffff
  [mem 0xfffffffffffff000 empty]: wraps around the end of the address space`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
}
