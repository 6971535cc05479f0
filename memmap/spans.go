package memmap

import "sort"

// Span is a range whose every address has the same value.
type Span[T comparable] struct {
	Range
	Value T
}

// Spans gives every address a value of T: sorted, disjoint spans, of which
// neighbours differ; addresses in no span have the zero value of T. The zero Spans
// is ready to use.
type Spans[T comparable] struct {
	spans   []Span[T]
	scratch []Span[T]
}

// All returns the spans whose value is not zero, sorted. The caller must not change them.
func (s *Spans[T]) All() []Span[T] { return s.spans }

// search returns the index of the first span that ends above addr.
func (s *Spans[T]) search(addr uint64) int {
	return sort.Search(len(s.spans), func(i int) bool { return s.spans[i].End > addr })
}

// At returns the value at addr.
func (s *Spans[T]) At(addr uint64) T {
	if i := s.search(addr); i < len(s.spans) && s.spans[i].Contains(addr) {
		return s.spans[i].Value
	}
	var zero T
	return zero
}

// Set gives every address of r the value v.
func (s *Spans[T]) Set(r Range, v T) {
	switch {
	case r.Empty():
		return
	case s.endsAt(r.Start):
		s.spans = emit(s.spans, r, v)
		return
	}
	i := s.search(r.Start)
	if s.isAt(i, r, v) {
		return
	}
	if i > 0 && s.spans[i-1].End == r.Start {
		i-- // so that the left neighbour can merge
	}
	j := i
	for j < len(s.spans) && s.spans[j].Start <= r.End {
		j++
	}
	fresh := s.scratch[:0]
	if i < j {
		left := s.spans[i]
		fresh = emit(fresh, Range{left.Start, min(left.End, r.Start)}, left.Value)
	}
	fresh = emit(fresh, r, v)
	if i < j {
		right := s.spans[j-1]
		fresh = emit(fresh, Range{max(right.Start, r.End), right.End}, right.Value)
	}
	s.replace(i, j, fresh)
	s.scratch = fresh[:0]
}

// isAt reports whether every address of r has the value v; span i is the first that ends
// above r.Start.
func (s *Spans[T]) isAt(i int, r Range, v T) bool {
	var zero T
	if v == zero {
		return s.spans[i].Start >= r.End
	}
	return s.spans[i].Covers(r) && s.spans[i].Value == v
}

// endsAt reports whether all spans end at or below addr: those that are set in ascending
// order, the common case, cost no search.
func (s *Spans[T]) endsAt(addr uint64) bool {
	return len(s.spans) == 0 || s.spans[len(s.spans)-1].End <= addr
}

// Update replaces the value of every address of r by f of it. It asks f once for
// each stretch of equal values, gaps (the zero value) included.
func (s *Spans[T]) Update(r Range, f func(T) T) {
	if r.Empty() {
		return
	}
	if s.endsAt(r.Start) {
		s.spans = emit(s.spans, r, zeroThen(f))
		return
	}
	i := s.search(r.Start)
	if i > 0 && s.spans[i-1].End == r.Start {
		i-- // so that the left neighbour can merge
	}
	fresh := s.scratch[:0]
	j := i
	at := r.Start
	for ; j < len(s.spans) && s.spans[j].Start <= r.End; j++ {
		old := s.spans[j]
		if old.Start > at {
			fresh = emit(fresh, Range{at, min(old.Start, r.End)}, zeroThen(f))
			at = min(old.Start, r.End)
		}
		if old.Start < r.Start {
			fresh = emit(fresh, Range{old.Start, min(old.End, r.Start)}, old.Value)
		}
		if part := old.Range.Intersect(r); !part.Empty() {
			fresh = emit(fresh, part, f(old.Value))
			at = part.End
		}
		if old.End > r.End {
			fresh = emit(fresh, Range{max(old.Start, r.End), old.End}, old.Value)
		}
	}
	if at < r.End {
		fresh = emit(fresh, Range{at, r.End}, zeroThen(f))
	}
	s.replace(i, j, fresh)
	s.scratch = fresh[:0]
}

func zeroThen[T comparable](f func(T) T) T {
	var zero T
	return f(zero)
}

// emit appends a span, or widens the last one when it touches and is equal.
func emit[T comparable](spans []Span[T], r Range, v T) []Span[T] {
	var zero T
	if r.Empty() || v == zero {
		return spans
	}
	if n := len(spans); n > 0 && spans[n-1].End == r.Start && spans[n-1].Value == v {
		spans[n-1].End = r.End
		return spans
	}
	return append(spans, Span[T]{r, v})
}

func (s *Spans[T]) replace(i, j int, with []Span[T]) {
	grow := len(with) - (j - i)
	if grow > 0 {
		old := len(s.spans)
		for range grow {
			s.spans = append(s.spans, Span[T]{})
		}
		copy(s.spans[j+grow:], s.spans[j:old])
	} else if grow < 0 {
		copy(s.spans[j+grow:], s.spans[j:])
		s.spans = s.spans[:len(s.spans)+grow]
	}
	copy(s.spans[i:], with)
}

// Over calls yield for each stretch of r in ascending order, gaps (the zero value)
// included, until yield returns false.
func (s *Spans[T]) Over(r Range, yield func(Span[T]) bool) {
	if r.Empty() {
		return
	}
	var zero T
	i := s.search(r.Start)
	if i < len(s.spans) && s.spans[i].Covers(r) { // one span, the common case
		yield(Span[T]{r, s.spans[i].Value})
		return
	}
	for ; !r.Empty(); i++ {
		if i >= len(s.spans) || s.spans[i].Start >= r.End {
			yield(Span[T]{r, zero})
			return
		}
		if s.spans[i].Start > r.Start {
			if !yield(Span[T]{Range{r.Start, s.spans[i].Start}, zero}) {
				return
			}
		}
		part := s.spans[i].Range.Intersect(r)
		if !yield(Span[T]{part, s.spans[i].Value}) {
			return
		}
		r.Start = part.End
	}
}

// Clear makes every address have the zero value.
func (s *Spans[T]) Clear() { s.spans = s.spans[:0] }

// CopyFrom makes s equal to o, which stays on its own.
func (s *Spans[T]) CopyFrom(o *Spans[T]) { s.spans = append(s.spans[:0], o.spans...) }

// Clone returns a copy that can be changed on its own.
func (s *Spans[T]) Clone() Spans[T] {
	return Spans[T]{spans: append([]Span[T](nil), s.spans...)}
}
