package alloc

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"bootplan/linux"
	"bootplan/memmap"
)

// Counted by hand: a table for every 1 GiB, one for every 512 GiB, with 5-level
// paging one for every 256 TiB, and the root.
func TestIdentityMapCost(t *testing.T) {
	const gib, tib = memmap.GiB, memmap.TiB
	for _, c := range []struct {
		name            string
		la57, startup32 bool
		start, end      uint64
		want            int
	}{
		{"nothing but the root", false, false, 0x200000, 0x200000, 1},
		{"no byte, but rounded to 2 MiB", false, false, 0x1000, 0x1000, 3},
		{"one byte", false, false, 0x1000, 0x1001, 3},
		{"one byte, 5 levels", true, false, 0x1000, 0x1001, 4},
		{"two sides of a 1 GiB border", false, false, gib - 1, gib + 1, 4},
		{"two sides of a 512 GiB border", false, false, tib/2 - 1, tib/2 + 1, 5},
		{"two sides of a 256 TiB border, 5 levels", true, false, 256*tib - 1, 256*tib + 1, 7},
		{"what startup_32 has mapped", false, true, 0, 4 * gib, 0},
		{"the first byte behind", false, true, 4 * gib, 4*gib + 1, 1},
		{"the first byte behind, 5 levels", true, true, 4 * gib, 4*gib + 1, 1},
		{"an address that 4 levels cannot tell from 0", false, true, 256 * tib, 256*tib + 1, 0},
	} {
		m := NewIdentityMap(32, c.la57, c.startup32)
		if err := m.Add(c.start, c.end); err != nil || m.Pool.Used != c.want {
			t.Errorf("%s: %d pages, %v; want %d", c.name, m.Pool.Used, err, c.want)
		}
	}
}

func TestIdentityMapRunsOut(t *testing.T) {
	m := NewIdentityMap(PoolPages(linux.V6_12, true), false, false)
	// The root, one table of 512 GiB and 30 of 1 GiB.
	if err := m.Add(0, 30*memmap.GiB); err != nil || m.Pool.Used != 32 || !m.Pool.Low || m.Pool.Exhausted {
		t.Errorf("30 GiB: %+v, %v", m.Pool, err)
	}
	if err := m.Add(0, 30*memmap.GiB); err != nil {
		t.Errorf("once more: %v", err)
	}
	if err := m.Add(30*memmap.GiB, 30*memmap.GiB+1); !errors.Is(err, ErrPageTables) || !m.Pool.Exhausted {
		t.Errorf("one byte more: %+v, %v", m.Pool, err)
	}
}

func TestPoolPages(t *testing.T) {
	for _, c := range []struct {
		v      linux.Version
		random bool
		want   int
	}{{linux.V6_6, false, 32}, {linux.V6_5, true, 17}, {linux.V6_5, false, 6}} {
		if got := PoolPages(c.v, c.random); got != c.want {
			t.Errorf("%v, %v: got %d, want %d", c.v, c.random, got, c.want)
		}
	}
}

func TestInitialize(t *testing.T) {
	memory := BootMemory{ImageStart: 0x100000, ImageEnd: 0x900000, BootParams: 0x10000, CommandLine: 0x20000,
		SetupData: []SetupNode{{Addr: 2*memmap.GiB - 17, Len: 1}, {Addr: 3*memmap.GiB - 17, Len: 2}}}
	for v, want := range map[linux.Version]int{
		linux.V5_15: 3, // the root, 512 GiB, the first GiB
		linux.V6_12: 6, // and the second, the third, and by one byte the fourth
	} {
		m := NewIdentityMap(32, false, false)
		if err := m.Initialize(memory, v); err != nil || m.Pool.Used != want {
			t.Errorf("%v: %d pages, %v; want %d", v, m.Pool.Used, err, want)
		}
	}
}

// The oracle divides addresses; no table is built.
func TestIdentityMapAgainstDivision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		la57 := rapid.Bool().Draw(t, "la57")
		m := NewIdentityMap(1<<20, la57, false)
		units := map[memmap.Range]bool{}
		for range rapid.IntRange(1, 10).Draw(t, "ranges") {
			start := rapid.Uint64Range(0, 1<<46).Draw(t, "start")
			end := start + rapid.Uint64Range(1, 1<<41).Draw(t, "size")
			if err := m.Add(start, end); err != nil {
				t.Fatal(err)
			}
			for _, unit := range []uint64{memmap.GiB, 512 * memmap.GiB, 256 * memmap.TiB} {
				if unit > memmap.TiB && !la57 {
					continue
				}
				for at := start / unit * unit; at < end; at += unit {
					units[memmap.Range{Start: at, End: at + unit}] = true
				}
			}
		}
		if want := 1 + len(units); m.Pool.Used != want {
			t.Fatalf("%d tables, want %d", m.Pool.Used, want)
		}
	})
}
