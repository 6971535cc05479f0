package kaslr

import (
	"cmp"
	"slices"
)

// piece is a row of places in one area, counted in units of the alignment.
type piece struct {
	start, end uint64 // half-open
	slot       uint64 // of start
}

// cut adds the places of an area to the pieces. With Modulo all slots of a piece are
// alike: an area in which both kinds meet becomes two pieces.
func (d *Distribution) cut(p piece) {
	border := p.start + d.rest - p.slot
	if d.draw == Modulo && p.slot < d.rest && border < p.end {
		d.pieces = append(d.pieces, piece{p.start, border, p.slot})
		p.start, p.slot = border, d.rest
	}
	if p.start < p.end {
		d.pieces = append(d.pieces, p)
	}
}

// sweep counts the places of all pieces, stretch by stretch: places that lie in the
// same pieces. Where pieces do not overlap, the cost is that of sorting them.
func (d *Distribution) sweep() {
	slices.SortFunc(d.pieces, func(a, b piece) int { return cmp.Compare(a.start, b.start) })
	next, at := 0, uint64(0)
	for next < len(d.pieces) || len(d.live) > 0 {
		if len(d.live) == 0 {
			at = d.pieces[next].start
		}
		for ; next < len(d.pieces) && d.pieces[next].start == at; next++ {
			d.live = append(d.live, d.pieces[next])
		}
		end := ^uint64(0)
		if next < len(d.pieces) {
			end = d.pieces[next].start
		}
		for _, p := range d.live {
			end = min(end, p.end)
		}
		d.count(at, end)
		at = end
		d.live = slices.DeleteFunc(d.live, func(p piece) bool { return p.end == at })
	}
	if d.Places == 0 {
		d.add(d.share, 1) // nothing to choose from
	}
}

// count adds the places from start to end, which lie in all live pieces.
func (d *Distribution) count(start, end uint64) {
	places := end - start
	switch {
	case d.draw == Modulo: // all alike
		n, _ := d.numbers(d.live, start)
		d.add(n, places)
	case len(d.live) == 1 && d.width == 1:
		slot := d.live[0].slot + start - d.live[0].start
		more := d.below(slot+places) - d.below(slot) - places*d.share
		d.add(d.share+1, more)
		d.add(d.share, places-more)
	default: // no shorter way to tell where rows of spread numbers coincide
		for place := start; place < end; place++ {
			n, _ := d.numbers(d.live, place)
			d.add(n, 1)
		}
	}
}

// numbers is how many random numbers lead to a place of the given pieces; found is
// false if it lies in none of them.
func (d *Distribution) numbers(pieces []piece, place uint64) (n uint64, found bool) {
	for _, p := range pieces {
		if place < p.start || place >= p.end {
			continue
		}
		slot := p.slot + (place-p.start)*d.width
		n += d.below(min(slot+d.width, d.Slots)) - d.below(slot)
		found = true
	}
	return n, found
}

// add counts places to which so many numbers lead each. Levels stay sorted; the 0
// that stands for 2^64 comes first.
func (d *Distribution) add(numbers, places uint64) {
	if places == 0 {
		return
	}
	i, known := slices.BinarySearchFunc(d.Levels, numbers, func(l Level, n uint64) int { return cmp.Compare(n-1, l.Numbers-1) })
	if !known {
		d.Levels = slices.Insert(d.Levels, i, Level{Numbers: numbers})
	}
	d.Levels[i].Places += places
	d.Places += places
}
