package alloc

import (
	"fmt"
	"slices"

	"bootplan/memmap"
)

// EFIPages is a firmware page allocator that owns its memory map: descriptors are
// split and merged with every call, so that the map tells at any time which type
// every page was allocated as.
//
// It follows the simplest rules of EDK2: the highest address wins, an allocation
// never spans two descriptors, page 0 is only given when it is asked for by
// address, and a freed page keeps no trace of its owner.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c (edk2-stable202211), without bins.
type EFIPages struct {
	descs []memmap.EFIDescriptor
}

// NewEFIPages returns the allocator of a machine whose map is descs, in the order
// given. Descriptors that wrap around or overlap are an error: no firmware could
// allocate from such a map.
func NewEFIPages(descs []memmap.EFIDescriptor) (*EFIPages, error) {
	m := memmap.Map{Kind: memmap.EFI, Descriptors: descs}
	for i := range descs {
		if _, err := m.Range(i); err != nil {
			return nil, fmt.Errorf("EFI descriptor %d: %w", i, err)
		}
	}
	var err error
	m.Overlaps(func(i, j int, shared memmap.Range) bool {
		err = fmt.Errorf("EFI descriptors %d and %d share %v: a firmware cannot allocate from such a map", i, j, shared)
		return false
	})
	if err != nil {
		return nil, err
	}
	return &EFIPages{slices.Clone(descs)}, nil
}

// Map is the present map.
func (p *EFIPages) Map() []memmap.EFIDescriptor { return p.descs }

// AllocatePages takes pages out of Conventional memory and gives them type t.
// Statuses are those of EDK2: an address that is not free is NotFound, too little
// memory OutOfResources, a type that nobody may allocate InvalidParameter.
func (p *EFIPages) AllocatePages(kind Kind, t memmap.EFIType, pages, addr uint64) (uint64, Status) {
	if t == memmap.EFIConventional || t == memmap.EFIPersistent || t == memmap.EFIUnaccepted {
		return 0, InvalidParameter
	}
	if pages >= maxPages {
		pages = 0 // nothing holds as much; fails below as a request for no pages does
	}
	size := pages * memmap.PageSize
	if kind == Address {
		return p.at(t, size, addr)
	}
	last := ^uint64(0)
	if kind == MaxAddress {
		last = addr
	}
	best, top := -1, uint64(0)
	for i := range p.descs {
		if at, ok := p.fit(i, size, last); ok && at > top {
			best, top = i, at
		}
	}
	if best < 0 {
		return 0, OutOfResources
	}
	p.convert(best, memmap.Range{Start: top, End: top + size}, t)
	return top, Success
}

// fit returns the highest place for size bytes in descriptor i.
func (p *EFIPages) fit(i int, size, last uint64) (at uint64, ok bool) {
	if p.descs[i].Type != memmap.EFIConventional || size == 0 {
		return 0, false
	}
	return topOf(p.extent(i), size, last)
}

// at allocates size bytes at addr.
func (p *EFIPages) at(t memmap.EFIType, size, addr uint64) (uint64, Status) {
	if size == 0 || addr%memmap.PageSize != 0 || addr+size < addr {
		return 0, NotFound
	}
	want := memmap.Range{Start: addr, End: addr + size}
	for i := range p.descs {
		if p.descs[i].Type == memmap.EFIConventional && p.extent(i).Covers(want) {
			p.convert(i, want, t)
			return addr, Success
		}
	}
	return 0, NotFound
}

// FreePages makes pages Conventional again, whatever they were allocated as. A
// range that is not wholly allocated is NotFound and stays as it is.
func (p *EFIPages) FreePages(addr, pages uint64) Status {
	size := pages * memmap.PageSize
	if pages == 0 || pages >= maxPages || addr%memmap.PageSize != 0 {
		return InvalidParameter
	}
	if addr+size < addr || !p.allocated(memmap.Range{Start: addr, End: addr + size}) {
		return NotFound
	}
	for size > 0 {
		i := p.find(addr)
		n := min(size, p.extent(i).End-addr)
		p.convert(i, memmap.Range{Start: addr, End: addr + n}, memmap.EFIConventional)
		addr, size = addr+n, size-n
	}
	return Success
}

// allocated reports whether every page of r is described and not free.
func (p *EFIPages) allocated(r memmap.Range) bool {
	for !r.Empty() {
		i := p.find(r.Start)
		if i < 0 || p.descs[i].Type == memmap.EFIConventional {
			return false
		}
		r.Start = p.extent(i).End
	}
	return true
}

// find returns the index of the descriptor that holds addr, or -1.
func (p *EFIPages) find(addr uint64) int {
	return slices.IndexFunc(p.descs, func(d memmap.EFIDescriptor) bool {
		return addr >= d.Phys && addr-d.Phys < d.Pages*memmap.PageSize
	})
}

// extent returns the bytes of descriptor i; the constructor made sure that they
// form a range.
func (p *EFIPages) extent(i int) memmap.Range {
	d := &p.descs[i]
	return memmap.Range{Start: d.Phys, End: d.Phys + d.Pages*memmap.PageSize}
}

// convert gives the part r of descriptor i the type t, splitting the descriptor
// and merging the part with equal neighbours.
func (p *EFIPages) convert(i int, r memmap.Range, t memmap.EFIType) {
	whole, d := p.extent(i), p.descs[i]
	piece := func(start, end uint64, t memmap.EFIType) memmap.EFIDescriptor {
		return memmap.EFIDescriptor{Type: t, Phys: start, Pages: (end - start) / memmap.PageSize, Attr: d.Attr}
	}
	var with [3]memmap.EFIDescriptor
	n := 0
	if whole.Start < r.Start {
		with[n] = piece(whole.Start, r.Start, d.Type)
		n++
	}
	with[n] = piece(r.Start, r.End, t)
	n++
	if r.End < whole.End {
		with[n] = piece(r.End, whole.End, d.Type)
		n++
	}
	p.descs = slices.Replace(p.descs, i, i+1, with[:n]...)
	p.merge(max(i-1, 0), i+n)
}

// merge joins touching descriptors of one type and attribute among [from, to].
func (p *EFIPages) merge(from, to int) {
	for i := min(to, len(p.descs)-1); i > from; i-- {
		low, high := &p.descs[i-1], p.descs[i]
		if low.Type == high.Type && low.Attr == high.Attr && low.Phys+low.Pages*memmap.PageSize == high.Phys {
			low.Pages += high.Pages
			p.descs = slices.Delete(p.descs, i, i+1)
		}
	}
}
