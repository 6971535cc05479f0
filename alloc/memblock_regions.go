package alloc

import (
	"math"
	"slices"

	"bootplan/linux"
	"bootplan/memmap"
)

// capped is the range of a region: what would reach 2^64 ends at 2^64-1.
// Source: mm/memblock.c:memblock_cap_size (v6.12).
func capped(base, size uint64) memmap.Range {
	return memmap.Range{Start: base, End: base + min(size, math.MaxUint64-base)}
}

// add makes the range part of the list. Regions that are there already stay as they
// are; the gaps between them are filled. The array grows before that, if it may turn
// out too small.
// Source: mm/memblock.c:memblock_add_range (v6.12).
func (m *Memblock) add(l *RegionList, base, size uint64, node int, flags RegionFlags) error {
	fresh := Region{capped(base, size), flags, node}
	if fresh.Empty() {
		return nil
	}
	if len(l.Regions) == 0 {
		m.warnIf(l.Total != 0)
		l.Regions = append(l.Regions, fresh)
		l.Total = fresh.Len()
		return nil
	}
	if 2*len(l.Regions)+1 > l.Capacity {
		missing := m.fill(l, fresh, false)
		if missing.n == 0 {
			return nil
		}
		for len(l.Regions)+missing.n > l.Capacity {
			if err := m.double(l, fresh.Range); err != nil {
				return err
			}
		}
	}
	if i, free := m.between(l, fresh.Range); free {
		l.put(i, fresh)
		return nil
	}
	filled := m.fill(l, fresh, true)
	if filled.n == 0 {
		return nil
	}
	return l.merge(filled.first, filled.end)
}

// inOrder reports whether a list is sorted for certain: TrimMemory can bring memory out of
// order.
func (m *Memblock) inOrder(l *RegionList) bool { return l == &m.Reserved }

// between reports whether no region of a list that is in order has a byte of r, and before
// which region r lies.
func (m *Memblock) between(l *RegionList, r memmap.Range) (i int, free bool) {
	if !m.inOrder(l) {
		return 0, false
	}
	i = l.above(r.Start)
	return i, i == len(l.Regions) || l.Regions[i].Start >= r.End
}

// put adds fresh, which lies before region i, and joins it with its neighbours: what fill
// and merge come to where there is a single gap.
func (l *RegionList) put(i int, fresh Region) {
	left := i > 0 && l.Regions[i-1].continues(&fresh)
	right := i < len(l.Regions) && fresh.continues(&l.Regions[i])
	l.Total += fresh.Len()
	switch {
	case left && right:
		l.Regions[i-1].End = l.Regions[i].End
		l.Regions = slices.Delete(l.Regions, i, i+1)
	case left:
		l.Regions[i-1].End = fresh.End
	case right:
		l.Regions[i].Start = fresh.Start
	default:
		l.insert(i, fresh)
	}
}

// continues reports whether next begins where r ends, and agrees with it.
func (r *Region) continues(next *Region) bool {
	return r.End == next.Start && r.Node == next.Node && r.Flags == next.Flags
}

// gaps are the parts of a range that a list lacked: how many, and between which
// indexes they lie once they are filled.
type gaps struct{ n, first, end int }

// fill finds the gaps that fresh's range has in the list, and inserts fresh there if
// told to. It warns of a gap below a region of another kind: what overlaps should agree.
func (m *Memblock) fill(l *RegionList, fresh Region, insert bool) gaps {
	g := gaps{first: -1}
	base := fresh.Start
	i := 0
	if m.inOrder(l) {
		i = l.above(base)
	}
	for ; i < len(l.Regions) && l.Regions[i].Start < fresh.End; i++ {
		r := l.Regions[i]
		if r.End <= base {
			continue
		}
		if r.Start > base {
			m.warnIf(fresh.Node != r.Node)
			m.warnIf(fresh.Flags != r.Flags)
			i = g.close(l, i, Region{memmap.Range{Start: base, End: r.Start}, fresh.Flags, fresh.Node}, insert)
		}
		base = min(r.End, fresh.End)
	}
	if base < fresh.End {
		g.close(l, i, Region{memmap.Range{Start: base, End: fresh.End}, fresh.Flags, fresh.Node}, insert)
	}
	return g
}

// close counts a gap below region i, and puts fresh there if told to. It returns the index
// that region i then has.
func (g *gaps) close(l *RegionList, i int, fresh Region, insert bool) int {
	g.n++
	if !insert {
		return i
	}
	if g.first < 0 {
		g.first = i
	}
	g.end = i + 1
	l.insert(i, fresh)
	l.Total += fresh.Len()
	return i + 1
}

// insert puts r before region i.
func (l *RegionList) insert(i int, r Region) {
	l.Regions = append(l.Regions, Region{})
	copy(l.Regions[i+1:], l.Regions[i:])
	l.Regions[i] = r
}

