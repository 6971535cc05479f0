package memmap

import "sort"

// Kind says in which terms a map is stated.
type Kind uint8

// The kinds of maps; the zero Kind is none.
const (
	E820 Kind = iota + 1
	EFI
)

// String is "e820" or "efi".
func (k Kind) String() string {
	if k == EFI {
		return "efi"
	}
	return "e820"
}

// Map is one firmware memory map in the order in which its source states it.
// Exactly one of Entries (Kind E820) and Descriptors (Kind EFI) is used.
type Map struct {
	Kind        Kind
	Label       string // which map of its source: "BIOS-e820", "user", "modified", "extended", "efi"
	Entries     []E820Entry
	Descriptors []EFIDescriptor
	Lines       []int // line in the source of each entry, from 1; nil when it has no lines
}

// Len is the number of entries.
func (m *Map) Len() int {
	if m.Kind == EFI {
		return len(m.Descriptors)
	}
	return len(m.Entries)
}

// Range returns the bytes of entry i, or ErrWrap.
func (m *Map) Range(i int) (Range, error) {
	if m.Kind == EFI {
		return m.Descriptors[i].Range()
	}
	return m.Entries[i].Range()
}

// Start returns the first address of entry i as stated.
func (m *Map) Start(i int) uint64 {
	if m.Kind == EFI {
		return m.Descriptors[i].Phys
	}
	return m.Entries[i].Addr
}

// TypeName returns the type of entry i as a kernel log names it.
func (m *Map) TypeName(i int) string {
	if m.Kind == EFI {
		return m.Descriptors[i].Type.String()
	}
	return m.Entries[i].Type.String()
}

// Line returns the source line of entry i, or 0.
func (m *Map) Line(i int) int {
	if i < len(m.Lines) {
		return m.Lines[i]
	}
	return 0
}

// Order returns the indexes of the entries by ascending start; entries with equal
// starts keep their order.
func (m *Map) Order() []int {
	order := make([]int, m.Len())
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return m.Start(order[a]) < m.Start(order[b]) })
	return order
}

// RAM returns the memory that an operating system may use in the end: e820 RAM, or
// the EFI types that the stub turns into it.
func (m *Map) RAM() *Set {
	ram := &Set{}
	for _, i := range m.Order() { // appending to a Set is cheap, inserting is not
		usable := false
		if m.Kind == EFI {
			t, ok := m.Descriptors[i].E820Type(ConvertOptions{UnacceptedMemory: true})
			usable = ok && t == E820RAM
		} else {
			usable = m.Entries[i].Type == E820RAM
		}
		if r, err := m.Range(i); usable && err == nil {
			ram.Add(r)
		}
	}
	return ram
}

// Overlaps calls yield for every pair of entries that share bytes, in ascending
// order of the pair's higher start, until yield returns false. Entries without a
// proper range take no part.
func (m *Map) Overlaps(yield func(i, j int, shared Range) bool) {
	type open struct {
		index int
		r     Range
	}
	var live []open
	for _, j := range m.Order() {
		r, err := m.Range(j)
		if err != nil || r.Empty() {
			continue
		}
		kept := live[:0]
		for _, o := range live {
			if o.r.End > r.Start {
				kept = append(kept, o)
			}
		}
		live = kept
		for _, o := range live {
			if !yield(o.index, j, o.r.Intersect(r)) {
				return
			}
		}
		live = append(live, open{j, r})
	}
}

// Gaps returns the stretches between the lowest and the highest described address
// that no entry describes, ascending.
func (m *Map) Gaps() []Range {
	all := &Set{}
	for _, i := range m.Order() {
		if r, err := m.Range(i); err == nil {
			all.Add(r)
		}
	}
	ranges := all.Ranges()
	var gaps []Range
	for i := 1; i < len(ranges); i++ {
		gaps = append(gaps, Range{ranges[i-1].End, ranges[i].Start})
	}
	return gaps
}
