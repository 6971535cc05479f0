package memmap

import (
	"cmp"
	"slices"
)

// sanitizer is the working memory of Sanitize, kept from one call to the next.
type sanitizer struct {
	points []changePoint
	active []typeCount
	fresh  []E820Entry
}

// A changePoint is where an entry begins or ends.
type changePoint struct {
	addr uint64
	end  bool
	typ  E820Type
}

// typeCount says how many entries of a type hold the current address.
type typeCount struct {
	typ E820Type
	n   int
}

// Sanitize sorts the table and makes its entries disjoint: where entries overlap, the
// highest type wins, and what then touches and is of one type is merged. PRAM and soft
// reserved memory is never merged, and is split wherever any entry begins or ends in it.
// Memory of type 0 vanishes. A result of more than MaxE820Entries entries is cut off.
//
// It reports false, and leaves the table as it is, if there are fewer than two entries
// or if one of them wraps around 2^64; ending at 2^64 exactly counts as wrapping.
// Source: arch/x86/kernel/e820.c:e820__update_table (v6.12).
func (t *E820Table) Sanitize() bool {
	if len(t.entries) < 2 {
		return false
	}
	for _, e := range t.entries {
		if e.Addr+e.Size < e.Addr {
			return false
		}
	}
	fresh := t.sanitize.run(t.entries)
	t.sanitize.fresh, t.entries, t.sorted = t.entries, fresh, true
	return true
}

// run returns the sanitised form of entries; it walks the change points upwards.
func (s *sanitizer) run(entries []E820Entry) []E820Entry {
	s.collect(entries)
	s.active = s.active[:0]
	out := s.fresh[:0]
	var open E820Entry // type 0: nothing is open
	for _, p := range s.points {
		s.count(p)
		top := s.top()
		if top == open.Type && !distinct(top) {
			continue
		}
		open.Size = p.addr - open.Addr
		if open.Type != 0 && open.Size != 0 {
			out = append(out, open)
			if len(out) == MaxE820Entries {
				break
			}
		}
		open = E820Entry{Addr: p.addr, Type: top}
	}
	return out
}

// collect lists the change points of entries in ascending order; at one address
// beginnings come before ends. The order of equal points does not matter, so it is
// no loss that the kernel's sort is another one.
func (s *sanitizer) collect(entries []E820Entry) {
	s.points = s.points[:0]
	for _, e := range entries {
		if e.Size == 0 {
			continue
		}
		begin, end := changePoint{e.Addr, false, e.Type}, changePoint{e.Addr + e.Size, true, e.Type}
		if n := len(s.points) - 1; n >= 0 && s.points[n].addr == e.Addr { // so that a sorted table needs no sorting
			begin, s.points[n] = s.points[n], begin
		}
		s.points = append(s.points, begin, end)
	}
	slices.SortFunc(s.points, func(a, b changePoint) int {
		switch {
		case a.addr != b.addr:
			return cmp.Compare(a.addr, b.addr)
		case a.end == b.end:
			return 0
		case a.end:
			return 1
		}
		return -1
	})
}

// count takes the entry of p in or out.
func (s *sanitizer) count(p changePoint) {
	i := slices.IndexFunc(s.active, func(c typeCount) bool { return c.typ == p.typ })
	switch {
	case i < 0:
		s.active = append(s.active, typeCount{p.typ, 1})
	case p.end:
		s.active[i].n--
	default:
		s.active[i].n++
	}
}

// top is the highest type that holds the current address, or 0.
func (s *sanitizer) top() E820Type {
	var top E820Type
	for _, c := range s.active {
		if c.n > 0 {
			top = max(top, c.typ)
		}
	}
	return top
}

// distinct reports whether ranges of the type may mean separate devices or nodes, so
// that neighbours must stay apart.
// Source: arch/x86/kernel/e820.c:e820_nomerge (v6.12).
func distinct(t E820Type) bool { return t == E820PRAM || t == E820SoftReserved }
