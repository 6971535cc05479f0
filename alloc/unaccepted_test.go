package alloc

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/memmap"
	"bootplan/memmap/mapgen"
)

func unaccepted(start, end uint64) memmap.EFIDescriptor {
	return memmap.EFIDescriptor{Type: memmap.EFIUnaccepted, Phys: start, Pages: (end - start) / memmap.PageSize}
}

func TestNewUnacceptedTable(t *testing.T) {
	for _, c := range []struct {
		name       string
		descs      []memmap.EFIDescriptor
		base, size uint64
	}{
		{"1 GiB in whole units: 512 bits", []memmap.EFIDescriptor{unaccepted(0x100000000, 0x140000000)}, 0x100000000, 64},
		{"parts of units count whole: 9 bits", []memmap.EFIDescriptor{unaccepted(0x301000, 0x1301000)}, 0x200000, 2},
		{"from the lowest to the highest", []memmap.EFIDescriptor{
			unaccepted(0x80000000, 0x80200000), free(0x100000, 0x80000000, 0), unaccepted(0x40000000, 0x40001000),
		}, 0x40000000, 65}, // 513 bits
	} {
		got := NewUnacceptedTable(c.descs)
		if got.PhysBase != c.base || got.Size != c.size || got.Bytes() != 24+c.size || got.UnitSize != 0x200000 {
			t.Errorf("%s: got %+v", c.name, got)
		}
	}
	if got := NewUnacceptedTable([]memmap.EFIDescriptor{free(0, 0x80000000, 0)}); got != nil {
		t.Errorf("all is accepted: got %+v", got)
	}
}

// eightUnits is a table for [16 MiB, 32 MiB).
func eightUnits(bits ...memmap.Range) *UnacceptedTable {
	return &UnacceptedTable{Version: 1, UnitSize: 0x200000, PhysBase: 0x1000000, Size: 1, Bits: *memmap.NewSet(bits...)}
}

type ranges = []memmap.Range

// collect returns a function that appends to list.
func collect(list *ranges) func(memmap.Range) {
	return func(r memmap.Range) { *list = append(*list, r) }
}

func TestUnacceptedProcess(t *testing.T) {
	for _, c := range []struct {
		name           string
		start, end     uint64
		accepted, bits ranges
		err            string
	}{
		{"two units", 0x1000000, 0x1400000, nil, ranges{{Start: 0, End: 2}}, ""},
		{"a page less than two units", 0x1000000, 0x13ff000, ranges{{Start: 0x1000000, End: 0x13ff000}}, nil, ""},
		{"two units across three", 0x1100000, 0x1500000,
			ranges{{Start: 0x1100000, End: 0x1200000}, {Start: 0x1400000, End: 0x1500000}}, ranges{{Start: 1, End: 2}}, ""},
		{"no pages", 0x1000000, 0x1000000, ranges{{Start: 0x1000000, End: 0x1000000}}, nil, ""},
		{"begins below the bitmap", 0xc00000, 0x1400000, ranges{{Start: 0xc00000, End: 0x1000000}}, ranges{{Start: 0, End: 2}}, ""},
		{"ends where the bitmap begins", 0xc00000, 0x1000000, ranges{{Start: 0xc00000, End: 0x1000000}}, nil, ""},
		{"below the bitmap", 0x400000, 0x800000, ranges{{Start: 0x400000, End: 0x800000}}, nil, ""},
		{"ends behind the bitmap", 0x1e00000, 0x2400000, ranges{{Start: 0x2000000, End: 0x2400000}}, ranges{{Start: 7, End: 8}}, ""},
		{"begins where the bitmap ends", 0x2000000, 0x2400000, ranges{{Start: 0x2000000, End: 0x2400000}}, nil, ""},
		{"behind the bitmap", 0x2400000, 0x2800000, ranges{{Start: 0x2000000, End: 0x2800000}}, nil,
			"unaccepted memory from 0x2400000 on lies behind the bitmap, which ends at 0x2000000: the stub writes outside of its table"},
	} {
		table, accepted, message := eightUnits(), ranges(nil), ""
		if err := table.Process(c.start, c.end, collect(&accepted)); err != nil {
			message = err.Error()
		}
		if diff := cmp.Diff(c.accepted, accepted); diff != "" {
			t.Errorf("%s: accepted: %s", c.name, diff)
		}
		if diff := cmp.Diff(c.bits, table.Bits.Ranges()); diff != "" {
			t.Errorf("%s: bits: %s", c.name, diff)
		}
		if message != c.err {
			t.Errorf("%s: got %q, want %q", c.name, message, c.err)
		}
	}
}

