package alloc

import (
	"fmt"

	"bootplan/memmap"
)

// EFIPages is the memory of a firmware made with EDK2: pages, pool blocks and the map
// that it reports, as EDK2's own code keeps them, release by release and bit for bit.
//
// A boot service answers as a RELEASE build does; [EFIPages.Asserted] tells where a
// DEBUG build would have stopped instead.
//
// Not modelled: allocations that firmware makes of itself when it is called (page
// tables, the memory attributes table), and the guard of freed memory.
// Source: MdeModulePkg/Core/Dxe/Mem.
type EFIPages struct {
	config  EFIConfig
	entries efiEntries

	bins        [binTypes]typeBin
	sizes       []BinSize // the memory type information; the most pages that each type used
	ready       bool      // the bins have their places
	defaultBase uint64    // the lowest address given from below the bins
	defaultLast uint64    // the last byte below the bins

	gcd   []GCDEntry
	pools efiPools
	guard guardTables

	report, spare []memmap.EFIDescriptor // what Map returned last, and its work space

	settling bool
	stopped  bool
	asserted bool
}

// NewEFIPages returns a firmware without memory; see [EFIPages.AddMemory]. The error
// says what is wrong with the configuration.
func NewEFIPages(c EFIConfig) (*EFIPages, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	p := &EFIPages{}
	p.reset(c)
	return p, nil
}

// reset makes p a firmware without memory, in the memory of what it was before.
func (p *EFIPages) reset(c EFIConfig) {
	*p = EFIPages{
		config: c, defaultBase: c.Arch.limit(), defaultLast: c.Arch.limit(),
		entries: efiEntries{list: p.entries.list[:0]}, sizes: p.sizes[:0], gcd: append(p.gcd[:0], c.GCD...),
		pools: p.pools, report: p.report, spare: p.spare,
	}
	p.pools.reset()
	p.initBins()
}

// AddMemory tells the firmware of memory: free memory if t is Conventional, else pages
// that are in use already. The bins are placed as soon as the memory has room for
// them. Memory that begins inside a page, has no pages or wraps around, and types that
// UEFI does not know are an error.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:CoreAddMemoryDescriptor.
func (p *EFIPages) AddMemory(d memmap.EFIDescriptor) error {
	if d.Phys%memmap.PageSize != 0 {
		return fmt.Errorf("memory at %#x begins inside a page", d.Phys)
	}
	if d.Type >= binTypes && d.Type < firstOEMType {
		return fmt.Errorf("memory at %#x: no type %#x", d.Phys, uint32(d.Type))
	}
	if _, err := d.Range(); err != nil || d.Pages == 0 {
		return fmt.Errorf("memory at %#x: %#x pages", d.Phys, d.Pages)
	}
	p.asserted = false
	p.addMemory(efiEntry{start: d.Phys, last: descEnd(&d) - 1, attr: d.Attr, t: d.Type})
	p.placeBins()
	return nil
}

// AllocatePages takes pages out of Conventional memory and gives them type t. The
// statuses are those of EDK2: an Address that is not free is NotFound, too little
// memory OutOfResources, a type that nobody may allocate InvalidParameter.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:CoreAllocatePages.
func (p *EFIPages) AllocatePages(kind Kind, t memmap.EFIType, pages, addr uint64) (uint64, Status) {
	p.asserted = false
	return p.allocatePages(kind, t, pages, addr, kind != Address && p.guardsPages(t))
}

func (p *EFIPages) allocatePages(kind Kind, t memmap.EFIType, pages, addr uint64, guard bool) (uint64, Status) {
	if kind > Address || !allocatableType(t) {
		return 0, InvalidParameter
	}
	align := p.config.granule(t)
	guard = guard && !p.tooLargeToGuard(align)
	if kind == Address && addr%align != 0 {
		return 0, NotFound
	}
	pages = roundPages(pages, align)
	limit := p.config.Arch.limit()
	switch kind {
	case Address:
		if !p.mayAllocateAt(t, addr, pages) {
			return 0, NotFound
		}
		return p.take(addr, pages, t, guard)
	case MaxAddress:
		limit = addr
	}
	at := p.find(limit, pages, t, align, guard)
	if at == 0 {
		return 0, OutOfResources
	}
	return p.take(at, pages, t, guard)
}

// roundPages rounds a number of 4 KiB pages up to whole granules, modulo 2^64.
func roundPages(pages, granule uint64) uint64 {
	n := granule / memmap.PageSize
	return (pages + n - 1) &^ (n - 1)
}

// mayAllocateAt reports whether an allocation by address keeps out of the bins of
// other types and of what cannot be addressed.
func (p *EFIPages) mayAllocateAt(t memmap.EFIType, start, pages uint64) bool {
	limit := p.config.Arch.limit()
	if start == 0 && p.config.Release.refusesPage0() || pages == 0 || pages > limit/memmap.PageSize {
		return false
	}
	last := start + pages*memmap.PageSize - 1
	if start >= last || last > limit {
		return false
	}
	for i := range p.bins {
		b := &p.bins[i]
		if memmap.EFIType(i) != t && b.shown() && start <= b.last && last >= b.base {
			return false
		}
	}
	return true
}

// take converts the pages that were found, after a second look for memory if they are
// not free after all.
func (p *EFIPages) take(start, pages uint64, t memmap.EFIType, guard bool) (uint64, Status) {
	status := p.convertGuarded(start, pages, t, guard)
	if status != Success && p.promote() {
		status = p.convertGuarded(start, pages, t, guard)
	}
	if status != Success {
		return 0, status
	}
	if guard {
		p.guard.set(p, start, pages)
	}
	return start, Success
}

// FreePages makes pages Conventional again, whoever allocated them. What lies before
// the first page that is free or that nobody knows is freed all the same.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:CoreInternalFreePages.
func (p *EFIPages) FreePages(addr, pages uint64) Status {
	p.asserted = false
	return p.freePages(addr, pages)
}

func (p *EFIPages) freePages(addr, pages uint64) Status {
	i := p.entries.at(addr)
	if i < 0 {
		return NotFound
	}
	t := p.entries.list[i].t
	align := p.config.granule(t)
	if addr%align != 0 {
		return InvalidParameter
	}
	guarded := p.guardsPages(t) && p.guard.has(addr)
	return p.convertGuarded(addr, roundPages(pages, align), memmap.EFIConventional, guarded)
}

// SetAttributes replaces the attribute of pages, as a change of what memory can do
// does. It stops without a word where the firmware knows no memory.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:CoreUpdateMemoryAttributes.
func (p *EFIPages) SetAttributes(addr, pages uint64, attr memmap.EFIAttr) {
	p.asserted = false
	_ = p.convert(addr, pages, change{attr: attr, attrOnly: true})
}

// Asserted reports whether a DEBUG build would have stopped in the last call.
func (p *EFIPages) Asserted() bool { return p.asserted }

// Stopped reports whether the firmware is dead: it found no memory for its own map.
// Nothing that it answers from then on says anything about the real one.
func (p *EFIPages) Stopped() bool { return p.stopped }

// assert is a condition that a DEBUG build checks.
func (p *EFIPages) assert(holds bool) { p.asserted = p.asserted || !holds }
