package memmap

import (
	"cmp"
	"slices"
)

// Word is what a map says about an address. The zero Word says nothing.
type Word struct {
	Kind Kind
	Type uint32  // E820Type or EFIType
	Attr EFIAttr // EFI only
}

// String is the type's name, and after it the attributes if there are any:
// "usable", "Runtime Data RUN|WB", and "nothing" for the zero Word.
func (w Word) String() string {
	name := "nothing"
	switch w.Kind {
	case E820:
		name = E820Type(w.Type).String()
	case EFI:
		name = EFIType(w.Type).String()
	}
	if w.Attr != 0 {
		name += " " + w.Attr.String()
	}
	return name
}

// Word returns what entry i says.
func (m *Map) Word(i int) Word {
	if m.Kind == EFI {
		d := m.Descriptors[i]
		return Word{EFI, uint32(d.Type), d.Attr}
	}
	return Word{Kind: E820, Type: uint32(m.Entries[i].Type)}
}

// Flat returns what m says about each address, however it is split into entries:
// sorted, disjoint spans, of which touching ones differ. Where entries overlap, the
// highest type counts, as in Linux's e820 table, and of equal types the highest
// attributes. Entries without a proper range take no part.
// Source: arch/x86/kernel/e820.c:e820__update_table (v6.12).
func (m *Map) Flat() []Span[Word] {
	order := m.Order()
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := m.Word(a), m.Word(b)
		return cmp.Or(cmp.Compare(y.Type, x.Type), cmp.Compare(y.Attr, x.Attr))
	})
	var covered Set
	var spans []Span[Word]
	for _, i := range order {
		r, err := m.Range(i)
		if err != nil {
			continue
		}
		_, fresh := covered.Intersection(r)
		for _, f := range fresh {
			spans = append(spans, Span[Word]{f, m.Word(i)})
		}
		covered.Add(r)
	}
	slices.SortFunc(spans, func(a, b Span[Word]) int { return cmp.Compare(a.Start, b.Start) })
	merged := spans[:0]
	for _, s := range spans {
		merged = emit(merged, s.Range, s.Value)
	}
	return merged
}

// Align lays sorted lists of disjoint spans side by side: it calls yield, ascending,
// for each stretch over which no list changes its value and at least one has one. It
// hands over the value of each list, zero where it has none; the slice is reused.
func Align[T comparable](lists [][]Span[T], yield func(r Range, values []T)) {
	values := make([]T, len(lists))
	next := make([]int, len(lists)) // the first span of each list that ends above at
	for at := uint64(0); ; {
		end, described := ^uint64(0), false
		for k, list := range lists {
			for next[k] < len(list) && list[next[k]].End <= at {
				next[k]++
			}
			var value T
			if next[k] < len(list) {
				s := list[next[k]]
				if s.Start > at {
					end = min(end, s.Start)
				} else {
					value, described = s.Value, true
					end = min(end, s.End)
				}
			}
			values[k] = value
		}
		if end == ^uint64(0) && !described {
			return
		}
		if described {
			yield(Range{at, end}, values)
		}
		at = end
	}
}
