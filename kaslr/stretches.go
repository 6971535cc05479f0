package kaslr

import (
	"cmp"
	"iter"
	"slices"
)

// stretch is a row of addresses that lie in the same areas. The slot of the first
// address is first[i] in the i-th of them.
type stretch struct {
	places uint64
	first  []uint64
}

// piece is an area, or one of two parts of it, in units of the alignment.
type piece struct {
	start, end uint64 // half-open
	slot       uint64 // of start
}

// stretches are the rows of addresses in areas, ascending. For Modulo none crosses
// the border between slots that have one number more and others. What a stretch
// holds is valid until the next one.
func (d *Distribution) stretches(areas []Area, align uint64) iter.Seq[stretch] {
	return func(yield func(stretch) bool) {
		pieces := d.pieces(areas, align)
		cuts := bounds(pieces)
		var live []piece
		var first []uint64
		for i := 1; i < len(cuts); i++ {
			from := cuts[i-1]
			live = slices.DeleteFunc(live, func(p piece) bool { return p.end <= from })
			for len(pieces) > 0 && pieces[0].start == from {
				live, pieces = append(live, pieces[0]), pieces[1:]
			}
			first = first[:0]
			for _, p := range live {
				first = append(first, p.slot+from-p.start)
			}
			if len(live) > 0 && !yield(stretch{cuts[i] - from, first}) {
				return
			}
		}
	}
}

// bounds are all starts and ends, ascending.
func bounds(pieces []piece) []uint64 {
	cuts := make([]uint64, 0, 2*len(pieces))
	for _, p := range pieces {
		cuts = append(cuts, p.start, p.end)
	}
	slices.Sort(cuts)
	return slices.Compact(cuts)
}

// pieces returns the areas by ascending start, none of them empty; for Modulo the
// one with slots of both kinds is cut in two.
func (d *Distribution) pieces(areas []Area, align uint64) []piece {
	var list []piece
	var slot uint64
	border := d.remainder()
	for _, a := range areas {
		p := piece{a.Start / align, a.Start/align + a.Slots, slot}
		slot += a.Slots
		if d.draw == Modulo && p.slot < border && border < slot {
			middle := p.start + border - p.slot
			list = append(list, piece{p.start, middle, p.slot})
			p.start, p.slot = middle, border
		}
		if p.start < p.end {
			list = append(list, p)
		}
	}
	slices.SortStableFunc(list, func(a, b piece) int { return cmp.Compare(a.start, b.start) })
	return list
}
