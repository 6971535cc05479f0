package alloc

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
)

// The maps and numbers below are those of worked examples that were computed by hand.

// exampleMap has room in three pieces, and a fourth that is too small.
func exampleMap() []memmap.EFIDescriptor {
	d := func(t memmap.EFIType, start, end uint64) memmap.EFIDescriptor {
		return memmap.EFIDescriptor{Type: t, Phys: start, Pages: (end - start) / memmap.PageSize, Attr: memmap.EFIWB}
	}
	return []memmap.EFIDescriptor{
		d(memmap.EFIConventional, 0, 0xa0000), d(memmap.EFIConventional, 0x100000, 0x7f00000),
		d(memmap.EFILoaderData, 0x8000000, 0x8200000),
		d(memmap.EFIConventional, 0x10000000, 0x70000000), d(memmap.EFIConventional, 0x100000000, 0x180000000),
	}
}

// TestRandomAllocOfWorkedExample: 42 MiB at a multiple of 2 MiB, for kernels that know no
// minimum, for those that do, and below 512 MiB.
func TestRandomAllocOfWorkedExample(t *testing.T) {
	type row struct {
		Min, Max, Seed uint64
		OldSlots       bool // address 0 would do
	}
	type result struct{ Slots, Target, Addr uint64 }
	const size, all = 0x2a00000, ^uint64(0)
	want := map[row]result{
		{0, all, 0, true}:                   {1794, 0, 0x200000},
		{0, all, 0x40000000, true}:          {1794, 448, 0x42c00000},
		{0, all, 0x80000000, true}:          {1794, 897, 0x10d600000},
		{0, all, 0xffffffff, true}:          {1794, 1793, 0x17d600000},
		{0x200000, all, 0x40000000, false}:  {1794, 448, 0x42c00000},
		{0x1000000, all, 0, false}:          {1787, 0, 0x1000000},
		{0x1000000, all, 0x40000000, false}: {1787, 446, 0x43600000},
		{0x1000000, all, 0x80000000, false}: {1787, 893, 0x10dc00000},
		{0x1000000, all, 0xffffffff, false}: {1787, 1786, 0x17d600000},

		{0x1000000, 0x1fffffff, 0xffffffff, false}: {143, 142, 0x1d600000},
	}
	got := map[row]result{}
	for r := range want {
		q := Request{Size: size, Align: 2 * memmap.MiB, Min: r.Min, Max: r.Max, AllowZero: r.OldSlots}
		addr, status := RandomAlloc(NewModelFirmware(exampleMap()), q, r.Seed, memmap.EFILoaderCode)
		if status != Success {
			t.Errorf("%+v: %v", r, status)
		}
		var slots uint64
		for _, a := range q.Areas(nil, exampleMap()) {
			slots += a.Slots
		}
		got[r] = result{slots, TargetSlot(slots, r.Seed), addr}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +computed:\n%s", diff)
	}
}

// TestTooLargeForWorkedExample: 4 GiB fit nowhere; older stubs do not notice.
func TestTooLargeForWorkedExample(t *testing.T) {
	q := Request{Size: 4 * memmap.GiB, Align: 2 * memmap.MiB, Max: ^uint64(0)}
	for _, seed := range []uint64{0, 0x80000000, 0xffffffff} {
		_, status := RandomAlloc(NewModelFirmware(exampleMap()), q, seed, memmap.EFILoaderCode)
		older := q
		older.NoSlotSucceeds = true
		_, oldStatus := RandomAlloc(NewModelFirmware(exampleMap()), older, seed, memmap.EFILoaderCode)
		if status != OutOfResources || oldStatus != NoAddress {
			t.Errorf("seed %#x: %v, older stubs %v", seed, status, oldStatus)
		}
	}
}

// given is firmware that answers every request with one address, and notes what it is
// asked for.
type given struct {
	addr  uint64
	asked uint64 // pages, or address
	freed [][2]uint64
}

func (g *given) AllocatePages(_ Kind, _ memmap.EFIType, pages, _ uint64) (uint64, Status) {
	g.asked = pages
	return g.addr, Success
}

func (g *given) FreePages(addr, pages uint64) Status {
	g.freed = append(g.freed, [2]uint64{addr, pages})
	return Success
}

func (g *given) Map() []memmap.EFIDescriptor { return nil }

// TestAlignedPagesOfWorkedExample: 42 MiB at a multiple of 2 MiB out of 0x2bff pages.
func TestAlignedPagesOfWorkedExample(t *testing.T) {
	type result struct {
		Asked, Addr uint64
		Freed       [][2]uint64
	}
	want := map[uint64]result{
		0x7fe03000: {0x2bff, 0x80000000, [][2]uint64{{0x7fe03000, 0x1fd}, {0x82a00000, 0x2}}},
		0x7fe00000: {0x2bff, 0x7fe00000, [][2]uint64{{0x82800000, 0x1ff}}},
		0x7fffe000: {0x2bff, 0x80000000, [][2]uint64{{0x7fffe000, 0x2}, {0x82a00000, 0x1fd}}},
	}
	got := map[uint64]result{}
	for addr := range want {
		fw := &given{addr: addr}
		at, status := AllocatePagesAligned(fw, 0x2a00000, ^uint64(0), 2*memmap.MiB, memmap.EFILoaderData)
		if status != Success {
			t.Errorf("%#x: %v", addr, status)
		}
		got[addr] = result{fw.asked, at, fw.freed}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +computed:\n%s", diff)
	}
}

// limited is firmware that notes the limit that it is given.
type limited struct {
	given
	limit uint64
}

func (l *limited) AllocatePages(_ Kind, _ memmap.EFIType, _, addr uint64) (uint64, Status) {
	l.limit = addr
	return 0, Success
}

// TestLimitsOfWorkedExample: what the stub's limits become.
func TestLimitsOfWorkedExample(t *testing.T) {
	want := map[uint64]uint64{
		0: ^uint64(0), 0xa0000: 0x9ffff, 0xffffffff: 0xffffffff, 0x7fffffff: 0x7fffffff, ^uint64(0): ^uint64(0),
	}
	got := map[uint64]uint64{}
	for last := range want {
		fw := &limited{}
		AllocatePages(fw, memmap.PageSize, last)
		got[last] = fw.limit
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +computed:\n%s", diff)
	}
}
