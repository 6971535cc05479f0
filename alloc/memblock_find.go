package alloc

import (
	"errors"
	"math"

	"bootplan/linux"
	"bootplan/memmap"
)

// request is what a search is for.
type request struct {
	size, align uint64
	start, end  uint64 // end may be Accessible or NoLeakTrace
	node        int    // AnyNode: all
	flags       RegionFlags
}

// preferred are the flags that a first search asks for.
func (m *Memblock) preferred() RegionFlags {
	if m.mirror {
		return Mirror
	}
	return 0
}

// Find returns the start of a free range of size bytes in [start, end), aligned to
// align, a power of two: the highest, or with BottomUp the lowest. 0 means that there
// is none. Nothing is reserved.
// Source: mm/memblock.c:memblock_find_in_range (v6.12).
func (m *Memblock) Find(start, end, size, align uint64) uint64 {
	q := request{size, align, start, end, AnyNode, m.preferred()}
	at := m.find(q)
	if at == 0 && q.flags&Mirror != 0 {
		m.logUnmirrored(size)
		q.flags &^= Mirror
		at = m.find(q)
	}
	return at
}

// find is one search; the first page is never found.
// Source: mm/memblock.c:memblock_find_in_range_node (v6.12).
func (m *Memblock) find(q request) uint64 {
	if q.end == Accessible || q.end == NoLeakTrace {
		q.end = m.Limit
	}
	q.start = max(q.start, memmap.PageSize)
	q.end = max(q.start, q.end)
	if m.BottomUp {
		return m.findUp(q)
	}
	return m.findDown(q)
}

// Source: mm/memblock.c:__memblock_find_range_bottom_up (v6.12).
func (m *Memblock) findUp(q request) uint64 {
	for w := (freeWalk{}); w.next(m, q); {
		start, end := w.clamped(q)
		at := memmap.AlignUp(start, q.align)
		if at < end && end-at >= q.size {
			return at
		}
	}
	return 0
}

// Source: mm/memblock.c:__memblock_find_range_top_down (v6.12).
func (m *Memblock) findDown(q request) uint64 {
	for w := (freeWalk{mem: len(m.Memory.Regions) - 1, gap: len(m.Reserved.Regions)}); w.previous(m, q); {
		start, end := w.clamped(q)
		if end < q.size {
			continue
		}
		if at := memmap.AlignDown(end-q.size, q.align); at >= start {
			return at
		}
	}
	return 0
}

// A freeWalk steps through the stretches of memory between reservations. Its position
// is an index into the memory list, and one into the gaps around the reservations,
// which are one more than those; the walk advances both in step.
type freeWalk struct {
	mem, gap int
	free     memmap.Range // the stretch found last
}

// clamped is the stretch found last, moved into the limits of the request.
func (w *freeWalk) clamped(q request) (start, end uint64) {
	return min(max(w.free.Start, q.start), q.end), min(max(w.free.End, q.start), q.end)
}

// next finds the next stretch upwards.
// Source: mm/memblock.c:__next_mem_range (v6.12).
func (w *freeWalk) next(m *Memblock, q request) bool {
	for ; w.mem < len(m.Memory.Regions); w.mem++ {
		r := m.Memory.Regions[w.mem]
		if m.skips(r, q) {
			continue
		}
		for ; w.gap <= len(m.Reserved.Regions); w.gap++ {
			gap := m.gap(w.gap)
			if gap.Start >= r.End {
				break
			}
			if r.Start >= gap.End {
				continue
			}
			w.free = memmap.Range{Start: max(r.Start, gap.Start), End: min(r.End, gap.End)}
			if r.End <= gap.End {
				w.mem++
			} else {
				w.gap++
			}
			return true
		}
	}
	return false
}

// previous finds the next stretch downwards.
// Source: mm/memblock.c:__next_mem_range_rev (v6.12).
func (w *freeWalk) previous(m *Memblock, q request) bool {
	for ; w.mem >= 0; w.mem-- {
		r := m.Memory.Regions[w.mem]
		if m.skips(r, q) {
			continue
		}
		for ; w.gap >= 0; w.gap-- {
			gap := m.gap(w.gap)
			if gap.End <= r.Start {
				break
			}
			if r.End <= gap.Start {
				continue
			}
			w.free = memmap.Range{Start: max(r.Start, gap.Start), End: min(r.End, gap.End)}
			if r.Start >= gap.Start {
				w.mem--
			} else {
				w.gap--
			}
			return true
		}
	}
	return false
}

