package memmap

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

type spanOp struct {
	Add bool // add Value to what is there (mod 4), instead of setting it
	R   Range
	By  int
}

func (op spanOp) apply(old int) int {
	if op.Add {
		return (old + op.By) % 4
	}
	return op.By
}

func TestSpansAreAnArray(t *testing.T) {
	ops := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) spanOp {
		return spanOp{rapid.Bool().Draw(t, "add"), offsets().Draw(t, "r"), rapid.IntRange(0, 3).Draw(t, "by")}
	}), 0, 20)
	rapid.Check(t, func(t *rapid.T) {
		base := modelBase().Draw(t, "base")
		model := make([]int, modelSize)
		var s Spans[int]
		for _, op := range ops.Draw(t, "ops") {
			applySpanOp(t, &s, model, base, op)
		}
		var all []Span[int]
		for _, run := range runs(model, Range{0, modelSize}, base) {
			if run.Value != 0 {
				all = append(all, run)
			}
		}
		if diff := cmp.Diff(all, append([]Span[int](nil), s.All()...)); diff != "" {
			t.Fatal(diff)
		}
		q := offsets().Draw(t, "question")
		var over []Span[int]
		s.Over(q.moved(base), func(sp Span[int]) bool { over = append(over, sp); return true })
		if diff := cmp.Diff(runs(model, q, base), over); diff != "" {
			t.Fatal(diff)
		}
		for at, v := range model {
			if got := s.At(base + uint64(at)); got != v {
				t.Fatalf("%#x has %d, want %d", base+uint64(at), got, v)
			}
		}
	})
}

// applySpanOp applies op to both, and checks which values Update asks about.
func applySpanOp(t *rapid.T, s *Spans[int], model []int, base uint64, op spanOp) {
	var want, asked []int
	for _, run := range runs(model, op.R, base) {
		want = append(want, run.Value)
	}
	if op.Add {
		s.Update(op.R.moved(base), func(v int) int { asked = append(asked, v); return op.apply(v) })
		if diff := cmp.Diff(want, asked); diff != "" {
			t.Fatalf("asked about: %s", diff)
		}
	} else {
		s.Set(op.R.moved(base), op.By)
	}
	for at := op.R.Start; at < op.R.End; at++ {
		model[at] = op.apply(model[at])
	}
}

func TestOverStopsWhenTold(t *testing.T) {
	var s Spans[int]
	s.Set(Range{10, 20}, 1)
	s.Set(Range{30, 40}, 2)
	for stop := 1; stop <= 5; stop++ {
		calls := 0
		s.Over(Range{0, 50}, func(Span[int]) bool { calls++; return calls < stop })
		if calls != stop {
			t.Errorf("%d calls, want %d", calls, stop)
		}
	}
}

func TestCloneOfSpansIsItsOwn(t *testing.T) {
	var s Spans[int]
	s.Set(Range{0, 10}, 1)
	c := s.Clone()
	c.Set(Range{3, 4}, 2)
	if s.At(3) != 1 || c.At(3) != 2 {
		t.Errorf("original %d, clone %d", s.At(3), c.At(3))
	}
}

func TestUpdateAllocatesNothingOnceGrown(t *testing.T) {
	var s Spans[int]
	for i := range uint64(100) {
		s.Set(Range{i * 10, i*10 + 5}, 1)
	}
	toggle := func(v int) int { return 3 - v }
	s.Update(Range{0, 1000}, toggle)
	if n := testing.AllocsPerRun(100, func() { s.Update(Range{0, 1000}, toggle) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
