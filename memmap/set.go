package memmap

import "sort"

// Set is a set of addresses: sorted, disjoint ranges that do not touch. The zero
// Set is empty and ready to use.
type Set struct {
	ranges []Range
}

// NewSet returns the union of ranges, which may overlap and come in any order.
func NewSet(ranges ...Range) *Set {
	s := &Set{}
	for _, r := range ranges {
		s.Add(r)
	}
	return s
}

// Ranges returns the set as sorted, disjoint ranges. The caller must not change them.
func (s *Set) Ranges() []Range { return s.ranges }

// Clone returns a copy that can be changed on its own.
func (s *Set) Clone() *Set { return &Set{append([]Range(nil), s.ranges...)} }

// Clear takes every address out.
func (s *Set) Clear() { s.ranges = s.ranges[:0] }

// Bytes is the number of addresses in the set.
func (s *Set) Bytes() uint64 {
	var n uint64
	for _, r := range s.ranges {
		n += r.Len()
	}
	return n
}

// search returns the index of the first range that ends above addr.
func (s *Set) search(addr uint64) int {
	return sort.Search(len(s.ranges), func(i int) bool { return s.ranges[i].End > addr })
}

// Add adds every address of r.
func (s *Set) Add(r Range) {
	if r.Empty() {
		return
	}
	if n := len(s.ranges); n == 0 || s.ranges[n-1].End < r.Start {
		s.ranges = append(s.ranges, r) // ranges that are added in ascending order cost no search
		return
	}
	i := sort.Search(len(s.ranges), func(i int) bool { return s.ranges[i].End >= r.Start })
	j := i
	for j < len(s.ranges) && s.ranges[j].Start <= r.End {
		r.Start = min(r.Start, s.ranges[j].Start)
		r.End = max(r.End, s.ranges[j].End)
		j++
	}
	s.splice(i, j, r, Range{})
}

// Remove takes every address of r out.
func (s *Set) Remove(r Range) {
	if r.Empty() {
		return
	}
	i := s.search(r.Start)
	j := i
	var left, right Range
	for j < len(s.ranges) && s.ranges[j].Start < r.End {
		if s.ranges[j].Start < r.Start {
			left = Range{s.ranges[j].Start, r.Start}
		}
		if s.ranges[j].End > r.End {
			right = Range{r.End, s.ranges[j].End}
		}
		j++
	}
	switch {
	case i == j:
	case left.Empty() && right.Empty():
		s.ranges = append(s.ranges[:i], s.ranges[j:]...)
	case right.Empty():
		s.splice(i, j, left, Range{})
	case left.Empty():
		s.splice(i, j, right, Range{})
	default:
		s.splice(i, j, left, right)
	}
}

// splice replaces ranges [i,j) by at most two ranges, of which the second may be empty.
func (s *Set) splice(i, j int, first, second Range) {
	n := 1
	if !second.Empty() {
		n = 2
	}
	grow := n - (j - i)
	for range grow {
		s.ranges = append(s.ranges, Range{})
	}
	copy(s.ranges[j+grow:], s.ranges[j:len(s.ranges)-max(grow, 0)])
	if grow < 0 {
		s.ranges = s.ranges[:len(s.ranges)+grow]
	}
	s.ranges[i] = first
	if n == 2 {
		s.ranges[i+1] = second
	}
}

// Contains reports whether addr is in the set.
func (s *Set) Contains(addr uint64) bool {
	i := s.search(addr)
	return i < len(s.ranges) && s.ranges[i].Contains(addr)
}

// Covers reports whether every address of r is in the set.
func (s *Set) Covers(r Range) bool {
	if r.Empty() {
		return true
	}
	i := s.search(r.Start)
	return i < len(s.ranges) && s.ranges[i].Covers(r)
}

// Overlap returns the lowest stretch of r that is in the set; it is empty if there is none.
func (s *Set) Overlap(r Range) Range {
	if i := s.search(r.Start); i < len(s.ranges) {
		return s.ranges[i].Intersect(r)
	}
	return Range{}
}

// Missing returns the lowest stretch of r that is not in the set; it is empty if
// the set covers r.
func (s *Set) Missing(r Range) Range {
	for i := s.search(r.Start); !r.Empty(); i++ {
		if i >= len(s.ranges) || s.ranges[i].Start >= r.End {
			return r
		}
		if s.ranges[i].Start > r.Start {
			return Range{r.Start, s.ranges[i].Start}
		}
		r.Start = s.ranges[i].End
	}
	return Range{}
}

// Intersection returns the part of r that is in the set, and its complement within r.
func (s *Set) Intersection(r Range) (in, out []Range) {
	if r.Empty() {
		return nil, nil
	}
	for i := s.search(r.Start); i < len(s.ranges) && s.ranges[i].Start < r.End; i++ {
		part := s.ranges[i].Intersect(r)
		if part.Start > r.Start {
			out = append(out, Range{r.Start, part.Start})
		}
		in = append(in, part)
		r.Start = part.End
	}
	if !r.Empty() {
		out = append(out, r)
	}
	return in, out
}
