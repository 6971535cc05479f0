package alloc

import "bootplan/memmap"

// FoundMemory hands out memory where no firmware does: whole pages from 1 MiB on that an
// e820 table calls RAM in one entry and nothing else in any other, without what is in
// use. It is a [Firmware], so that code which allocates needs to know of one allocator
// only. Find makes it ready; its storage is used again by the next Find.
//
// Nobody has written such an allocator for Linux: it is a model of what A. Lutomirski
// proposes on 2023-05-03, "just find some free memory".
type FoundMemory struct {
	Up bool // take the lowest place that fits, not the highest

	free  memmap.Set
	descs []memmap.EFIDescriptor
}

// Find looks for free memory below limit, in bytes. Entries that wrap around 2^64 are
// nobody's memory.
func (f *FoundMemory) Find(table []memmap.E820Entry, limit uint64, taken []memmap.Range) {
	f.free.Clear()
	for i := range table {
		if r, err := table[i].Range(); err == nil && table[i].Type == memmap.E820RAM {
			f.free.Add(r.Intersect(memmap.Range{Start: memmap.MiB, End: limit}).Inward(memmap.PageSize))
		}
	}
	for i := range table {
		if r, err := table[i].Range(); err == nil && table[i].Type != memmap.E820RAM {
			f.free.Remove(r.Outward(memmap.PageSize))
		}
	}
	for _, r := range taken {
		f.free.Remove(r.Outward(memmap.PageSize))
	}
}

// Map describes the memory that is free, in ascending order.
func (f *FoundMemory) Map() []memmap.EFIDescriptor {
	f.descs = f.descs[:0]
	for _, r := range f.free.Ranges() {
		f.descs = append(f.descs, memmap.EFIDescriptor{
			Type: memmap.EFIConventional, Phys: r.Start, Pages: r.Len() / memmap.PageSize, Attr: memmap.EFIWB,
		})
	}
	return f.descs
}

// AllocatePages takes pages out of the free memory; of what type they shall be makes no
// difference. A request for no pages is an InvalidParameter, an address that is not free
// NotFound, too little memory OutOfResources.
func (f *FoundMemory) AllocatePages(kind Kind, _ memmap.EFIType, pages, addr uint64) (uint64, Status) {
	if pages == 0 || pages >= maxPages {
		return 0, InvalidParameter
	}
	size := pages * memmap.PageSize
	if kind == Address {
		return addr, f.take(addr, size)
	}
	last := ^uint64(0)
	if kind == MaxAddress {
		last = addr
	}
	at, ok := f.place(size, last)
	if !ok {
		return 0, OutOfResources
	}
	return at, f.take(at, size)
}

// place returns where size bytes fit so that the last one is at most last.
func (f *FoundMemory) place(size, last uint64) (at uint64, ok bool) {
	ranges := f.free.Ranges()
	for i := range ranges {
		r := ranges[i]
		if !f.Up {
			r = ranges[len(ranges)-1-i]
		}
		if top, fits := topOf(r, size, last); fits && f.Up {
			return r.Start, true
		} else if fits {
			return top, true
		}
	}
	return 0, false
}

// take makes size bytes at addr somebody's.
func (f *FoundMemory) take(addr, size uint64) Status {
	r, err := memmap.Sized(addr, size)
	if err != nil || addr%memmap.PageSize != 0 || !f.free.Covers(r) {
		return NotFound
	}
	f.free.Remove(r)
	return Success
}

// FreePages takes pages back. No pages or an address inside a page are an
// InvalidParameter, pages of which some are free NotFound.
func (f *FoundMemory) FreePages(addr, pages uint64) Status {
	if pages == 0 || pages >= maxPages || addr%memmap.PageSize != 0 {
		return InvalidParameter
	}
	r, err := memmap.Sized(addr, pages*memmap.PageSize)
	if err != nil || !f.free.Overlap(r).Empty() {
		return NotFound
	}
	f.free.Add(r)
	return Success
}
