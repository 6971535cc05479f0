package alloc

import "bootplan/memmap"

// find returns the address of pages for type t that end at or below limit, or 0. It
// looks in the type's bin, then below all bins, then anywhere; then it takes memory
// into use that was not tested yet, and starts again.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:FindFreePages.
func (p *EFIPages) find(limit, pages uint64, t memmap.EFIType, align uint64, guard bool) uint64 {
	for {
		if t < binTypes && limit >= p.bins[t].last {
			if at := p.scan(p.bins[t].last, p.bins[t].base, pages, align, guard); at != 0 {
				return at
			}
		}
		if limit >= p.defaultLast {
			if at := p.scan(p.defaultLast, 0, pages, align, guard); at != 0 {
				p.extendDefault(at, guard)
				return at
			}
		}
		if at := p.scan(limit, 0, pages, align, guard); at != 0 || !p.promote() {
			return at
		}
	}
}

// extendDefault makes an allocation from below the bins part of the default range.
func (p *EFIPages) extendDefault(at uint64, guard bool) {
	if at >= p.defaultBase {
		return
	}
	if guard && p.config.Release.countsGuardAsDefault() {
		at -= memmap.PageSize
	}
	p.defaultBase = at
}

// scan returns the address of pages at the top of the highest free entry that holds
// them in [first, limit], or 0. A limit inside a page drops to the page before.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:CoreFindFreePagesI.
func (p *EFIPages) scan(limit, first, pages, align uint64, guard bool) uint64 {
	if limit < memmap.PageSize-1 || pages == 0 {
		return 0
	}
	if (limit+1)%memmap.PageSize != 0 {
		limit = memmap.AlignDown(limit, memmap.PageSize) - 1
	}
	size, best := pages*memmap.PageSize, uint64(0)
	for i := range p.entries.list {
		e := &p.entries.list[i]
		if !p.givesAway(e) || e.start >= limit || e.last < first {
			continue
		}
		last := (min(e.last, limit)+1)&^(align-1) - 1
		if last < e.start || last-e.start+1 < size || last-size+1 < first || last <= best {
			continue
		}
		if guard {
			if last = p.besideGuards(e.start, last, size, first); last == 0 {
				continue
			}
		}
		best = last
	}
	if at := best - size + 1; at%memmap.PageSize == 0 {
		return at
	}
	return 0
}

// givesAway reports whether a search may take the memory of e.
func (p *EFIPages) givesAway(e *efiEntry) bool {
	return e.t == memmap.EFIConventional && !(e.attr&memmap.EFISP != 0 && p.config.Release.skipsSpecialPurpose())
}