// merge joins regions that touch and agree, from the one before first to end.
// Source: mm/memblock.c:memblock_merge_regions (v6.12).
func (l *RegionList) merge(first, end int) error {
	first = max(first-1, 0)
	end = min(end, len(l.Regions)-1)
	if first >= end {
		return nil
	}
	w := first
	for i := first + 1; i <= end; i++ {
		this, next := &l.Regions[w], &l.Regions[i]
		switch {
		case this.continues(next):
			this.End = next.End
			continue
		case this.End > next.Start:
			return &linux.Panic{BUG: true, Text: "this->base + this->size > next->base"}
		}
		if w++; w < i {
			l.Regions[w] = *next
		}
	}
	if w < end {
		l.Regions = slices.Delete(l.Regions, w+1, end+1)
	}
	return nil
}

// isolate splits regions at both ends of a range, so that every region lies inside or
// outside, and returns the indexes [first, end) of those inside.
// Source: mm/memblock.c:memblock_isolate_range (v6.12).
func (m *Memblock) isolate(l *RegionList, base, size uint64) (first, end int, err error) {
	area := capped(base, size)
	if area.Empty() {
		return 0, 0, nil
	}
	for len(l.Regions)+2 > l.Capacity {
		if err := m.double(l, area); err != nil {
			return 0, 0, err
		}
	}
	for i := 0; i < len(l.Regions) && l.Regions[i].Start < area.End; i++ {
		r := &l.Regions[i]
		switch {
		case r.End <= area.Start:
		case r.Start < area.Start:
			l.split(i, area.Start) // goes on with the upper part
		case r.End > area.End:
			l.split(i, area.End)
			i-- // goes on with the lower part
		default:
			if end == 0 {
				first = i
			}
			end = i + 1
		}
	}
	return first, end, nil
}

// split makes two of region i.
func (l *RegionList) split(i int, at uint64) {
	lower := l.Regions[i]
	lower.End = at
	l.Regions[i].Start = at
	l.insert(i, lower)
}

// change applies f to exactly the parts of a list that lie in a range.
// Source: mm/memblock.c:memblock_setclr_flag, memblock_set_node (v6.12).
func (m *Memblock) change(l *RegionList, base, size uint64, f func(*Region)) error {
	first, end, err := m.isolate(l, base, size)
	if err != nil {
		return err
	}
	for i := first; i < end; i++ {
		f(&l.Regions[i])
	}
	return l.merge(first, end)
}

// remove takes a range out of a list.
// Source: mm/memblock.c:memblock_remove_range (v6.12).
func (m *Memblock) remove(l *RegionList, base, size uint64) error {
	first, end, err := m.isolate(l, base, size)
	if err != nil {
		return err
	}
	i := -1
	m.keep(l, func(Region) bool { i++; return i < first || i >= end })
	return nil
}

// keep takes the regions out for which ok is false.
// Source: mm/memblock.c:memblock_remove_region (v6.12).
func (m *Memblock) keep(l *RegionList, ok func(Region) bool) {
	kept := l.Regions[:0]
	for _, r := range l.Regions {
		if ok(r) {
			kept = append(kept, r)
		} else {
			l.Total -= r.Len()
		}
	}
	m.warnIf(len(kept) == 0 && len(l.Regions) > 0 && l.Total != 0)
	l.Regions = kept
}

// warnIf is WARN_ON.
func (m *Memblock) warnIf(condition bool) {
	if condition {
		m.Warnings++
	}
}

// regionBytes is the size of struct memblock_region.
const regionBytes = 24

// double gives a list an array of twice the size, in free memory that the new array
// then reserves. A new array of reservations must not take area, which is about to be
// reserved: it is looked for above area, then below.
// Source: mm/memblock.c:memblock_double_array (v6.12).
func (m *Memblock) double(l *RegionList, area memmap.Range) error {
	if !m.resizable {
		return &linux.Panic{Text: "memblock: cannot resize " + l.name + " array"}
	}
	if l != &m.Reserved {
		area = memmap.Range{}
	}
	oldBytes := memmap.AlignUp(uint64(l.Capacity)*regionBytes, memmap.PageSize)
	newSize := 2 * uint64(l.Capacity) * regionBytes
	newBytes := memmap.AlignUp(newSize, memmap.PageSize)
	at := m.Find(area.End, m.Limit, newBytes, memmap.PageSize)
	if at == 0 && !area.Empty() {
		at = m.Find(0, min(area.Start, m.Limit), newBytes, memmap.PageSize)
	}
	m.logDouble(l, at, newSize)
	if at == 0 {
		return ErrNoMemory
	}
	old := l.Array
	l.Array = at
	l.Capacity *= 2
	if old != 0 {
		if err := linux.OnlyPanic(m.free(old, oldBytes, "memblock_double_array")); err != nil {
			return err
		}
	}
	if err := m.reserve(at, newBytes, m.noNode(), m.kern(), "memblock_double_array"); err != nil {
		return &linux.Panic{BUG: true, Text: "memblock_reserve(addr, new_alloc_size)"}
	}
	return nil
}
