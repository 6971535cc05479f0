package trampoline

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/memmap/mapgen"
)

func ram(start, end uint64) memmap.E820Entry {
	return memmap.E820Entry{Addr: start, Size: end - start, Type: memmap.E820RAM}
}

// Each version of the search on tables that tell it from its neighbours, worked out
// by hand. v5.10 stands for everything since v5.3.
func TestVersions(t *testing.T) {
	pc := linux.BIOSWords{BaseKiB: 639, EBDASegment: 0x9fc0}
	reserved := memmap.E820Entry{Addr: 0x90000, Size: 0x10000, Type: memmap.E820Reserved}
	for _, c := range []struct {
		name  string
		in    Input
		want  map[linux.Version]uint64
		wraps bool // in v5.0
	}{
		{"a PC", Input{BIOS: pc, Table: []memmap.E820Entry{ram(0, 0x9fc00)}},
			map[linux.Version]uint64{linux.V4_18: 0x9d000, linux.V5_0: 0x9d000, linux.V5_1: 0x9d000, linux.V5_10: 0x9d000}, false},
		{"reserved memory where the BIOS states RAM", Input{BIOS: pc, Table: []memmap.E820Entry{ram(0, 0x8e000), reserved}},
			map[linux.Version]uint64{linux.V4_18: 0x9d000, linux.V5_0: 0x8c000, linux.V5_1: 0x8c000, linux.V5_10: 0x8c000}, false},
		{"an EBDA below base memory", Input{BIOS: linux.BIOSWords{BaseKiB: 600, EBDASegment: 0x8001}, Table: []memmap.E820Entry{ram(0, 0x9fc00)}},
			map[linux.Version]uint64{linux.V4_18: 0x7e000, linux.V5_10: 0x7e000}, false},
		{"an EBDA at 128 KiB does not count", Input{BIOS: linux.BIOSWords{BaseKiB: 600, EBDASegment: 0x2000}, Table: []memmap.E820Entry{ram(0, 0x9fc00)}},
			map[linux.Version]uint64{linux.V5_10: 0x94000}, false},
		{"base memory of 127 KiB is not believed", Input{BIOS: linux.BIOSWords{BaseKiB: 127, EBDASegment: 0}, Table: []memmap.E820Entry{ram(0, 0x9fc00)}},
			map[linux.Version]uint64{linux.V5_10: 0x9d000}, false},
		{"old kernels read the BIOS words on EFI", Input{BIOS: linux.BIOSWords{BaseKiB: 512, EBDASegment: 0}, EFI: true, Table: []memmap.E820Entry{ram(0, 0xa0000)}},
			map[linux.Version]uint64{linux.V5_0: 0x7e000, linux.V5_1: 0x9d000, linux.V5_10: 0x9d000}, false},
		{"the Chromebook", Input{BIOS: pc, Table: []memmap.E820Entry{ram(0, 0x1000), {Addr: 0xfffff000, Size: 0x1000, Type: memmap.E820Reserved}}},
			map[linux.Version]uint64{linux.V4_18: 0x9d000, linux.V5_0: ^uint64(0xfff), linux.V5_10: 0x9d000}, true},
		{"a page that is too little", Input{BIOS: pc, Table: []memmap.E820Entry{ram(0x50000, 0x51000)}},
			map[linux.Version]uint64{linux.V5_0: 0x4f000, linux.V5_1: 0x4f000, linux.V5_10: 0x9d000}, false},
		{"two pages at 0", Input{BIOS: pc, Table: []memmap.E820Entry{ram(0, 0x2000)}},
			map[linux.Version]uint64{linux.V5_0: 0, linux.V5_10: 0}, false},
		{"an unsorted table whose last entry ends the search", Input{BIOS: pc, Table: []memmap.E820Entry{ram(0x10000, 0x80000), ram(0, 0x1000)}},
			map[linux.Version]uint64{linux.V5_0: ^uint64(0xfff), linux.V5_10: 0x9d000}, true},
		{"an entry that wraps around ends low", Input{BIOS: pc, Table: []memmap.E820Entry{ram(0, 0x40000), {Addr: 0x1000, Size: ^uint64(0), Type: memmap.E820RAM}}},
			map[linux.Version]uint64{linux.V5_0: ^uint64(0x1fff), linux.V5_10: 0x9d000}, true},
		{"no table", Input{BIOS: pc}, map[linux.Version]uint64{linux.V5_0: 0x9d000, linux.V5_10: 0x9d000}, false},
	} {
		for v, want := range c.want {
			if got := Find(&c.in, v); got.Start != want {
				t.Errorf("%s, %v: got %#x, want %#x", c.name, v, got.Start, want)
			}
		}
		if _, err := Find(&c.in, linux.V5_0).Range(); errors.Is(err, memmap.ErrWrap) != c.wraps {
			t.Errorf("%s, v5.0: %v", c.name, err)
		}
	}
}

