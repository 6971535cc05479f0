package alloc

import (
	"slices"
	"sort"

	"bootplan/memmap"
)

// efiEntry is one range of the firmware's own map. last is its last byte, so that a
// range may end with the address space.
type efiEntry struct {
	start, last uint64
	attr        memmap.EFIAttr
	t           memmap.EFIType
}

// noEntry is what remains of a temporary entry that was merged away. It holds no byte
// and touches no page.
var noEntry = efiEntry{start: 1, last: 0}

// holds reports whether addr is a byte of e, but not the last one.
func (e *efiEntry) holds(addr uint64) bool { return e.start <= addr && e.last > addr }

// join makes o part of e if they are alike and touch.
func (e *efiEntry) join(o efiEntry) bool {
	switch {
	case o.t != e.t || o.attr != e.attr:
		return false
	case o.last+1 == e.start:
		e.start = o.start
		return true
	case o.start == e.last+1:
		e.last = o.last
		return true
	}
	return false
}

// efiEntries is the firmware's own map: resident entries, ascending, each in a slot of
// a page of descriptors, and behind them temporary ones, the newest last, which wait
// for a slot. New ranges are temporaries first, because to make one resident may take a
// page, whose allocation changes the map again.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:gMemoryMap, mMapStack.
type efiEntries struct {
	list      []efiEntry
	residents int    // how many of the list are resident
	slots     int    // that are free
	key       uint64 // how many ranges were added: the map key
	// overlap: entries share memory, which they do only if memory was added twice. Then
	// the first in the list counts.
	overlap bool
}

// slotsPerPage is how many entries of 64 bytes a page of descriptors holds.
const slotsPerPage = memmap.PageSize / 64

// above is the index of the first resident entry that begins above addr.
func (l *efiEntries) above(addr uint64) int {
	return sort.Search(l.residents, func(i int) bool { return l.list[i].start > addr })
}

// at is the index of the first entry that holds addr, or -1.
func (l *efiEntries) at(addr uint64) int {
	from := 0
	if !l.overlap {
		if i := l.above(addr) - 1; i >= 0 && l.list[i].holds(addr) {
			return i
		}
		from = l.residents
	}
	for i := from; i < len(l.list); i++ {
		if l.list[i].holds(addr) {
			return i
		}
	}
	return -1
}

// addMemory adds a range that may be in the list already.
func (l *efiEntries) addMemory(e efiEntry) {
	i := l.above(e.start)
	l.overlap = l.overlap || i > 0 && l.list[i-1].last >= e.start || i < l.residents && l.list[i].start <= e.last
	l.add(e)
}

// add adds a range as a temporary entry. Ranges that are alike and touch it become
// part of it. If one of them is resident and nothing else waits, its slot would become
// the new range's right away: that takes its place at once.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:CoreAddRange.
func (l *efiEntries) add(e efiEntry) {
	l.key++
	from, to := 0, l.residents
	if !l.overlap {
		i := l.above(e.start)
		from, to = max(i-1, 0), min(i+1, l.residents)
	}
	place := -1
	for i := from; i < to; {
		switch {
		case !e.join(l.list[i]):
			i++
		case place < 0 && !l.overlap && l.temporaries() == 0:
			place = i
			i++
		default:
			l.remove(i)
			to--
		}
	}
	if place >= 0 {
		l.list[place] = e
		return
	}
	for i := l.residents; i < len(l.list); i++ {
		if e.join(l.list[i]) {
			l.remove(i)
		}
	}
	l.push(e)
}

// push adds a temporary entry.
func (l *efiEntries) push(e efiEntry) { l.list = append(l.list, e) }

// remove takes entry i out of the map and frees its slot. A temporary keeps its place.
func (l *efiEntries) remove(i int) {
	if i >= l.residents {
		l.list[i] = noEntry
		return
	}
	l.list = slices.Delete(l.list, i, i+1)
	l.residents--
	l.slots++
}

// temporaries is the number of entries that wait for a slot.
func (l *efiEntries) temporaries() int { return len(l.list) - l.residents }

// settle makes the newest temporary resident, in a slot that must be free.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:CoreFreeMemoryMapStack.
func (l *efiEntries) settle() {
	newest := len(l.list) - 1
	e := l.list[newest]
	l.list = l.list[:newest]
	if e == noEntry {
		return
	}
	l.list = slices.Insert(l.list, l.above(e.start), e)
	l.residents++
	l.slots--
}
