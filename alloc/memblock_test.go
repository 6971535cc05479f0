package alloc_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/alloc"
	"bootplan/linux"
	"bootplan/memmap"
)

// regions are a list's ranges.
func regions(l *alloc.RegionList) []memmap.Range {
	var list []memmap.Range
	for _, r := range l.Regions {
		list = append(list, r.Range)
	}
	return list
}

// memory returns an allocator with RAM in the given ranges.
func memory(t testing.TB, ranges ...memmap.Range) *alloc.Memblock {
	t.Helper()
	m := alloc.NewMemblock(linux.V6_12)
	for _, r := range ranges {
		if err := m.Add(r.Start, r.Len()); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func TestAddFillsGaps(t *testing.T) {
	m := memory(t, memmap.Range{Start: 0x1000, End: 0x2000}, memmap.Range{Start: 0x3000, End: 0x4000})
	if err := m.AddNode(0x1800, 0x2000, alloc.NoNode, alloc.Hotplug); err != nil {
		t.Fatal(err)
	}
	want := []alloc.Region{
		{Range: memmap.Range{Start: 0x1000, End: 0x2000}, Node: alloc.NoNode},
		{Range: memmap.Range{Start: 0x2000, End: 0x3000}, Node: alloc.NoNode, Flags: alloc.Hotplug},
		{Range: memmap.Range{Start: 0x3000, End: 0x4000}, Node: alloc.NoNode},
	}
	if diff := cmp.Diff(want, m.Memory.Regions); diff != "" {
		t.Error(diff)
	}
	if m.Warnings != 1 {
		t.Errorf("%d warnings, want one for the flags that disagree", m.Warnings)
	}
}

func TestRegionEndsBefore2to64(t *testing.T) {
	m := alloc.NewMemblock(linux.V6_12)
	if err := m.Reserve(math.MaxUint64-0xfff, 0x5000); err != nil {
		t.Fatal(err)
	}
	want := []memmap.Range{{Start: math.MaxUint64 - 0xfff, End: math.MaxUint64}}
	if diff := cmp.Diff(want, regions(&m.Reserved)); diff != "" {
		t.Error(diff)
	}
}

func TestFind(t *testing.T) {
	m := memory(t, memmap.Range{Start: 0, End: 0x10000}, memmap.Range{Start: 0x20000, End: 0x30000})
	if err := m.Reserve(0x28000, 0x1000); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name                    string
		up                      bool
		start, end, size, align uint64
		want                    uint64
	}{
		{"the highest place", false, 0, alloc.Anywhere, 0x1000, 0x1000, 0x2f000},
		{"below a reservation", false, 0, alloc.Anywhere, 0x8000, 0x1000, 0x20000},
		{"below a limit", false, 0, 0x2e800, 0x1000, 0x1000, 0x2d000},
		{"the lowest place is not page 0", true, 0, alloc.Anywhere, 0x1000, 0x1000, 0x1000},
		{"the lowest place from a start on", true, 0x27001, alloc.Anywhere, 0x1000, 0x1000, 0x29000},
		{"page 0 alone is no place", false, 0, 0x1000, 0x1000, 0x1000, 0},
		{"aligned downwards", false, 0, alloc.Anywhere, 0x1000, 0x20000, 0x20000},
		{"too large", false, 0, alloc.Anywhere, 0x10000, 0x1000, 0},
		{"end 1 means the limit", false, 0, alloc.NoLeakTrace, 0x1000, 0x1000, 0xf000},
	} {
		m.BottomUp = c.up
		m.Limit = 0x10000
		if got := m.Find(c.start, c.end, c.size, c.align); got != c.want {
			t.Errorf("%s: %#x, want %#x", c.name, got, c.want)
		}
	}
}

func TestFindPrefersMirroredMemory(t *testing.T) {
	m := memory(t, memmap.Range{Start: 0x100000, End: 0x300000})
	m.KernelcoreMirror = true
	if err := m.MarkMirror(0x100000, 0x1000); err != nil {
		t.Fatal(err)
	}
	var lines []string
	m.Log = func(line string) { lines = append(lines, line) }
	if got := m.Find(0, alloc.Anywhere, 0x1000, 0x1000); got != 0x100000 {
		t.Errorf("one page: %#x", got)
	}
	if got := m.Find(0, alloc.Anywhere, 0x2000, 0x1000); got != 0x2fe000 {
		t.Errorf("two pages: %#x", got)
	}
	want := []string{"Could not allocate 0x0000000000002000 bytes of mirrored memory"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}

func TestAllocPrefersNode(t *testing.T) {
	m := memory(t, memmap.Range{Start: 0x100000, End: 0x300000})
	if err := m.SetNode(0x100000, 0x100000, 0); err != nil {
		t.Fatal(err)
	}
	if err := m.SetNode(0x200000, 0x100000, 1); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		size  uint64
		exact bool
		want  uint64
		err   error
	}{
		{0x100000, true, 0x100000, nil},
		{0x1000, true, 0, alloc.ErrNoMemory},
		{0x1000, false, 0x2ff000, nil},
	} {
		got, err := m.AllocNode(c.size, 0x1000, 0, alloc.Accessible, 0, c.exact)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%+v: %#x, %v", c, got, err)
		}
	}
}

