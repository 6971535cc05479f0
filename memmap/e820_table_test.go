package memmap_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/memmap/mapgen"
)

func TestUpdateSplits(t *testing.T) {
	for name, c := range map[string]struct {
		start, size, updated uint64
		want                 []memmap.E820Entry
	}{
		"all of an entry": {0x1000, 0x3000, 0x3000, []memmap.E820Entry{{0x1000, 0x3000, 2}}},
		"its middle":      {0x2000, 0x1000, 0x1000, []memmap.E820Entry{{0x1000, 0x1000, 1}, {0x2000, 0x1000, 2}, {0x3000, 0x1000, 1}}},
		"its beginning":   {0, 0x2000, 0x1000, []memmap.E820Entry{{0x2000, 0x2000, 1}, {0x1000, 0x1000, 2}}},
		"its end":         {0x3000, 0x5000, 0x1000, []memmap.E820Entry{{0x1000, 0x2000, 1}, {0x3000, 0x1000, 2}}},
		"to the end of the address space": {0x3000, ^uint64(0), 0x1000,
			[]memmap.E820Entry{{0x1000, 0x2000, 1}, {0x3000, 0x1000, 2}}},
		"nothing": {0x8000, 0x1000, 0, []memmap.E820Entry{{0x1000, 0x3000, 1}}},
		"no bytes in its middle leave an entry without length": {0x2000, 0, 0,
			[]memmap.E820Entry{{0x1000, 0x1000, 1}, {0x2000, 0, 2}, {0x2000, 0x2000, 1}}},
	} {
		tab := table(memmap.E820Entry{Addr: 0x1000, Size: 0x3000, Type: memmap.E820RAM})
		if got := tab.Update(c.start, c.size, memmap.E820RAM, memmap.E820Reserved); got != c.updated {
			t.Errorf("%s: %#x bytes updated, want %#x", name, got, c.updated)
		}
		if diff := cmp.Diff(c.want, tab.Entries()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRemoveLeavesZeros(t *testing.T) {
	tab := table(
		memmap.E820Entry{Addr: 0x1000, Size: 0x1000, Type: memmap.E820RAM},
		memmap.E820Entry{Addr: 0x2000, Size: 0x1000, Type: memmap.E820Reserved},
		memmap.E820Entry{Addr: 0x3000, Size: 0x3000, Type: memmap.E820RAM},
	)
	if got := tab.Remove(0, 0x4000, memmap.E820RAM); got != 0x2000 {
		t.Errorf("%#x bytes removed", got)
	}
	want := []memmap.E820Entry{{}, {0x2000, 0x1000, 2}, {0x4000, 0x2000, 1}}
	if diff := cmp.Diff(want, tab.Entries()); diff != "" {
		t.Error(diff)
	}
}

func TestRemoveOfType0(t *testing.T) {
	for v, want := range map[linux.Version]uint64{linux.V6_12: 0, linux.V7_2: 0x1000} {
		tab := table(memmap.E820Entry{Addr: 0x1000, Size: 0x1000, Type: memmap.E820RAM})
		tab.Version = v
		if got := tab.Remove(0, 0x4000, 0); got != want {
			t.Errorf("%v: %#x bytes removed, want %#x", v, got, want)
		}
	}
}

// bytesOf counts the bytes of a type in a table without overlaps.
func bytesOf(tab *memmap.E820Table, typ memmap.E820Type) (n uint64) {
	for _, e := range tab.Entries() {
		if e.Type == typ {
			n += e.Size
		}
	}
	return n
}

// What Update says it changed is what one type lost and the other gained.
func TestUpdateConservesBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab := table(mapgen.E820().Draw(t, "table")...)
		start, size := rapid.Uint64Range(0, 1<<40).Draw(t, "start"), rapid.Uint64Range(0, 1<<40).Draw(t, "size")
		ram, nvs := bytesOf(tab, memmap.E820RAM), bytesOf(tab, memmap.E820NVS)
		updated := tab.Update(start, size, memmap.E820RAM, memmap.E820NVS)
		if ram-bytesOf(tab, memmap.E820RAM) != updated || bytesOf(tab, memmap.E820NVS)-nvs != updated {
			t.Fatalf("%#x bytes updated, but RAM went from %#x to %#x and NVS from %#x to %#x", updated,
				ram, bytesOf(tab, memmap.E820RAM), nvs, bytesOf(tab, memmap.E820NVS))
		}
		if removed := tab.Remove(start, size, memmap.E820NVS); removed < updated || bytesOf(tab, memmap.E820NVS) != nvs+updated-removed {
			t.Fatalf("%#x bytes removed of %#x", removed, nvs+updated)
		}
	})
}

