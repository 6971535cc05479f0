package memmap

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// modelSize is the number of addresses of the naive models; they begin at address 0
// or lie at the end of the address space.
const modelSize = 64

func modelBase() *rapid.Generator[uint64] {
	return rapid.SampledFrom([]uint64{0, PageSize, top - modelSize})
}

// offsets draws a range of a model's addresses, which may be empty.
func offsets() *rapid.Generator[Range] {
	return rapid.Custom(func(t *rapid.T) Range {
		a, b := rapid.Uint64Range(0, modelSize).Draw(t, "a"), rapid.Uint64Range(0, modelSize).Draw(t, "b")
		return Range{min(a, b), max(a, b)}
	})
}

func (r Range) moved(by uint64) Range { return Range{r.Start + by, r.End + by} }

// runs lists the stretches of equal values within r of a model, moved by base.
func runs[T comparable](model []T, r Range, base uint64) []Span[T] {
	var list []Span[T]
	for at := r.Start; at < r.End; at++ {
		if n := len(list); n > 0 && list[n-1].Value == model[at] {
			list[n-1].End++
			continue
		}
		list = append(list, Span[T]{Range{at, at + 1}.moved(base), model[at]})
	}
	return list
}

func rangesOf(spans []Span[bool], value bool) []Range {
	var list []Range
	for _, s := range spans {
		if s.Value == value {
			list = append(list, s.Range)
		}
	}
	return list
}

func first(list []Range) Range {
	if len(list) == 0 {
		return Range{}
	}
	return list[0]
}

type setOp struct {
	Remove bool
	R      Range // offsets
}

func TestSetIsABitmap(t *testing.T) {
	ops := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) setOp {
		return setOp{rapid.Bool().Draw(t, "remove"), offsets().Draw(t, "r")}
	}), 0, 20)
	rapid.Check(t, func(t *rapid.T) {
		base := modelBase().Draw(t, "base")
		model := make([]bool, modelSize)
		var s Set
		for _, op := range ops.Draw(t, "ops") {
			if op.Remove {
				s.Remove(op.R.moved(base))
			} else {
				s.Add(op.R.moved(base))
			}
			for at := op.R.Start; at < op.R.End; at++ {
				model[at] = !op.Remove
			}
		}
		whole := rangesOf(runs(model, Range{0, modelSize}, base), true)
		if diff := cmp.Diff(whole, append([]Range(nil), s.Ranges()...)); diff != "" {
			t.Fatal(diff)
		}
		askSet(t, &s, model, base)
	})
}

// askSet asks s everything about one range and about each address.
func askSet(t *rapid.T, s *Set, model []bool, base uint64) {
	q := offsets().Draw(t, "question")
	within := runs(model, q, base)
	wantIn, wantOut := rangesOf(within, true), rangesOf(within, false)
	in, out := s.Intersection(q.moved(base))
	if diff := cmp.Diff([][]Range{wantIn, wantOut}, [][]Range{in, out}); diff != "" {
		t.Fatal(diff)
	}
	if got := s.Overlap(q.moved(base)); got != first(wantIn) {
		t.Fatalf("lowest overlap %v, want %v", got, first(wantIn))
	}
	if got := s.Missing(q.moved(base)); got != first(wantOut) {
		t.Fatalf("lowest missing %v, want %v", got, first(wantOut))
	}
	if got := s.Covers(q.moved(base)); got != (len(wantOut) == 0) {
		t.Fatalf("covers: %v", got)
	}
	var bytes uint64
	for at, member := range model {
		if s.Contains(base+uint64(at)) != member {
			t.Fatalf("%#x in the set: %v", base+uint64(at), !member)
		}
		if member {
			bytes++
		}
	}
	if s.Bytes() != bytes {
		t.Fatalf("%d bytes, want %d", s.Bytes(), bytes)
	}
}

func TestNewSetMergesInAnyOrder(t *testing.T) {
	s := NewSet(Range{0x3000, 0x4000}, Range{0x1000, 0x2000}, Range{0x5000, 0x5000}, Range{0x2000, 0x3000}, Range{0x8000, 0x9000})
	if diff := cmp.Diff([]Range{{0x1000, 0x4000}, {0x8000, 0x9000}}, s.Ranges()); diff != "" {
		t.Error(diff)
	}
}

func TestCloneOfASetIsItsOwn(t *testing.T) {
	s := NewSet(Range{0, 10})
	c := s.Clone()
	c.Remove(Range{3, 4})
	if diff := cmp.Diff([]Range{{0, 10}}, s.Ranges()); diff != "" {
		t.Error(diff)
	}
}