// TestWorkedExamples are five machines worked out by hand; all releases since 5.3 agree.
func TestWorkedExamples(t *testing.T) {
	above := ram(0x100000, 0x40000000)
	for name, c := range map[string]struct {
		in   Input
		want uint64
	}{
		"EFI":                     {Input{EFI: true, Table: []memmap.E820Entry{ram(0, 0x9f000), above}}, 0x9d000},
		"BIOS, 639 KiB":           {Input{BIOS: linux.BIOSWords{BaseKiB: 0x27f, EBDASegment: 0x9fc0}, Table: []memmap.E820Entry{ram(0, 0x9fc00), above}}, 0x9d000},
		"BIOS, 512 KiB":           {Input{BIOS: linux.BIOSWords{BaseKiB: 0x200}, Table: []memmap.E820Entry{ram(0, 0x80000), above}}, 0x7e000},
		"EFI, little low memory":  {Input{EFI: true, Table: []memmap.E820Entry{ram(0x1000, 0x58000), above}}, 0x56000},
		"EFI, no RAM below 1 MiB": {Input{EFI: true, Table: []memmap.E820Entry{above}}, 0x9d000},
	} {
		for _, v := range []linux.Version{linux.V5_3, linux.V5_10, linux.V6_5, linux.V6_12} {
			if got := Find(&c.in, v); got.Start != c.want {
				t.Errorf("%s, %v: got %#x, worked out %#x", name, v, got.Start, c.want)
			}
		}
	}
}

func TestEntriesBehindThe128thAreNotSeen(t *testing.T) {
	in := &Input{Table: make([]memmap.E820Entry, memmap.MaxE820Table)}
	in.Table[0] = ram(0, 0x80000)
	in.Table = append(in.Table, ram(0x80000, 0x9f000))
	if got := Find(in, linux.V6_12); got.Start != 0x7e000 {
		t.Errorf("got %#x", got.Start)
	}
}

// words draws what the BIOS says: anything, often something sane.
func words(t *rapid.T) linux.BIOSWords {
	return linux.BIOSWords{
		BaseKiB:     uint16(rapid.OneOf(rapid.Uint64Range(0, 700), rapid.Uint64Range(0, 0xffff)).Draw(t, "base KiB")),
		EBDASegment: uint16(rapid.OneOf(rapid.Uint64Range(0x1f00, 0xa000), rapid.Uint64Range(0, 0xffff)).Draw(t, "EBDA")),
	}
}

