package alloc

import "bootplan/memmap"

// Guard pages are allocated together with what they guard and are of its type; two
// neighbours may share one. What is guarded is kept in bits; a page that is not
// guarded, but has a guarded neighbour, is a guard.
// Source: MdeModulePkg/Core/Dxe/Mem/HeapGuard.c.

// guardsPages reports whether pages of type t are guarded, unless asked for by address.
func (p *EFIPages) guardsPages(t memmap.EFIType) bool {
	return p.config.Guard.Pages && guards(p.config.Guard.PageTypes, t)
}

// guardsPools reports whether pool blocks of type t are guarded.
func (p *EFIPages) guardsPools(t memmap.EFIType) bool {
	return p.config.Guard.Pools && guards(p.config.Guard.PoolTypes, t)
}

// tooLargeToGuard reports whether pages of this size have no guard.
func (p *EFIPages) tooLargeToGuard(granule uint64) bool {
	return granule != memmap.PageSize && p.config.Release.guardsSmallPagesOnly()
}

// besideGuards moves size bytes at the end of the free range [start, last] so that
// there is room for guard pages, and returns their last byte, or 0 if there is none. A
// release that keeps guards inside the searched range, which begins at first, also
// keeps them off page 0.
// Source: MdeModulePkg/Core/Dxe/Mem/HeapGuard.c:AdjustMemoryS.
func (p *EFIPages) besideGuards(start, last, size, first uint64) uint64 {
	inside := p.config.Release.keepsGuardsInside()
	at := last + 1 - size
	if at == 0 || inside && at <= memmap.PageSize {
		return 0
	}
	if !p.guard.isGuard(last + 1) {
		at -= memmap.PageSize
		last -= memmap.PageSize
	}
	shared := p.guard.isGuard(at - memmap.PageSize)
	if at < start || at == start && !shared {
		return 0
	}
	if head := at - memmap.PageSize; inside && !shared && (head < first || head == 0) {
		return 0
	}
	return last
}

// convertGuarded is convert for pages that may have guards.
// Source: MdeModulePkg/Core/Dxe/Mem/HeapGuard.c:CoreConvertPagesWithGuard.
func (p *EFIPages) convertGuarded(start, pages uint64, t memmap.EFIType, guarded bool) Status {
	if guarded && t == memmap.EFIConventional {
		tables := p.guard.tables
		status := p.freeGuarded(start, pages)
		p.assert(p.guard.tables == tables) // to allocate one, the real code takes its lock twice
		return status
	}
	if guarded {
		if !p.guard.isGuard(start + pages*memmap.PageSize) {
			pages++
		}
		if !p.guard.isGuard(start - memmap.PageSize) {
			start -= memmap.PageSize
			pages++
		}
	}
	return p.convert(start, pages, change{t: t})
}

// freeGuarded frees guarded pages with those of their guards that guard nothing else.
// Where the pages beside them stay guarded, the last page on that side stays as well:
// it becomes a guard.
// Source: MdeModulePkg/Core/Dxe/Mem/HeapGuard.c:AdjustMemoryF, UnsetGuardForMemory.
func (p *EFIPages) freeGuarded(start, pages uint64) Status {
	first, n := start, pages
	if pages != 0 {
		switch p.guard.bits(start-2*memmap.PageSize, 2) {
		case 0b00: // a guard of these pages alone
			first -= memmap.PageSize
			n++
		case 0b10, 0b11: // guarded
			first += memmap.PageSize
			n--
		}
		switch p.guard.bits(first+n*memmap.PageSize, 2) {
		case 0b00:
			n++
		case 0b01, 0b11:
			if n > 0 {
				n--
			}
		}
		p.guard.clear(p, start, pages)
	}
	if n == 0 {
		return Success
	}
	return p.convert(first, n, change{t: memmap.EFIConventional})
}
