package memmap

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestFlatIsTheHighestWordAtEachAddress(t *testing.T) {
	entry := rapid.Custom(func(t *rapid.T) EFIDescriptor {
		return EFIDescriptor{
			Type:  EFIType(rapid.Uint32Range(0, 2).Draw(t, "type")),
			Phys:  rapid.Uint64Range(0, 16).Draw(t, "page") * PageSize,
			Pages: rapid.Uint64Range(0, 8).Draw(t, "pages"),
			Attr:  EFIAttr(rapid.Uint64Range(0, 1).Draw(t, "attr")),
		}
	})
	descs := rapid.SliceOfN(entry, 0, 12)
	rapid.Check(t, func(t *rapid.T) {
		m := Map{Kind: EFI, Descriptors: descs.Draw(t, "map")}
		var model [32]Word // of each page
		for _, d := range m.Descriptors {
			w := Word{EFI, uint32(d.Type), d.Attr}
			for page := d.Phys / PageSize; page < d.Phys/PageSize+d.Pages; page++ {
				old := model[page]
				if old.Kind == 0 || w.Type > old.Type || w.Type == old.Type && w.Attr > old.Attr {
					model[page] = w
				}
			}
		}
		var want []Span[Word]
		for _, run := range runs(model[:], Range{0, 32}, 0) {
			if run.Value != (Word{}) {
				want = append(want, Span[Word]{Range{run.Start * PageSize, run.End * PageSize}, run.Value})
			}
		}
		if diff := cmp.Diff(want, append([]Span[Word](nil), m.Flat()...)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestFlatLeavesOutWhatWraps(t *testing.T) {
	m := Map{Kind: E820, Entries: []E820Entry{{top - 0xfff, 0x2000, E820RAM}, {0, 0x1000, 0}}}
	want := []Span[Word]{{Range{0, 0x1000}, Word{Kind: E820}}}
	if diff := cmp.Diff(want, m.Flat()); diff != "" {
		t.Error(diff)
	}
}

func TestAlignCutsWhereAnyListChanges(t *testing.T) {
	type row struct {
		R      Range
		Values [2]int
	}
	lists := [][]Span[int]{
		{{Range{0, 10}, 1}, {Range{10, 20}, 2}, {Range{top - 1, top}, 3}},
		{{Range{5, 15}, 7}, {Range{30, 40}, 8}},
	}
	var got []row
	Align(lists, func(r Range, v []int) { got = append(got, row{r, [2]int(v)}) })
	want := []row{
		{Range{0, 5}, [2]int{1, 0}}, {Range{5, 10}, [2]int{1, 7}}, {Range{10, 15}, [2]int{2, 7}},
		{Range{15, 20}, [2]int{2, 0}}, {Range{30, 40}, [2]int{0, 8}}, {Range{top - 1, top}, [2]int{3, 0}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWordsAsPeopleSeeThem(t *testing.T) {
	for w, want := range map[Word]string{
		{}:                           "nothing",
		{Kind: E820, Type: 3}:        "ACPI data",
		{Kind: EFI, Type: 7}:         "Conventional",
		{EFI, 6, EFIRuntime | EFIWB}: "Runtime Data RUN|WB",
	} {
		if w.String() != want {
			t.Errorf("%#v is %q, want %q", w, w, want)
		}
	}
}