// On a sorted table of whole pages the search has a simple meaning: the highest two
// pages of one usable entry below the limit, or those right below the limit. An
// entry below 8 KiB is the only exception that such a table allows, and leads to
// the same place.
func TestFindOnProperTables(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := &Input{
			BIOS:  words(t),
			EFI:   rapid.Bool().Draw(t, "efi"),
			Table: rapid.OneOf(mapgen.E820(), lowE820(), mapgen.RealisticE820()).Draw(t, "table"),
		}
		limit := Explain(in, linux.V6_12).Bound.Limit
		want := limit - Size
		for start := limit - Size; ; start -= memmap.PageSize {
			if holds(in.Table, start) {
				want = start
				break
			}
			if start == 0 {
				break
			}
		}
		got := Find(in, linux.V6_12)
		if got.Start != want {
			t.Fatalf("got %#x, want %#x (limit %#x)", got.Start, want, limit)
		}
		if got.Start%memmap.PageSize != 0 || got.Start+Size > highest {
			t.Fatalf("%#x", got.Start)
		}
	})
}

// holds reports whether one usable entry holds two pages at start.
func holds(table []memmap.E820Entry, start uint64) bool {
	for _, e := range table {
		if e.Type == memmap.E820RAM && start >= e.Addr && start+Size <= e.Addr+e.Size {
			return true
		}
	}
	return false
}

// lowE820 draws sorted, disjoint entries of a few pages below 640 KiB.
func lowE820() *rapid.Generator[[]memmap.E820Entry] {
	return rapid.Custom(func(t *rapid.T) []memmap.E820Entry {
		var table []memmap.E820Entry
		at := uint64(0)
		for range rapid.IntRange(0, 8).Draw(t, "entries") {
			start := at + rapid.Uint64Range(0, 30).Draw(t, "gap")
			at = start + rapid.Uint64Range(1, 30).Draw(t, "pages")
			e := ram(start*memmap.PageSize, at*memmap.PageSize)
			if rapid.Bool().Draw(t, "reserved") {
				e.Type = memmap.E820Reserved
			}
			table = append(table, e)
		}
		return table
	})
}

// Whatever the table says, the place is a page below 0x9f000 since v5.3, recording
// the walk changes nothing, and the walk's own words add up.
func TestWalkIsTheSearch(t *testing.T) {
	versions := []linux.Version{linux.V4_18, linux.V4_19, linux.V5_0, linux.V5_1, linux.V5_3, linux.V6_12, linux.V7_2}
	rapid.Check(t, func(t *rapid.T) {
		in := &Input{
			BIOS: words(t), EFI: rapid.Bool().Draw(t, "efi"),
			Table: rapid.OneOf(mapgen.HostileE820(), lowE820()).Draw(t, "table"),
		}
		v := rapid.SampledFrom(versions).Draw(t, "version")
		w := Explain(in, v)
		if diff := cmp.Diff(Find(in, v), w.Placement); diff != "" {
			t.Fatal(diff)
		}
		if w.Start%memmap.PageSize != 0 || (v >= linux.V5_3 && w.Start+Size > highest) {
			t.Fatalf("%v: %#x", v, w.Start)
		}
		limit := w.Bound.Limit
		for i, visit := range w.Visits {
			if visit.Limit > limit || (visit.Verdict >= GivesUp && i != len(w.Visits)-1) {
				t.Fatalf("step %d of %+v", i, w.Visits)
			}
			limit = visit.Limit
		}
		if w.Start != limit-Size {
			t.Fatalf("%#x is not below the last limit %#x", w.Start, limit)
		}
		w.Findings()
	})
}

// TestFindSized: a third page goes below the other two, and what holds two pages need not
// hold three.
func TestFindSized(t *testing.T) {
	in := &Input{EFI: true, Table: []memmap.E820Entry{
		{Addr: 0x10000, Size: 0x10000, Type: memmap.E820RAM},
		{Addr: 0x58000, Size: 0x2000, Type: memmap.E820RAM},
	}}
	for size, want := range map[uint64]uint64{0x2000: 0x58000, 0x3000: 0x1d000} {
		if got := FindSized(in, linux.V6_3, size).Start; got != want {
			t.Errorf("%#x bytes: got %#x, want %#x", size, got, want)
		}
	}
}
