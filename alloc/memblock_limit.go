package alloc

import (
	"math"

	"bootplan/linux"
	"bootplan/memmap"
)

// TrimMemory cuts every region of memory to whole blocks of align bytes, a power of
// two, and drops what is smaller. Memory.Total keeps counting what was cut off, only
// dropped regions are subtracted. A region that begins in the last block of the address
// space then begins at 0: the list is no longer sorted.
// Source: mm/memblock.c:memblock_trim_memory (v6.12).
func (m *Memblock) TrimMemory(align uint64) {
	m.keep(&m.Memory, func(r Region) bool {
		return memmap.AlignUp(r.Start, align) < memmap.AlignDown(r.End, align)
	})
	for i := range m.Memory.Regions {
		r := &m.Memory.Regions[i]
		r.Range = memmap.Range{Start: memmap.AlignUp(r.Start, align), End: memmap.AlignDown(r.End, align)}
	}
}

// endOf is the address at which limit bytes of memory are complete, counted from the
// lowest; ok is false if there is less. A limit of 0 is none.
// Source: mm/memblock.c:__find_max_addr (v6.12).
func (m *Memblock) endOf(limit uint64) (end uint64, ok bool) {
	if limit == 0 {
		return 0, false
	}
	for _, r := range m.Memory.Regions {
		if limit <= r.Len() {
			end = r.Start + limit
			return end, end != math.MaxUint64
		}
		limit -= r.Len()
	}
	return 0, false
}

// EnforceLimit forgets all memory and all reservations beyond the first limit bytes
// of memory. The error is always a *linux.Panic.
// Source: mm/memblock.c:memblock_enforce_memory_limit (v6.12).
func (m *Memblock) EnforceLimit(limit uint64) error {
	end, ok := m.endOf(limit)
	if !ok {
		return nil
	}
	if err := linux.OnlyPanic(m.remove(&m.Memory, end, math.MaxUint64)); err != nil {
		return err
	}
	return linux.OnlyPanic(m.remove(&m.Reserved, end, math.MaxUint64))
}

// LimitMap is EnforceLimit that keeps memory without a direct mapping.
// Source: mm/memblock.c:memblock_mem_limit_remove_map (v6.12).
func (m *Memblock) LimitMap(limit uint64) error {
	end, ok := m.endOf(limit)
	if !ok {
		return nil
	}
	return m.CapRange(0, end)
}

// CapRange forgets all memory outside [base, base+size), except what has no direct
// mapping, and all reservations outside. The error is always a *linux.Panic.
// Source: mm/memblock.c:memblock_cap_memory_range (v6.12).
func (m *Memblock) CapRange(base, size uint64) error {
	if size == 0 {
		return nil
	}
	if m.Memory.Total == 0 {
		m.logNoMemory()
		return nil
	}
	first, end, err := m.isolate(&m.Memory, base, size)
	if err != nil {
		return linux.OnlyPanic(err)
	}
	i := -1
	m.keep(&m.Memory, func(r Region) bool { i++; return i >= first && i < end || r.Flags&NoMap != 0 })
	if err := linux.OnlyPanic(m.remove(&m.Reserved, 0, base)); err != nil {
		return err
	}
	return linux.OnlyPanic(m.remove(&m.Reserved, base+size, math.MaxUint64))
}
