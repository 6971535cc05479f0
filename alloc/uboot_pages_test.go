package alloc

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
)

// uDesc is a descriptor of pages [start, end) as U-Boot reports it.
func uDesc(t memmap.EFIType, start, end uint64) memmap.EFIDescriptor {
	d := desc(t, start, end)
	d.Virt = d.Phys
	return d
}

func newUBoot(t testing.TB, ramTop uint64, descs ...memmap.EFIDescriptor) *UBootPages {
	u, err := NewUBootPages(descs, ramTop)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

const noLimit = ^uint64(0)

func TestUBootIsAFirmware(t *testing.T) {
	checkBootServices(t, firmwareUnderTest{start: func(descs []memmap.EFIDescriptor) (BootServices, error) {
		return NewUBootPages(descs, noLimit)
	}})
}

// RAM above ram_top belongs to U-Boot; attributes are U-Boot's own; what touches and is
// equal is one; each range counts once in the key, the part above ram_top once more.
func TestUBootStart(t *testing.T) {
	const runtime = memmap.EFIRuntimeServicesCode
	u := newUBoot(t, 24*memmap.PageSize+1,
		desc(conv, 20, 32), desc(memmap.EFIMMIO, 40, 41), desc(conv, 1, 4), desc(conv, 4, 8), desc(runtime, 8, 9), desc(conv, 36, 38))
	mmio, rt := uDesc(memmap.EFIMMIO, 40, 41), uDesc(runtime, 8, 9)
	mmio.Attr, rt.Attr = memmap.EFIRuntime, memmap.EFIWB|memmap.EFIRuntime
	want := []memmap.EFIDescriptor{
		uDesc(conv, 1, 8), rt, uDesc(conv, 20, 24), uDesc(memmap.EFIBootServicesData, 24, 32),
		uDesc(memmap.EFIBootServicesData, 36, 38), mmio,
	}
	if diff := cmp.Diff(want, u.Map()); diff != "" {
		t.Error(diff)
	}
	if u.MapKey() != 8 || u.MapSize() != 240 {
		t.Errorf("key %d, size %d; want 8, 240", u.MapKey(), u.MapSize())
	}
}

func TestNewUBootPagesRefuses(t *testing.T) {
	for want, descs := range map[string][]memmap.EFIDescriptor{
		"EFI descriptor 0: U-Boot knows no memory of type 16":                                                                   {desc(16, 0, 4)},
		"EFI descriptors 0 and 1 share [mem 0x0000000000003000-0x0000000000003fff]: a firmware cannot allocate from such a map": {desc(conv, 0, 4), desc(data, 3, 5)},
		"EFI descriptor 1: 0x2000 bytes at 0xfffffffffffff000: range wraps around 2^64":                                         {desc(conv, 0, 4), {Type: conv, Phys: lastPage, Pages: 2}},
	} {
		if _, err := NewUBootPages(descs, noLimit); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// Each call starts on a new firmware: free [1,8), data [8,10), free [10,12), a hole, and
// free [16,20), at key 4.
func TestUBootAllocatePages(t *testing.T) {
	const page = memmap.PageSize
	for _, c := range []struct {
		name        string
		kind        Kind
		t           memmap.EFIType
		pages, addr uint64 // addr in bytes
		want        uint64 // in bytes
		status      Status
		key         uint64
	}{
		{"the highest place", AnyPages, data, 2, 0, 18 * page, Success, 5},
		{"the highest that is large enough", AnyPages, data, 5, 0, 3 * page, Success, 5},
		{"below a limit", MaxAddress, data, 1, 18 * page, 17 * page, Success, 5},
		{"the last byte of a page is no better", MaxAddress, data, 1, 18*page + page - 1, 17 * page, Success, 5},
		{"a limit in the first page of the lowest range", MaxAddress, data, 1, page + 1, 0, OutOfResources, 4},
		{"more than there is", AnyPages, data, 8, 0, 0, OutOfResources, 4},
		{"more bytes than the highest address: counts as a change", AnyPages, data, 21, 0, 0, OutOfResources, 5},
		{"at an address", Address, data, 7, page, page, Success, 5},
		{"inside a page", Address, data, 1, page + 8, 0, NotFound, 4},
		{"in use", Address, data, 1, 8 * page, 0, NotFound, 4},
		{"in the hole", Address, data, 1, 12 * page, 0, NotFound, 4},
		{"runs into used memory", Address, data, 8, page, 0, OutOfResources, 5},
		{"no pages: the end of the highest memory", AnyPages, data, 0, 0, 20 * page, Success, 4},
		{"free memory as a type", AnyPages, conv, 1, 0, 19 * page, Success, 5},
		{"persistent memory", AnyPages, memmap.EFIPersistent, 1, 0, 0, InvalidParameter, 4},
		{"the last reserved type", AnyPages, 0x6fffffff, 1, 0, 0, InvalidParameter, 4},
		{"an OEM type", AnyPages, 0x7fffffff, 1, 0, 0, OutOfResources, 4},
		{"an OS type", AnyPages, 0x80000000, 1, 0, 19 * page, Success, 5},
		{"an unknown kind", 3, data, 1, 0, 0, InvalidParameter, 4},
	} {
		u := newUBoot(t, noLimit, desc(conv, 1, 8), desc(data, 8, 10), desc(conv, 10, 12), desc(conv, 16, 20))
		at, status := u.AllocatePages(c.kind, c.t, c.pages, c.addr)
		if at != c.want || status != c.status || u.MapKey() != c.key {
			t.Errorf("%s: got %#x, %v, key %d; want %#x, %v, key %d", c.name, at, status, u.MapKey(), c.want, c.status, c.key)
		}
	}
}

// A request that is refused in the middle has already cut free memory out of the map.
func TestUBootLosesMemory(t *testing.T) {
	const page = memmap.PageSize
	for name, c := range map[string]struct {
		descs       []memmap.EFIDescriptor
		page, pages uint64
		want        []memmap.EFIDescriptor
	}{
		"into a hole": {
			[]memmap.EFIDescriptor{desc(conv, 1, 8)}, 6, 4,
			[]memmap.EFIDescriptor{uDesc(conv, 1, 6)},
		},
		"across used memory: the upper part goes": {
			[]memmap.EFIDescriptor{desc(conv, 1, 8), desc(data, 8, 9), desc(conv, 9, 12)}, 6, 5,
			[]memmap.EFIDescriptor{uDesc(conv, 1, 8), uDesc(data, 8, 9), uDesc(conv, 11, 12)},
		},
		"more than 2^64 bytes": {
			[]memmap.EFIDescriptor{desc(conv, 1, 8)}, 2, 1<<52 + 3,
			[]memmap.EFIDescriptor{uDesc(conv, 1, 2), uDesc(conv, 5, 8)},
		},
	} {
		u := newUBoot(t, noLimit, c.descs...)
		if _, status := u.AllocatePages(Address, data, c.pages, c.page*page); status != OutOfResources {
			t.Errorf("%s: got %v", name, status)
		}
		if diff := cmp.Diff(c.want, u.Map()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// One FreePages may free memory of several types, and make memory where none was.
func TestUBootFreePages(t *testing.T) {
	u := newUBoot(t, noLimit, desc(conv, 0, 1), desc(data, 1, 4), desc(code, 4, 6), desc(memmap.EFIReserved, 8, 10))
	checkFreePages(t, u,
		freeCall{"free memory", 0, 1, NotFound},
		freeCall{"no memory", 0x6000, 1, NotFound},
		freeCall{"part of a page", 0x1800, 1, InvalidParameter},
		freeCall{"no pages", 0x1000, 0, InvalidParameter},
		freeCall{"two types, a hole and reserved memory", 0x2000, 7, Success},
	)
	want := []memmap.EFIDescriptor{uDesc(conv, 0, 1), uDesc(data, 1, 2), uDesc(conv, 2, 9), uDesc(memmap.EFIReserved, 9, 10)}
	if diff := cmp.Diff(want, u.Map()); diff != "" {
		t.Error(diff)
	}
	page0 := newUBoot(t, noLimit, desc(data, 0, 1))
	if got := page0.FreePages(0, 1); got != InvalidParameter {
		t.Errorf("page 0: got %v", got)
	}
}

// A block has pages of its own, and a header of 64 bytes in front.
func TestUBootPool(t *testing.T) {
	u := newUBoot(t, noLimit, desc(conv, 1, 16))
	checkAllocatePool(t, u,
		poolCall{0, 0, Success},
		poolCall{1, 0xf040, Success},
		poolCall{0xfc0, 0xe040, Success}, // fills a page
		poolCall{0xfc1, 0xc040, Success},
		poolCall{0x100000, 0, OutOfResources},
	)
	for _, c := range []struct {
		name string
		addr uint64
		want Status
	}{
		{"no address", 0, InvalidParameter},
		{"free memory", 0x1040, NotFound},
		{"the header", 0xc000, InvalidParameter},
		{"inside the block", 0xc080, InvalidParameter},
		{"a block", 0xc040, Success},
		{"a block again", 0xc040, NotFound},
	} {
		if got := u.FreePool(c.addr); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
	want := []memmap.EFIDescriptor{uDesc(conv, 1, 14), uDesc(data, 14, 16)}
	if diff := cmp.Diff(want, u.Map()); diff != "" {
		t.Error(diff)
	}
}