func TestMapped(t *testing.T) {
	tab := table(
		memmap.E820Entry{Addr: 0x1000, Size: 0x1000, Type: memmap.E820RAM},
		memmap.E820Entry{Addr: 0x2000, Size: 0x1000, Type: memmap.E820Reserved},
	)
	for _, c := range []struct {
		start, end uint64
		typ        memmap.E820Type
		some, all  bool
	}{
		{0x1000, 0x3000, 0, true, true},
		{0x1000, 0x3000, memmap.E820RAM, true, false},
		{0x1800, 0x1900, memmap.E820RAM, true, true},
		{0x0, 0x1000, 0, false, false},
		{0xfff, 0x1001, memmap.E820RAM, true, false},
		{0x2000, 0x3001, memmap.E820Reserved, true, false},
	} {
		if got := tab.MappedAny(c.start, c.end, c.typ); got != c.some {
			t.Errorf("any of %#x-%#x type %d: %v", c.start, c.end, c.typ, got)
		}
		if _, got := tab.MappedAll(c.start, c.end, c.typ); got != c.all {
			t.Errorf("all of %#x-%#x type %d: %v", c.start, c.end, c.typ, got)
		}
	}
}

func TestPCIGap(t *testing.T) {
	const gib = memmap.GiB
	low := memmap.E820Entry{Addr: 0, Size: gib, Type: memmap.E820RAM}
	middle := memmap.E820Entry{Addr: 2 * gib, Size: gib, Type: memmap.E820Reserved}
	high := memmap.E820Entry{Addr: 4 * gib, Size: gib, Type: memmap.E820RAM}
	full := memmap.E820Entry{Addr: 0, Size: 5 * gib, Type: memmap.E820RAM}
	for name, c := range map[string]struct {
		entries []memmap.E820Entry
		version linux.Version
		want    uint64
	}{
		"6.12 takes the lowest of equal gaps":  {[]memmap.E820Entry{low, middle, high}, linux.V6_12, gib},
		"7.2 takes the highest":                {[]memmap.E820Entry{low, middle, high}, linux.V7_2, 3 * gib},
		"6.12 does not see what lies below":    {[]memmap.E820Entry{high}, linux.V6_12, 5*gib + memmap.MiB},
		"7.2 does":                             {[]memmap.E820Entry{high}, linux.V7_2, 0},
		"without a gap it is behind the end":   {[]memmap.E820Entry{full}, linux.V6_12, 5*gib + memmap.MiB},
		"without a gap it is there in 7.2 too": {[]memmap.E820Entry{full}, linux.V7_2, 5*gib + memmap.MiB},
	} {
		tab := table(c.entries...)
		tab.Version = c.version
		if got := tab.PCIGap(tab.EndOfRAM(false)); got != c.want {
			t.Errorf("%s: %#x, want %#x", name, got, c.want)
		}
	}
}

func TestEndOfRAM(t *testing.T) {
	tab := table(
		memmap.E820Entry{Addr: 0x100000, Size: 0x40000800, Type: memmap.E820RAM},
		memmap.E820Entry{Addr: 0x50000000, Size: 0x1000, Type: memmap.E820ACPI},
		memmap.E820Entry{Addr: 0x60000000, Size: 0x1000, Type: memmap.E820NVS},
		memmap.E820Entry{Addr: 1 << 40, Size: 1 << 50, Type: memmap.E820RAM},
	)
	for _, c := range []struct{ got, want uint64 }{
		{tab.EndOfLowRAM(false), 0x50001},
		{tab.EndOfRAM(false), 1 << 34}, // 2^46 bytes
		{tab.EndOfRAM(true), (1<<40 + 1<<50) / 4096},
	} {
		if c.got != c.want {
			t.Errorf("got %#x, want %#x", c.got, c.want)
		}
	}
}

// Recorded with memmap=512M on OVMF: above the limit, ACPI data stays.
func TestEndOfRAMBelowACPIData(t *testing.T) {
	tab := table(
		memmap.E820Entry{Addr: 0x100000, Size: 0x1ff00000, Type: memmap.E820RAM},
		memmap.E820Entry{Addr: 0x7fb6d000, Size: 0x12000, Type: memmap.E820ACPI},
	)
	for v, want := range map[linux.Version]uint64{
		linux.V5_10: 0x20000, linux.V6_1: 0x20000, linux.Of(6, 10): 0x20000,
		linux.V6_11: 0x7fb7f, linux.V6_12: 0x7fb7f, linux.V7_2: 0x7fb7f,
	} {
		tab.Version = v
		if got := tab.EndOfRAM(true); got != want {
			t.Errorf("%s: %#x, want %#x", v, got, want)
		}
	}
}

// TestSearchOfSortedTable: a table that was sanitised answers as one that holds the same
// entries and does not know that they are sorted.
func TestSearchOfSortedTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sorted, plain memmap.E820Table
		addr := rapid.Uint64Range(0, 64)
		for range rapid.IntRange(2, 12).Draw(t, "entries") {
			sorted.Add(addr.Draw(t, "addr"), addr.Draw(t, "size"), memmap.E820Type(rapid.IntRange(1, 3).Draw(t, "type")))
		}
		sorted.Sanitize()
		for _, e := range sorted.Entries() {
			plain.Add(e.Addr, e.Size, e.Type)
		}
		start, end, typ := addr.Draw(t, "start"), addr.Draw(t, "end"), memmap.E820Type(rapid.IntRange(0, 3).Draw(t, "asked"))
		last, ok := sorted.MappedAll(start, end, typ)
		if wantLast, want := plain.MappedAll(start, end, typ); last != wantLast || ok != want {
			t.Errorf("[%#x,%#x) of type %d: %v %v, of a plain table %v %v", start, end, typ, last, ok, wantLast, want)
		}
	})
}