func TestAllocTryNodeGivesUpItsMinimum(t *testing.T) {
	m := memory(t, memmap.Range{Start: 0x100000, End: 0x200000})
	got, err := m.AllocTryNode(0x1000, 0x1000, 0x1000000, alloc.Accessible, 3)
	if got != 0x1ff000 || err != nil {
		t.Errorf("%#x, %v", got, err)
	}
}

// TrimMemory cuts [0x800,0x9fc00) to whole pages, and drops what holds none. The total
// loses only what was dropped.
func TestTrimMemoryForgetsTheTotal(t *testing.T) {
	m := memory(t, memmap.Range{Start: 0x800, End: 0x9fc00}, memmap.Range{Start: 0x100200, End: 0x100600})
	m.TrimMemory(memmap.PageSize)
	if diff := cmp.Diff([]memmap.Range{{Start: 0x1000, End: 0x9f000}}, regions(&m.Memory)); diff != "" {
		t.Error(diff)
	}
	if got := m.Memory.Total; got != 0x9f400 {
		t.Errorf("total %#x, want %#x", got, 0x9f400)
	}
}

func TestEnforceLimit(t *testing.T) {
	m := memory(t, memmap.Range{Start: 0x1000, End: 0x3000}, memmap.Range{Start: 0x10000, End: 0x20000})
	if err := m.Reserve(0x10000, 0x8000); err != nil {
		t.Fatal(err)
	}
	if err := m.EnforceLimit(0x3000); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]memmap.Range{{Start: 0x1000, End: 0x3000}, {Start: 0x10000, End: 0x11000}}, regions(&m.Memory)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]memmap.Range{{Start: 0x10000, End: 0x11000}}, regions(&m.Reserved)); diff != "" {
		t.Error(diff)
	}
}

func TestCapRangeKeepsUnmappedMemory(t *testing.T) {
	m := memory(t, memmap.Range{Start: 0x1000, End: 0x9000})
	if err := m.Mark(0x8000, 0x1000, alloc.NoMap); err != nil {
		t.Fatal(err)
	}
	if err := m.CapRange(0x2000, 0x1000); err != nil {
		t.Fatal(err)
	}
	want := []memmap.Range{{Start: 0x2000, End: 0x3000}, {Start: 0x8000, End: 0x9000}}
	if diff := cmp.Diff(want, regions(&m.Memory)); diff != "" {
		t.Error(diff)
	}
	if !m.IsMemory(0x8000) || m.IsMapMemory(0x8000) || !m.IsMapMemory(0x2fff) || m.IsMemory(0x3000) {
		t.Error("memory is where it should not be, or the other way round")
	}
}

func TestCapRangeOfNothingSaysSo(t *testing.T) {
	m := alloc.NewMemblock(linux.V6_12)
	var lines []string
	m.Log = func(line string) { lines = append(lines, line) }
	for _, size := range []uint64{0, 0x1000} { // a range without a size is none
		if err := m.CapRange(0x1000, size); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"memblock_cap_memory_range: No memory registered yet"}, lines); diff != "" {
		t.Error(diff)
	}
}

// 128 reservations fill the static array. Without AllowResize the 129th is the end;
// with it the array moves to 2 pages of free memory, above the range to be reserved.
func TestReservationsOutgrowTheirArray(t *testing.T) {
	full := func() *alloc.Memblock {
		m := memory(t, memmap.Range{Start: 0x100000, End: 0x800000})
		for i := range uint64(128) {
			if err := m.Reserve(0x100000+i*0x2000, 0x1000); err != nil {
				t.Fatal(err)
			}
		}
		return m
	}
	m := full()
	var p *linux.Panic
	if err := m.Reserve(0x300000, 0x1000); !errors.As(err, &p) || p.Text != "memblock: cannot resize reserved array" {
		t.Errorf("without AllowResize: %v", err)
	}
	m = full()
	m.AllowResize()
	if err := m.Reserve(0x7f8000, 0x7000); err != nil {
		t.Fatal(err)
	}
	if m.Reserved.Capacity != 256 || m.Reserved.Array != 0x7f6000 {
		t.Errorf("room for %d regions at %#x, want 256 right below the new reservation, at 0x7f6000", m.Reserved.Capacity, m.Reserved.Array)
	}
	last := m.Reserved.Regions[len(m.Reserved.Regions)-1].Range
	if want := (memmap.Range{Start: 0x7f6000, End: 0x7ff000}); last != want {
		t.Errorf("the last reservation is %v, want %v", last, want)
	}
}

