package diff

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"bootplan/memmap"
	"bootplan/memmap/mapgen"
)

func e820(entries ...memmap.E820Entry) *memmap.Map {
	return &memmap.Map{Kind: memmap.E820, Entries: entries}
}

func said(t memmap.E820Type) memmap.Word { return memmap.Word{Kind: memmap.E820, Type: uint32(t)} }

func TestMaps(t *testing.T) {
	before := e820(
		memmap.E820Entry{Addr: 0, Size: 0x1000, Type: memmap.E820RAM},
		memmap.E820Entry{Addr: 0x1000, Size: 0x3000, Type: memmap.E820RAM},
		memmap.E820Entry{Addr: 0x8000, Size: 0x1000, Type: memmap.E820NVS},
	)
	after := e820(
		memmap.E820Entry{Addr: 0, Size: 0x3000, Type: memmap.E820RAM}, // merged, and 4 KiB shorter
		memmap.E820Entry{Addr: 0x3000, Size: 0x2000, Type: memmap.E820Reserved},
	)
	want := []Change{
		{memmap.Range{Start: 0x3000, End: 0x4000}, said(memmap.E820RAM), said(memmap.E820Reserved)},
		{memmap.Range{Start: 0x4000, End: 0x5000}, memmap.Word{}, said(memmap.E820Reserved)},
		{memmap.Range{Start: 0x8000, End: 0x9000}, said(memmap.E820NVS), memmap.Word{}},
	}
	if diff := cmp.Diff(want, Maps(before, after)); diff != "" {
		t.Error(diff)
	}
}

func TestAttributesMakeADifference(t *testing.T) {
	d := memmap.EFIDescriptor{Type: memmap.EFIConventional, Phys: 0x1000, Pages: 1, Attr: memmap.EFIWB}
	before := &memmap.Map{Kind: memmap.EFI, Descriptors: []memmap.EFIDescriptor{d}}
	d.Attr |= memmap.EFIMoreReliable
	after := &memmap.Map{Kind: memmap.EFI, Descriptors: []memmap.EFIDescriptor{d}}
	got := Maps(before, after)
	if len(got) != 1 || got[0].Before.Attr != memmap.EFIWB || got[0].After.Attr != memmap.EFIWB|memmap.EFIMoreReliable {
		t.Errorf("%v", got)
	}
}

func TestSameEntries(t *testing.T) {
	entry := memmap.E820Entry{Addr: 0, Size: 0x1000, Type: memmap.E820RAM}
	if !SameEntries(e820(entry), e820(entry)) || SameEntries(e820(entry), e820(entry, entry)) {
		t.Error("entries are the same if all of them are")
	}
}

// Splitting entries in the middle and turning the order around changes no address.
func TestSplittingMakesNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := e820(mapgen.E820().Draw(t, "map")...)
		after := e820()
		for i := before.Len() - 1; i >= 0; i-- {
			e := before.Entries[i]
			half := rapid.Uint64Range(0, e.Size).Draw(t, "half")
			after.Entries = append(after.Entries,
				memmap.E820Entry{Addr: e.Addr + half, Size: e.Size - half, Type: e.Type},
				memmap.E820Entry{Addr: e.Addr, Size: half, Type: e.Type})
		}
		if got := Maps(before, after); len(got) > 0 {
			t.Fatalf("%v", got)
		}
		if before.Len() > 0 && SameEntries(before, after) {
			t.Fatal("the entries are not the same")
		}
	})
}

// Laying the changes over the first map gives the second.
func TestChangesLeadFromOneMapToTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := e820(mapgen.E820().Draw(t, "before")...), e820(mapgen.E820().Draw(t, "after")...)
		var state, want memmap.Spans[memmap.Word]
		for _, s := range before.Flat() {
			state.Set(s.Range, s.Value)
		}
		for _, s := range after.Flat() {
			want.Set(s.Range, s.Value)
		}
		var last Change
		for _, c := range Maps(before, after) {
			if c.Range.Start < last.Range.End || c.Range.Start == last.Range.End && c.Before == last.Before && c.After == last.After {
				t.Fatalf("%v after %v", c, last)
			}
			last = c
			state.Update(c.Range, func(w memmap.Word) memmap.Word {
				if w != c.Before {
					t.Fatalf("%v is %v, not %v", c.Range, w, c.Before)
				}
				return c.After
			})
		}
		if diff := cmp.Diff(want.All(), state.All(), cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}
