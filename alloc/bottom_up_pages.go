package alloc

import (
	"cmp"
	"slices"

	"bootplan/memmap"
)

// BottomUpPages is a firmware that gives out the lowest memory that fits. It models no
// product: it is the contrast to firmware that starts at the top, for designs that
// rely on more than UEFI promises. Apart from the place it does what UEFI asks for and
// no more: no bins, whole pages for every pool block, page 0 only by its address.
// Source: UEFI 2.11, 7.2.
type BottomUpPages struct {
	descs []memmap.EFIDescriptor // ascending, touching ones of one type and attribute merged
	key   uint64
	pools map[uint64]uint64 // address of a pool block → its pages
}

// NewBottomUpPages returns the firmware of a machine whose map is descs, in any order.
// Descriptors that wrap around or overlap are an error.
func NewBottomUpPages(descs []memmap.EFIDescriptor) (*BottomUpPages, error) {
	if err := checkAllocatable(descs); err != nil {
		return nil, err
	}
	b := &BottomUpPages{pools: map[uint64]uint64{}}
	for _, d := range descs {
		if d.Pages > 0 {
			b.descs = append(b.descs, d)
		}
	}
	slices.SortFunc(b.descs, func(x, y memmap.EFIDescriptor) int { return cmp.Compare(x.Phys, y.Phys) })
	b.descs = joinNeighbours(b.descs)
	return b, nil
}

// AllocatePages takes pages out of Conventional memory. Memory that is not free at its
// Address is NotFound, no place elsewhere OutOfResources; a type that nobody may
// allocate and an unknown kind are an InvalidParameter.
func (b *BottomUpPages) AllocatePages(kind Kind, t memmap.EFIType, pages, addr uint64) (uint64, Status) {
	if kind > Address || !allocatableType(t) {
		return 0, InvalidParameter
	}
	size, failed := pages*memmap.PageSize, OutOfResources
	at, ok := uint64(0), false
	switch kind {
	case AnyPages:
		at, ok = b.lowest(size, ^uint64(0))
	case MaxAddress:
		at, ok = b.lowest(size, addr)
	case Address:
		failed = NotFound
		at, ok = addr, addr%memmap.PageSize == 0 && b.covered(addr, size, true)
	}
	if !ok || pages == 0 || pages >= maxPages {
		return 0, failed
	}
	b.retype(memmap.Range{Start: at, End: at + size}, t)
	return at, Success
}

// lowest returns the lowest page but page 0 at which size bytes of one Conventional
// descriptor begin, the last of them at most at last.
func (b *BottomUpPages) lowest(size, last uint64) (at uint64, ok bool) {
	for i := range b.descs {
		d := &b.descs[i]
		at := max(d.Phys, memmap.PageSize)
		if end := descEnd(d); isFree(d) && end >= at && end-at >= size && at+size-1 <= last {
			return at, true
		}
	}
	return 0, false
}

// FreePages makes pages Conventional again, whoever allocated them. No pages or part
// of a page are an InvalidParameter; pages that are not all allocated are NotFound,
// and stay as they are.
func (b *BottomUpPages) FreePages(addr, pages uint64) Status {
	if pages == 0 || pages >= maxPages || addr%memmap.PageSize != 0 {
		return InvalidParameter
	}
	size := pages * memmap.PageSize
	if !b.covered(addr, size, false) {
		return NotFound
	}
	b.retype(memmap.Range{Start: addr, End: addr + size}, memmap.EFIConventional)
	return Success
}

// AllocatePool gives whole pages to every block, one page to a block without bytes.
func (b *BottomUpPages) AllocatePool(t memmap.EFIType, size uint64) (uint64, Status) {
	pages := size / memmap.PageSize
	if size%memmap.PageSize != 0 || size == 0 {
		pages++
	}
	at, status := b.AllocatePages(AnyPages, t, pages, 0)
	if status == Success {
		b.pools[at] = pages
	}
	return at, status
}

// FreePool frees the pages of a block; where none begins is an InvalidParameter.
func (b *BottomUpPages) FreePool(addr uint64) Status {
	pages, ok := b.pools[addr]
	if !ok {
		return InvalidParameter
	}
	delete(b.pools, addr)
	return b.FreePages(addr, pages)
}

// Map is the present map in ascending order.
func (b *BottomUpPages) Map() []memmap.EFIDescriptor { return b.descs }

// DescriptorSize is 40 bytes: a descriptor of UEFI without padding.
func (b *BottomUpPages) DescriptorSize() uint64 { return descSize }

// MapSize is that of the entries that there are.
func (b *BottomUpPages) MapSize() uint64 { return uint64(len(b.descs)) * descSize }

// MapKey is the number of changes so far.
func (b *BottomUpPages) MapKey() uint64 { return b.key }

// covered reports whether size bytes from addr on are described, and free or not.
func (b *BottomUpPages) covered(addr, size uint64, free bool) bool {
	end := addr + size
	if end < addr {
		return false
	}
	for addr < end {
		i := holding(b.descs, addr)
		if i < 0 || isFree(&b.descs[i]) != free {
			return false
		}
		addr = descEnd(&b.descs[i])
	}
	return true
}

// retype gives the pages of r, which are all described, the type t. Memory that
// runtime services use says so in its attribute.
func (b *BottomUpPages) retype(r memmap.Range, t memmap.EFIType) {
	b.key++
	from, to := b.splitAt(r.Start), b.splitAt(r.End)
	for i := from; i < to; i++ {
		d := &b.descs[i]
		d.Type = t
		d.Attr &^= memmap.EFIRuntime
		if d.IsRuntime() {
			d.Attr |= memmap.EFIRuntime
		}
	}
	b.descs = joinNeighboursIn(b.descs, max(from-1, 0), min(to+1, len(b.descs)))
}

// splitAt makes a descriptor begin at addr if one goes across it, and returns the index
// of the first descriptor from addr on.
func (b *BottomUpPages) splitAt(addr uint64) int {
	i, found := slices.BinarySearchFunc(b.descs, addr, byPhys)
	if found || i == 0 || descEnd(&b.descs[i-1]) <= addr {
		return i
	}
	low := &b.descs[i-1]
	high := *low
	low.Pages = (addr - low.Phys) / memmap.PageSize
	high.Phys, high.Pages = addr, high.Pages-low.Pages
	b.descs = slices.Insert(b.descs, i, high)
	return i
}