// gap is what lies between reservation i-1 and reservation i.
func (m *Memblock) gap(i int) memmap.Range {
	g := memmap.Range{End: math.MaxUint64}
	if i > 0 {
		g.Start = m.Reserved.Regions[i-1].End
	}
	if i < len(m.Reserved.Regions) {
		g.End = m.Reserved.Regions[i].Start
	}
	return g
}

// skips reports whether a request can't be served from a region of memory.
// Source: mm/memblock.c:should_skip_region (v6.12).
func (m *Memblock) skips(r Region, q request) bool {
	return validNode(q.node) && q.node != r.Node ||
		m.MovableNode && r.Flags&Hotplug != 0 ||
		q.flags&Mirror != 0 && r.Flags&Mirror == 0 ||
		r.Flags&(NoMap|DriverManaged) != 0
}

// smpCacheBytes is the alignment of requests that state none (SMP_CACHE_BYTES).
const smpCacheBytes = 64

// Alloc reserves size bytes anywhere below Limit and returns their address.
// Source: mm/memblock.c, include/linux/memblock.h:memblock_phys_alloc (v6.12).
func (m *Memblock) Alloc(size, align uint64) (uint64, error) {
	return m.AllocRange(size, align, 0, Accessible)
}

// AllocRange reserves size bytes in [start, end) and returns their address. align is a
// power of two, or 0 for the size of a cache line.
// Source: mm/memblock.c:memblock_phys_alloc_range (v6.12).
func (m *Memblock) AllocRange(size, align, start, end uint64) (uint64, error) {
	m.logAlloc(size, align, start, end)
	return m.AllocNode(size, align, start, end, AnyNode, false)
}

// AllocNode is AllocRange with a node to prefer; exact rules all other nodes out.
// Mirrored memory comes before all other memory, and the node before all others.
// Source: mm/memblock.c:memblock_alloc_range_nid (v6.12).
func (m *Memblock) AllocNode(size, align, start, end uint64, node int, exact bool) (uint64, error) {
	if align == 0 {
		align = smpCacheBytes
	}
	q := request{size, align, start, end, node, m.preferred()}
	owner := node // of the reservation: recorded since 7.2
	if m.Version < linux.V7_2 {
		owner = NoNode
	}
	for {
		at, err := m.take(q, owner)
		if errors.Is(err, ErrNoMemory) && validNode(node) && !exact {
			elsewhere := q
			elsewhere.node = AnyNode
			at, err = m.take(elsewhere, owner)
		}
		if !errors.Is(err, ErrNoMemory) || q.flags&Mirror == 0 {
			return at, err
		}
		m.logUnmirrored(size)
		q.flags &^= Mirror
	}
}

// take reserves what a search finds.
func (m *Memblock) take(q request, owner int) (uint64, error) {
	at := m.find(q)
	if at == 0 {
		return 0, ErrNoMemory
	}
	if err := m.reserve(at, q.size, owner, m.kern(), "memblock_alloc_range_nid"); err != nil {
		return 0, err
	}
	return at, nil
}

// AllocTryNode is the search behind the kernel's memblock_alloc functions, which give
// out virtual addresses: end does not exceed Limit, and start is a wish, given up if
// it can't be met.
// Source: mm/memblock.c:memblock_alloc_try_nid, memblock_alloc_internal (v6.12).
func (m *Memblock) AllocTryNode(size, align, start, end uint64, node int) (uint64, error) {
	m.logTryNode(size, align, start, end, node)
	end = min(end, m.Limit)
	at, err := m.AllocNode(size, align, start, end, node, false)
	if err != nil && linux.OnlyPanic(err) == nil && start != 0 {
		at, err = m.AllocNode(size, align, 0, end, node, false)
	}
	return at, err
}