func TestUnacceptedAccept(t *testing.T) {
	for _, c := range []struct {
		name           string
		start, size    uint64
		accepted, left ranges // bits left of 0, 1 and 4 to 7
	}{
		{"one byte", 0x1000000, 1, ranges{{Start: 0x1000000, End: 0x1200000}}, ranges{{Start: 1, End: 2}, {Start: 4, End: 8}}},
		{"across two units", 0x11ff000, 0x2000, ranges{{Start: 0x1000000, End: 0x1400000}}, ranges{{Start: 4, End: 8}}},
		{"the middle of a run", 0x1a00000, 0x400000, ranges{{Start: 0x1a00000, End: 0x1e00000}},
			ranges{{Start: 0, End: 2}, {Start: 4, End: 5}, {Start: 7, End: 8}}},
		{"everything", 0, 1 << 63, ranges{{Start: 0x1000000, End: 0x1400000}, {Start: 0x1800000, End: 0x2000000}}, nil},
		{"up to the bitmap", 0, 0x1000000, nil, ranges{{Start: 0, End: 2}, {Start: 4, End: 8}}},
		{"behind the bitmap", 0x2000000, 0x1000, nil, ranges{{Start: 0, End: 2}, {Start: 4, End: 8}}},
		{"nothing, at the start of a unit", 0x1000000, 0, nil, ranges{{Start: 0, End: 2}, {Start: 4, End: 8}}},
		{"nothing, inside a unit", 0x1100000, 0, ranges{{Start: 0x1000000, End: 0x1200000}}, ranges{{Start: 1, End: 2}, {Start: 4, End: 8}}},
	} {
		table, accepted := eightUnits(memmap.Range{Start: 0, End: 2}, memmap.Range{Start: 4, End: 8}), ranges(nil)
		table.Accept(c.start, c.size, collect(&accepted))
		if diff := cmp.Diff(c.accepted, accepted); diff != "" {
			t.Errorf("%s: accepted: %s", c.name, diff)
		}
		if diff := cmp.Diff(c.left, table.Bits.Ranges()); len(c.left)+len(table.Bits.Ranges()) > 0 && diff != "" {
			t.Errorf("%s: bits left: %s", c.name, diff)
		}
	}
}

// A machine's unaccepted memory is accepted exactly once, and nothing else ever is:
// first what the stub accepts, then the block of a kernel, then the rest.
func TestUnacceptedMemoryIsAcceptedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		descs := mapgen.EFI().Draw(t, "map")
		for i := range descs {
			if isFree(&descs[i]) {
				descs[i].Type = memmap.EFIUnaccepted
			}
		}
		want := allOf(descs, func(d memmap.EFIDescriptor) bool { return d.Type == memmap.EFIUnaccepted })
		table := NewUnacceptedTable(descs)
		if table == nil {
			if len(want.Ranges()) > 0 {
				t.Fatal("no table")
			}
			return
		}
		got := &memmap.Set{}
		accept := func(r memmap.Range) {
			if rest := want.Missing(r); !rest.Empty() {
				t.Fatalf("%v is not unaccepted memory", rest)
			}
			if again := got.Overlap(r); !again.Empty() {
				t.Fatalf("%v is accepted twice", again)
			}
			got.Add(r)
		}
		for i := range descs {
			if d := &descs[i]; d.Type == memmap.EFIUnaccepted {
				if err := table.Process(d.Phys, descEnd(d), accept); err != nil {
					t.Fatal(err)
				}
			}
		}
		kernel := memmap.Range{Start: rapid.Uint64Range(0, memmap.TiB).Draw(t, "start")}
		kernel.End = kernel.Start + rapid.Uint64Range(1, memmap.GiB).Draw(t, "size")
		table.Accept(kernel.Start, kernel.Len(), accept)
		in, _ := want.Intersection(kernel)
		for _, r := range in {
			if rest := got.Missing(r); !rest.Empty() {
				t.Fatalf("%v is not accepted, and the kernel at %v covers it", rest, kernel)
			}
		}
		table.Accept(0, ^uint64(0), accept)
		if diff := cmp.Diff(want.Ranges(), got.Ranges()); diff != "" {
			t.Fatal(diff)
		}
	})
}
