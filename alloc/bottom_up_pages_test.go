package alloc

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
)

func newBottomUp(t testing.TB, descs ...memmap.EFIDescriptor) *BottomUpPages {
	b, err := NewBottomUpPages(descs)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBottomUpIsAFirmware(t *testing.T) {
	checkBootServices(t, firmwareUnderTest{start: func(descs []memmap.EFIDescriptor) (BootServices, error) {
		return NewBottomUpPages(descs)
	}})
}

// Each call starts on a new firmware: free [0,3), data [3,5), free [5,12).
func TestBottomUpAllocatePages(t *testing.T) {
	const page = memmap.PageSize
	for _, c := range []struct {
		name        string
		kind        Kind
		t           memmap.EFIType
		pages, addr uint64 // addr in bytes
		want        uint64 // in bytes
		status      Status
	}{
		{"the lowest place but page 0", AnyPages, data, 2, 0, page, Success},
		{"the lowest that is large enough", AnyPages, data, 3, 0, 5 * page, Success},
		{"up to a last byte", MaxAddress, data, 3, 8*page - 1, 5 * page, Success},
		{"one byte too many", MaxAddress, data, 3, 8*page - 2, 0, OutOfResources},
		{"more than there is", AnyPages, data, 8, 0, 0, OutOfResources},
		{"no pages", AnyPages, data, 0, 0, 0, OutOfResources},
		{"2^64 bytes and a page", AnyPages, data, 1<<52 + 1, 0, 0, OutOfResources},
		{"page 0", Address, data, 1, 0, 0, Success},
		{"across used memory", Address, data, 4, 2 * page, 0, NotFound},
		{"past the end", Address, data, 2, 11 * page, 0, NotFound},
		{"inside a page", Address, data, 1, page + 8, 0, NotFound},
		{"around the end of the address space", Address, data, 2, lastPage, 0, NotFound},
		{"no pages at an address", Address, data, 0, page, 0, NotFound},
		{"free memory as a type", AnyPages, conv, 1, 0, 0, InvalidParameter},
		{"an OEM type", AnyPages, 0x70000000, 1, 0, page, Success},
		{"an unknown kind", 3, data, 1, 0, 0, InvalidParameter},
	} {
		b := newBottomUp(t, desc(data, 3, 5), desc(conv, 5, 12), desc(conv, 0, 3))
		at, status := b.AllocatePages(c.kind, c.t, c.pages, c.addr)
		if at != c.want || status != c.status {
			t.Errorf("%s: got %#x, %v; want %#x, %v", c.name, at, status, c.want, c.status)
		}
		if changed := b.MapKey() == 1; changed != (c.status == Success) {
			t.Errorf("%s: key %d", c.name, b.MapKey())
		}
	}
}

// Runtime memory has its attribute as long as it is allocated, and a free may take back
// memory of several types, or nothing.
func TestBottomUpFreePages(t *testing.T) {
	b := newBottomUp(t, desc(conv, 1, 8), desc(memmap.EFIReserved, 8, 9))
	for _, kind := range []memmap.EFIType{data, memmap.EFIRuntimeServicesData} {
		if _, status := b.AllocatePages(AnyPages, kind, 2, 0); status != Success {
			t.Fatal(status)
		}
	}
	runtime := desc(memmap.EFIRuntimeServicesData, 3, 5)
	runtime.Attr |= memmap.EFIRuntime
	reserved := desc(memmap.EFIReserved, 8, 9)
	if diff := cmp.Diff([]memmap.EFIDescriptor{desc(data, 1, 3), runtime, desc(conv, 5, 8), reserved}, b.Map()); diff != "" {
		t.Error(diff)
	}
	checkFreePages(t, b,
		freeCall{"runs into free memory", 0x2000, 4, NotFound},
		freeCall{"free memory", 0x6000, 1, NotFound},
		freeCall{"past the end", 0x8000, 2, NotFound},
		freeCall{"no pages", 0x1000, 0, InvalidParameter},
		freeCall{"part of a page", 0x1800, 1, InvalidParameter},
		freeCall{"two types", 0x2000, 2, Success},
	)
	runtime.Phys, runtime.Pages = 0x4000, 1
	if diff := cmp.Diff([]memmap.EFIDescriptor{desc(data, 1, 2), desc(conv, 2, 4), runtime, desc(conv, 5, 8), reserved}, b.Map()); diff != "" {
		t.Error(diff)
	}
}

func TestBottomUpPool(t *testing.T) {
	b := newBottomUp(t, desc(conv, 1, 5))
	checkAllocatePool(t, b,
		poolCall{0, 0x1000, Success},
		poolCall{0x1001, 0x2000, Success},
		poolCall{0x1001, 0, OutOfResources},
		poolCall{^uint64(0), 0, OutOfResources},
	)
	for _, c := range []struct {
		addr uint64
		want Status
	}{{0x3000, InvalidParameter}, {0x2000, Success}, {0x2000, InvalidParameter}, {0x1000, Success}} {
		if got := b.FreePool(c.addr); got != c.want {
			t.Errorf("freeing %#x: got %v, want %v", c.addr, got, c.want)
		}
	}
	if diff := cmp.Diff([]memmap.EFIDescriptor{desc(conv, 1, 5)}, b.Map()); diff != "" {
		t.Error(diff)
	}
}
