package alloc_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/alloc"
	"bootplan/memmap"
)

// pc is a PC of 1 GiB, with a reserved page in the middle and RAM above 4 GiB.
var pc = []memmap.E820Entry{
	{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM},
	{Addr: 0x9fc00, Size: 0x400, Type: memmap.E820Reserved},
	{Addr: 0x100000, Size: 0x3ff00800, Type: memmap.E820RAM},
	{Addr: 0x20000800, Size: 0x100, Type: memmap.E820NVS},
	{Addr: 0x100000000, Size: 0x40000000, Type: memmap.E820RAM},
}

// TestFoundMemoryIsFree: nothing below 1 MiB, no page that is reserved or taken in part,
// no part of a page, nothing above the limit.
func TestFoundMemoryIsFree(t *testing.T) {
	type free struct{ Start, End uint64 }
	for limit, want := range map[uint64][]free{
		4 * memmap.GiB: {{0x100000, 0x1000000}, {0x1004000, 0x20000000}, {0x20001000, 0x40000000}},
		1 << 52:        {{0x100000, 0x1000000}, {0x1004000, 0x20000000}, {0x20001000, 0x40000000}, {0x100000000, 0x140000000}},
		0x1002000:      {{0x100000, 0x1000000}},
		0x100000:       nil,
	} {
		f := &alloc.FoundMemory{}
		f.Find(pc, limit, []memmap.Range{{Start: 0x1000fff, End: 0x1003001}, {Start: 0x1000000, End: 0x1000001}})
		var got []free
		for _, d := range f.Map() {
			got = append(got, free{d.Phys, d.Phys + d.Pages*memmap.PageSize})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("below %#x, -worked out +found:\n%s", limit, diff)
		}
	}
}

// TestFoundMemoryPlaces: the highest place or the lowest, and no place.
func TestFoundMemoryPlaces(t *testing.T) {
	type answer struct {
		At     uint64
		Status alloc.Status
	}
	for _, test := range []struct {
		name        string
		kind        alloc.Kind
		pages, addr uint64
		down, up    answer
	}{
		{"any", alloc.AnyPages, 3, 0, answer{At: 0x3fffd000}, answer{At: 0x100000}},
		{"at most", alloc.MaxAddress, 2, 0x1ffffffe, answer{At: 0x1fffd000}, answer{At: 0x100000}},
		{"too low", alloc.MaxAddress, 2, 0x101ffe, answer{0, alloc.OutOfResources}, answer{0, alloc.OutOfResources}},
		{"too many", alloc.AnyPages, 0x20000, 0, answer{0, alloc.OutOfResources}, answer{0, alloc.OutOfResources}},
		{"at", alloc.Address, 1, 0x100000, answer{At: 0x100000}, answer{At: 0x100000}},
		{"reserved", alloc.Address, 1, 0x20000000, answer{0x20000000, alloc.NotFound}, answer{0x20000000, alloc.NotFound}},
		{"none", alloc.AnyPages, 0, 0, answer{0, alloc.InvalidParameter}, answer{0, alloc.InvalidParameter}},
	} {
		for _, up := range []bool{false, true} {
			f := &alloc.FoundMemory{Up: up}
			f.Find(pc, 4*memmap.GiB, nil)
			want := test.down
			if up {
				want = test.up
			}
			at, status := f.AllocatePages(test.kind, memmap.EFILoaderData, test.pages, test.addr)
			if diff := cmp.Diff(want, answer{at, status}); diff != "" {
				t.Errorf("%s, up %v: -worked out +got\n%s", test.name, up, diff)
			}
		}
	}
}

// TestFoundMemoryIsNobodyElses: what is handed out is free RAM and nobody else's, and
// comes back when it is freed.
func TestFoundMemoryIsNobodyElses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &alloc.FoundMemory{Up: rapid.Bool().Draw(t, "up")}
		f.Find(pc, 4*memmap.GiB, nil)
		free := memmap.Set{}
		for _, d := range f.Map() {
			free.Add(memmap.Range{Start: d.Phys, End: d.Phys + d.Pages*memmap.PageSize})
		}
		before := free.Clone()
		var held []memmap.Range
		for range rapid.IntRange(1, 30).Draw(t, "calls") {
			pages := rapid.Uint64Range(1, 0x8000).Draw(t, "pages")
			at, status := f.AllocatePages(alloc.AnyPages, memmap.EFILoaderData, pages, 0)
			if status != alloc.Success {
				continue
			}
			r := memmap.Range{Start: at, End: at + pages*memmap.PageSize}
			if !free.Covers(r) {
				t.Fatalf("%v is not free", r)
			}
			free.Remove(r)
			held = append(held, r)
		}
		for _, r := range held {
			if status := f.FreePages(r.Start, r.Len()/memmap.PageSize); status != alloc.Success {
				t.Fatalf("free %v: %v", r, status)
			}
			if status := f.FreePages(r.Start, 1); status != alloc.NotFound {
				t.Fatalf("free %v twice: %v", r, status)
			}
		}
		after := memmap.Set{}
		for _, d := range f.Map() {
			after.Add(memmap.Range{Start: d.Phys, End: d.Phys + d.Pages*memmap.PageSize})
		}
		if diff := cmp.Diff(before.Ranges(), after.Ranges()); diff != "" {
			t.Errorf("after everything was freed:\n%s", diff)
		}
	})
}
