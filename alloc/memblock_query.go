package alloc

import "sort"

// search returns the index of the region that holds addr, or -1. It halves the list
// as the kernel does, which matters for a list that is not sorted.
// Source: mm/memblock.c:memblock_search (v6.12).
func (l *RegionList) search(addr uint64) int {
	left, right := 0, len(l.Regions)
	for left < right {
		mid := (left + right) / 2
		switch r := l.Regions[mid]; {
		case addr < r.Start:
			right = mid
		case addr >= r.End:
			left = mid + 1
		default:
			return mid
		}
	}
	return -1
}

// above is the index of the first region that ends above addr, in a list that is sorted.
func (l *RegionList) above(addr uint64) int {
	return sort.Search(len(l.Regions), func(i int) bool { return l.Regions[i].End > addr })
}

// StartOfDRAM is the lowest address of memory; 0 without memory.
func (m *Memblock) StartOfDRAM() uint64 {
	if len(m.Memory.Regions) == 0 {
		return 0
	}
	return m.Memory.Regions[0].Start
}

// EndOfDRAM is the address behind the highest memory; 0 without memory.
func (m *Memblock) EndOfDRAM() uint64 {
	if n := len(m.Memory.Regions); n > 0 {
		return m.Memory.Regions[n-1].End
	}
	return 0
}

// IsReserved reports whether the byte at addr is reserved.
func (m *Memblock) IsReserved(addr uint64) bool { return m.Reserved.search(addr) >= 0 }

// IsMemory reports whether the byte at addr is memory.
func (m *Memblock) IsMemory(addr uint64) bool { return m.Memory.search(addr) >= 0 }

// IsMapMemory reports whether the byte at addr is memory with a direct mapping.
func (m *Memblock) IsMapMemory(addr uint64) bool {
	i := m.Memory.search(addr)
	return i >= 0 && m.Memory.Regions[i].Flags&NoMap == 0
}

// IsRegionMemory reports whether one region of memory holds all of [base, base+size).
func (m *Memblock) IsRegionMemory(base, size uint64) bool {
	i := m.Memory.search(base)
	return i >= 0 && m.Memory.Regions[i].End >= capped(base, size).End
}

// IsRegionReserved reports whether [base, base+size) touches a reservation; without a
// size, whether base lies inside one and is not its first byte.
func (m *Memblock) IsRegionReserved(base, size uint64) bool {
	i := m.Reserved.above(base)
	return i < len(m.Reserved.Regions) && m.Reserved.Regions[i].Start < capped(base, size).End
}
