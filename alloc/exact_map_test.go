package alloc

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"bootplan/memmap"
)

// Counted by hand: besides the root a table for 512 GiB and one for 1 GiB; a whole 2 MiB
// needs none, a part of it one, whatever was mapped there before.
func TestExactMapCost(t *testing.T) {
	const mib = memmap.MiB
	type span struct{ start, end uint64 }
	for _, c := range []struct {
		name string
		la57 bool
		add  []span
		want int
	}{
		{"nothing but the root", false, nil, 1},
		{"no byte", false, []span{{0x1000, 0x1000}}, 1},
		{"one byte", false, []span{{0x1000, 0x1001}}, 4},
		{"one byte, 5 levels", true, []span{{0x1000, 0x1001}}, 5},
		{"2 MiB", false, []span{{2 * mib, 4 * mib}}, 3},
		{"2 MiB off by a page", false, []span{{2*mib + 0x1000, 4*mib + 0x1000}}, 5},
		{"44 MiB and a page at both ends", false, []span{{2*mib - 1, 46*mib + 1}}, 5},
		{"2 MiB that are split", false, []span{{2 * mib, 4 * mib}, {2 * mib, 2*mib + 1}}, 4},
		{"a page that becomes 2 MiB", false, []span{{2 * mib, 2*mib + 1}, {2 * mib, 4 * mib}}, 4},
		{"two sides of a 1 GiB border", false, []span{{memmap.GiB - 1, memmap.GiB + 1}}, 6},
	} {
		m := exactMap(64, 0, c.la57)
		for _, s := range c.add {
			if err := m.Add(s.start, s.end); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if m.Pool.Used != c.want {
			t.Errorf("%s: %d pages, want %d", c.name, m.Pool.Used, c.want)
		}
	}
}

// TestExactMapRunsOut: the six pages of startup_32 count as handed out.
func TestExactMapRunsOut(t *testing.T) {
	m := exactMap(10, startup32Tables, false)
	if err := m.Add(0, 1); err != nil || m.Pool.Used != 10 {
		t.Errorf("%+v, %v", m.Pool, err)
	}
	if err := m.Add(4*memmap.MiB, 4*memmap.MiB+1); !errors.Is(err, ErrPageTables) || !m.Pool.Exhausted {
		t.Errorf("%+v, %v", m.Pool, err)
	}
}

// TestExactMapAgainstBlocks: an independent count, block by block. A block of 2 MiB of
// which something was mapped in part has a table; a block of 1 GiB or 512 GiB that
// anything of was mapped has one.
func TestExactMapAgainstBlocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := exactMap(1<<20, 0, false)
		tables := map[[2]uint64]bool{}
		for range rapid.IntRange(1, 8).Draw(t, "spans") {
			start := rapid.Uint64Range(0, 4*memmap.GiB).Draw(t, "start")
			size := rapid.Uint64Range(1, 64*memmap.MiB).Draw(t, "size")
			if err := m.Add(start, start+size); err != nil {
				t.Fatal(err)
			}
			first, last := start/memmap.PageSize, (start+size-1)/memmap.PageSize
			for page := first; page <= last; page++ {
				tables[[2]uint64{39, page >> 27}] = true
				tables[[2]uint64{30, page >> 18}] = true
				if block := page >> 9 << 9; block < first || block+511 > last {
					tables[[2]uint64{21, page >> 9}] = true
				}
			}
		}
		if want := 1 + len(tables); m.Pool.Used != want {
			t.Errorf("%d pages, want %d", m.Pool.Used, want)
		}
	})
}

func exactMap(poolPages, used int, la57 bool) *IdentityMap {
	m := &IdentityMap{}
	m.ResetExact(poolPages, used, la57)
	return m
}