func TestNoRoomForTheArray(t *testing.T) {
	m := memory(t, memmap.Range{Start: 0x100000, End: 0x200000})
	for i := range uint64(128) {
		if err := m.Reserve(0x100000+i*0x2000, 0x1000); err != nil {
			t.Fatal(err)
		}
	}
	m.AllowResize()
	if err := m.Reserve(0x300000, 0x1000); !errors.Is(err, alloc.ErrNoMemory) {
		t.Errorf("got %v", err)
	}
	if at, err := m.Alloc(0x800, 0x10); at != 0 || !errors.Is(err, alloc.ErrNoMemory) {
		t.Errorf("an allocation whose reservation fails: %#x, %v", at, err)
	}
}

// ops are random operations, all below 1 MiB so that they meet.
func ops(t *rapid.T, m *alloc.Memblock, each func()) {
	ends := func(name string) uint64 { return rapid.Uint64Range(0, 256).Draw(t, name) * 0x1000 }
	sizes := func() uint64 { return rapid.Uint64Range(0, 64).Draw(t, "pages") * 0x800 }
	for range rapid.IntRange(1, 60).Draw(t, "operations") {
		var err error
		switch rapid.IntRange(0, 5).Draw(t, "operation") {
		case 0:
			err = m.Add(ends("add"), sizes())
		case 1:
			err = m.Reserve(ends("reserve"), sizes())
		case 2:
			err = m.Remove(ends("remove"), sizes())
		case 3:
			err = m.Free(ends("free"), sizes())
		case 4:
			err = m.Mark(ends("mark"), sizes(), alloc.Hotplug)
		case 5:
			_, err = m.Alloc(sizes(), 0x1000)
		}
		if err != nil && !errors.Is(err, alloc.ErrNoMemory) {
			t.Fatal(err)
		}
		each()
	}
}

func TestListsStaySortedMergedAndCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := alloc.NewMemblock(linux.V6_12)
		m.BottomUp = rapid.Bool().Draw(t, "bottom up")
		m.AllowResize()
		ops(t, m, func() {
			for _, l := range []*alloc.RegionList{&m.Memory, &m.Reserved} {
				var bytes uint64
				for i, r := range l.Regions {
					bytes += r.Len()
					if r.Empty() || i > 0 && r.Start < l.Regions[i-1].End {
						t.Fatalf("region %d is empty or not behind its predecessor: %v", i, l.Regions)
					}
					if i > 0 && r.Start == l.Regions[i-1].End && r.Flags == l.Regions[i-1].Flags {
						t.Fatalf("region %d is not merged: %v", i, l.Regions)
					}
				}
				if bytes != l.Total || len(l.Regions) > l.Capacity {
					t.Fatalf("%#x bytes counted as %#x, %d regions in room for %d", bytes, l.Total, len(l.Regions), l.Capacity)
				}
			}
		})
	})
}

// Reserving and freeing agree with a set of addresses, and an allocation takes only
// memory that was free.
func TestReservationsAreASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := alloc.NewMemblock(linux.V6_12)
		m.AllowResize()
		ops(t, m, func() {})
		set, free := &memmap.Set{}, &memmap.Set{}
		for _, r := range m.Memory.Regions {
			free.Add(r.Range)
		}
		for _, r := range m.Reserved.Regions {
			set.Add(r.Range)
			free.Remove(r.Range)
		}
		at := rapid.Uint64Range(0, 1<<20).Draw(t, "at")
		size := rapid.Uint64Range(0, 1<<18).Draw(t, "size")
		if err := m.Reserve(at, size); err != nil {
			t.Fatal(err)
		}
		set.Add(memmap.Range{Start: at, End: at + size})
		free.Remove(memmap.Range{Start: at, End: at + size})
		size = rapid.Uint64Range(1, 1<<16).Draw(t, "allocate")
		if at, err := m.Alloc(size, 0x100); err == nil {
			got := memmap.Range{Start: at, End: at + size}
			if !free.Covers(got) || at%0x100 != 0 || at == 0 {
				t.Fatalf("%v was given out; free were %v", got, free.Ranges())
			}
			set.Add(got)
		}
		if diff := cmp.Diff(set.Ranges(), regions(&m.Reserved)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func BenchmarkMemblockAlloc(b *testing.B) {
	for _, n := range []uint64{128, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := memory(b, memmap.Range{Start: 0x100000, End: 1 << 40})
			m.AllowResize()
			for i := range n {
				if err := m.Reserve(1<<39+i*0x2000, 0x1000); err != nil {
					b.Fatal(err)
				}
			}
			m.Limit = 1<<39 + n*0x2000
			b.ReportAllocs()
			for b.Loop() {
				at, err := m.Alloc(0x2000, 0x1000) // no hole is large enough
				if err == nil {
					err = m.Free(at, 0x2000)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
