package memmap

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestMapStatesBothKindsAlike(t *testing.T) {
	e820 := Map{Kind: E820, Entries: []E820Entry{{0x1000, 0x2000, E820NVS}}, Lines: []int{7}}
	efi := Map{Kind: EFI, Descriptors: []EFIDescriptor{{Type: EFIACPINVS, Phys: 0x1000, Pages: 2}}}
	for _, c := range []struct {
		m    Map
		name string
		line int
	}{{e820, "ACPI NVS", 7}, {efi, "ACPI Mem NVS", 0}} {
		r, err := c.m.Range(0)
		if c.m.Len() != 1 || err != nil || r != (Range{0x1000, 0x3000}) || c.m.Start(0) != 0x1000 ||
			c.m.TypeName(0) != c.name || c.m.Line(0) != c.line {
			t.Errorf("%v: %d entries, %v (%v), %q, line %d", c.m.Kind, c.m.Len(), r, err, c.m.TypeName(0), c.m.Line(0))
		}
	}
}

func TestRAMOfAMap(t *testing.T) {
	e820 := Map{Kind: E820, Entries: []E820Entry{
		{0x5000, 0x1000, E820RAM}, {0, 0x1000, E820RAM}, {0x1000, 0x1000, E820ReservedKern},
		{top, 0x1000, E820RAM}, {0x6000, 0x1000, E820RAM},
	}}
	if diff := cmp.Diff([]Range{{0, 0x1000}, {0x5000, 0x7000}}, e820.RAM().Ranges()); diff != "" {
		t.Error(diff)
	}
	efi := Map{Kind: EFI}
	for i := range uint64(17) { // one page of every type, and one of a type that does not exist
		efi.Descriptors = append(efi.Descriptors, EFIDescriptor{Type: EFIType(i), Phys: i * PageSize, Pages: 1})
	}
	want := []Range{{1 * PageSize, 5 * PageSize}, {7 * PageSize, 8 * PageSize}, {15 * PageSize, 16 * PageSize}}
	if diff := cmp.Diff(want, efi.RAM().Ranges()); diff != "" {
		t.Error(diff)
	}
}

// smallMap draws maps of a few short entries, so that many overlap; some wrap around.
func smallMap() *rapid.Generator[Map] {
	entry := rapid.Custom(func(t *rapid.T) E820Entry {
		addr := rapid.OneOf(rapid.Uint64Range(0, modelSize), rapid.Just(top)).Draw(t, "addr")
		return E820Entry{addr, rapid.Uint64Range(0, 16).Draw(t, "size"), E820RAM}
	})
	return rapid.Map(rapid.SliceOfN(entry, 0, 12), func(e []E820Entry) Map { return Map{Kind: E820, Entries: e} })
}

type pair struct {
	I, J   int
	Shared Range
}

func TestOverlapsAreAllPairsThatShareBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := smallMap().Draw(t, "map")
		want := map[pair]bool{}
		order := m.Order()
		for b, j := range order {
			for _, i := range order[:b] {
				x, errX := m.Range(i)
				y, errY := m.Range(j)
				if errX == nil && errY == nil && x.Overlaps(y) {
					want[pair{i, j, x.Intersect(y)}] = true
				}
			}
		}
		got := map[pair]bool{}
		var last uint64
		m.Overlaps(func(i, j int, shared Range) bool {
			if got[pair{i, j, shared}] || m.Start(j) < last {
				t.Fatalf("entries %d and %d come twice or out of order", i, j)
			}
			got[pair{i, j, shared}], last = true, m.Start(j)
			return true
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestOverlapsStopWhenTold(t *testing.T) {
	m := Map{Kind: E820, Entries: []E820Entry{{0, 10, E820RAM}, {0, 10, E820RAM}, {0, 10, E820RAM}}}
	calls := 0
	m.Overlaps(func(int, int, Range) bool { calls++; return calls < 2 })
	if calls != 2 {
		t.Errorf("%d calls, want 2", calls)
	}
}

func TestGapsLieBetweenWhatIsDescribed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := smallMap().Draw(t, "map")
		described := make([]bool, 2*modelSize)
		for _, e := range m.Entries {
			if r, err := e.Range(); err == nil {
				for at := r.Start; at < r.End && r.Start < modelSize+1; at++ {
					described[at] = true
				}
			}
		}
		all := runs(described, Range{0, uint64(len(described))}, 0)
		var want []Range
		for i, run := range all {
			if !run.Value && i > 0 && i < len(all)-1 {
				want = append(want, run.Range)
			}
		}
		if diff := cmp.Diff(want, m.Gaps()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestKindNames(t *testing.T) {
	if E820.String() != "e820" || EFI.String() != "efi" {
		t.Errorf("%v, %v", E820, EFI)
	}
}
