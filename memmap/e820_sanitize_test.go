package memmap_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/memmap"
	"bootplan/memmap/mapgen"
)

// table returns a table with the given entries.
func table(entries ...memmap.E820Entry) *memmap.E820Table {
	t := &memmap.E820Table{}
	for _, e := range entries {
		t.Add(e.Addr, e.Size, e.Type)
	}
	return t
}

func TestSanitize(t *testing.T) {
	const (
		ram  = memmap.E820RAM
		rsv  = memmap.E820Reserved
		acpi = memmap.E820ACPI
		pram = memmap.E820PRAM
		soft = memmap.E820SoftReserved
	)
	for name, c := range map[string]struct{ in, want []memmap.E820Entry }{
		"sorts and merges what touches": {
			[]memmap.E820Entry{{0x3000, 0x1000, ram}, {0x1000, 0x1000, ram}, {0x2000, 0x1000, ram}},
			[]memmap.E820Entry{{0x1000, 0x3000, ram}},
		},
		"the higher type wins, the lower goes on behind it": {
			[]memmap.E820Entry{{0x1000, 0x4000, ram}, {0x2000, 0x1000, acpi}, {0x2800, 0x1000, rsv}},
			[]memmap.E820Entry{{0x1000, 0x1000, ram}, {0x2000, 0x1000, acpi}, {0x3000, 0x800, rsv}, {0x3800, 0x1800, ram}},
		},
		"memory of type 0 and without length vanishes": {
			[]memmap.E820Entry{{0x1000, 0x1000, 0}, {0x1800, 0x100, ram}, {0x5000, 0, rsv}},
			[]memmap.E820Entry{{0x1800, 0x100, ram}},
		},
		"PRAM stays apart, and is split where anything begins or ends in it": {
			[]memmap.E820Entry{{0x1000, 0x1000, pram}, {0x2000, 0x1000, pram}, {0x2800, 0x100, ram}},
			[]memmap.E820Entry{{0x1000, 0x1000, pram}, {0x2000, 0x800, pram}, {0x2800, 0x100, pram}, {0x2900, 0x700, pram}},
		},
		"soft reserved memory is above all and stays apart": {
			[]memmap.E820Entry{{0x1000, 0x2000, ram}, {0x2000, 0x1000, soft}, {0x3000, 0x1000, soft}},
			[]memmap.E820Entry{{0x1000, 0x1000, ram}, {0x2000, 0x1000, soft}, {0x3000, 0x1000, soft}},
		},
	} {
		tab := table(c.in...)
		if !tab.Sanitize() {
			t.Errorf("%s: refused", name)
		}
		if diff := cmp.Diff(c.want, tab.Entries()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestSanitizeRefuses(t *testing.T) {
	for name, in := range map[string][]memmap.E820Entry{
		"one entry":                       {{0x1000, 0x1000, 1}},
		"an entry that wraps around 2^64": {{0x3000, 0x1000, 1}, {^uint64(0), 2, 2}, {0x1000, 0x1000, 1}},
		"an entry that ends at 2^64":      {{0x3000, 0x1000, 1}, {^uint64(0xfff), 0x1000, 2}, {0x1000, 0x1000, 1}},
	} {
		tab := table(in...)
		if tab.Sanitize() {
			t.Errorf("%s: not refused", name)
		}
		if diff := cmp.Diff(in, tab.Entries()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// typeAt is what the highest-type rule says about an address, asked of every entry.
func typeAt(entries []memmap.E820Entry, addr uint64) (top memmap.E820Type) {
	for _, e := range entries {
		if e.Addr <= addr && addr-e.Addr < e.Size {
			top = max(top, e.Type)
		}
	}
	return top
}

// refusable reports whether a table is one that the kernel leaves as it is.
func refusable(entries []memmap.E820Entry) bool {
	return len(entries) < 2 || slices.ContainsFunc(entries, func(e memmap.E820Entry) bool { return e.Size > ^e.Addr })
}

// Every byte keeps the highest type that any entry gave it: no reserved byte is lost,
// no RAM invented. Types are constant between the borders of entries, so one byte
// behind each border stands for all.
func TestSanitizeKeepsEveryByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(mapgen.HostileE820(), mapgen.RealisticE820()).Draw(t, "table")
		tab := table(in...)
		if done := tab.Sanitize(); done == refusable(in) {
			t.Fatalf("sanitised: %v: %v", done, in)
		} else if !done {
			return
		}
		out := tab.Entries()
		for _, e := range in {
			for _, addr := range []uint64{e.Addr, e.Addr + e.Size, e.Addr + e.Size - 1} {
				if got, want := typeAt(out, addr), typeAt(in, addr); got != want {
					t.Fatalf("%#x was type %d, is type %d in %v", addr, want, got, out)
				}
			}
		}
		for i := 1; i < len(out); i++ {
			if out[i].Addr < out[i-1].Addr+out[i-1].Size {
				t.Fatalf("entry %d begins before its predecessor ends: %v", i, out)
			}
		}
		again := slices.Clone(out)
		if tab.Sanitize(); !slices.Equal(again, tab.Entries()) {
			t.Fatalf("a second time: %v became %v", again, tab.Entries())
		}
	})
}

func TestTableIsFullAt3200(t *testing.T) {
	var tab memmap.E820Table
	for i := range uint64(memmap.MaxE820Entries + 7) {
		tab.Add(2*i, 1, memmap.E820RAM)
	}
	if len(tab.Entries()) != 3200 || tab.Dropped != 7 {
		t.Errorf("%d entries, %d dropped", len(tab.Entries()), tab.Dropped)
	}
}

// A result that would be larger than the table ends in the middle: 1600 holes of PRAM
// split RAM into 3201 parts.
func TestSanitizeCutsOffWhatDoesNotFit(t *testing.T) {
	var tab memmap.E820Table
	tab.Add(0, 4096*1601, memmap.E820RAM)
	for i := range uint64(1600) {
		tab.Add(4096*(i+1)-8, 4, memmap.E820PRAM)
	}
	tab.Sanitize()
	last := tab.Entries()[len(tab.Entries())-1]
	want := memmap.E820Entry{Addr: 4096*1600 - 8, Size: 4, Type: memmap.E820PRAM}
	if len(tab.Entries()) != 3200 || last != want {
		t.Errorf("%d entries, last %v; want 3200, last %v", len(tab.Entries()), last, want)
	}
}

func BenchmarkSanitize(b *testing.B) {
	for _, n := range []int{128, memmap.MaxE820Entries} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var tab memmap.E820Table
			b.ReportAllocs()
			for b.Loop() {
				tab.Clear()
				for i := range uint64(n) {
					at := (i * 7919) % uint64(n) // any order
					tab.Add(at*0x1000, 0x1800, 1+memmap.E820Type(i%5))
				}
				tab.Sanitize()
			}
		})
	}
}
