package alloc

import "bootplan/memmap"

// binTypes is the number of memory types that may have a bin.
// Source: MdePkg/Include/Uefi/UefiMultiPhase.h:EfiMaxMemoryType.
const binTypes = 16

// typeBin is the memory from which a type is allocated first, and how much of the type
// is in use there or below all bins.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:mMemoryTypeStatistics.
type typeBin struct {
	base, last uint64 // the whole address space until the bins are ready
	pages      uint64 // size of the bin; 0: none
	used       uint64 // pages of the type
	size       int    // index of the type in the memory type information; -1: none
	special    bool   // the bin is protected, and reported whole
	runtime    bool   // used by runtime services
}

// shown reports whether free memory in the bin is reported as of the bin's type.
func (b *typeBin) shown() bool { return b.special && b.pages > 0 }

// initBins gives every type all memory until the bins have their places.
func (p *EFIPages) initBins() {
	for i := range p.bins {
		t := memmap.EFIType(i)
		b := typeBin{last: p.config.Arch.limit(), size: -1}
		b.runtime = t == memmap.EFIRuntimeServicesCode || t == memmap.EFIRuntimeServicesData || t == memmap.EFIPalCode
		b.special = b.runtime || t == memmap.EFIReserved || t == memmap.EFIACPIReclaim ||
			t == memmap.EFIACPINVS || t == memmap.EFIUnaccepted
		p.bins[i] = b
	}
	p.sizes = append(p.sizes[:0], p.config.Bins...)
	if len(p.sizes) == 0 {
		p.sizes = appendBuiltInSizes(p.sizes, p.config.Release)
	}
	if p.config.Release.takesBinsAtOnce() {
		p.roundSizes()
	}
	if !p.config.BinRange.Empty() {
		p.placeBinsIn(p.config.BinRange)
	}
}

// appendBuiltInSizes appends the table of a platform that says nothing: no bins.
func appendBuiltInSizes(sizes []BinSize, r EDK2) []BinSize {
	for t := range memmap.EFIType(binTypes) {
		sizes = append(sizes, BinSize{Type: t})
	}
	sizes[binTypes-1].Type = r.unacceptedSlip()
	return sizes
}

// roundSizes makes every bin a multiple of its type's page size.
func (p *EFIPages) roundSizes() {
	for i := range p.sizes {
		s := &p.sizes[i]
		s.Pages = uint32(roundPages(uint64(s.Pages), p.config.granule(s.Type)))
	}
}

// bytes is the size of a bin in bytes.
func (s BinSize) bytes() uint64 { return uint64(s.Pages) * memmap.PageSize }

// placeBinsIn lays the bins out from the end of r downwards if they fit. Where they
// must begin at multiples of their page size, 202605 leaves gaps between them; later
// releases want the room for the gaps, but leave none.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:CoreSetMemoryTypeInformationRange.
func (p *EFIPages) placeBinsIn(r memmap.Range) {
	release := p.config.Release
	if release.cutsBinsOut() {
		p.roundSizes()
	}
	below := func(top uint64, s BinSize, aligned bool) uint64 {
		if aligned {
			return memmap.AlignDown(top-s.bytes(), p.config.granule(s.Type))
		}
		return top - s.bytes()
	}
	lowest := r.End
	for _, s := range p.sizes {
		lowest = below(lowest, s, release.cutsBinsOut())
	}
	if lowest < r.Start || lowest > r.End {
		return
	}
	top := r.End
	for i, s := range p.sizes {
		if s.Pages != 0 {
			top = below(top, s, release == EDK2Stable202605)
			p.setBin(s, top)
			p.fixBin(i)
		}
	}
	p.startBins()
}

// setBin says where a bin lies. The default range ends below the lowest bin.
func (p *EFIPages) setBin(s BinSize, base uint64) {
	b := &p.bins[s.Type]
	b.base, b.last = base, base+s.bytes()-1
	if base < p.defaultLast {
		p.defaultLast = base - 1
	}
}

// fixBin makes the place of bin i final. Its entry in the memory type information
// counts pages in use from now on.
func (p *EFIPages) fixBin(i int) {
	s := &p.sizes[i]
	p.bins[s.Type].pages = uint64(s.Pages)
	s.Pages = 0
}

// startBins starts to use the bins. Types without one share what lies below the bins.
func (p *EFIPages) startBins() {
	for i := range p.bins {
		b := &p.bins[i]
		b.used = 0
		if b.last == p.config.Arch.limit() {
			b.last = p.defaultLast
		}
	}
	for i, s := range p.sizes {
		p.bins[s.Type].size = i
	}
	p.ready = true
}

// placeBins allocates the bins, and frees them again: their places are what counts.
// If memory does not do yet, the next that is added may. Whether freeing them worked
// is not looked at, as in the real code.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:CoreAddMemoryDescriptor,
// MdeModulePkg/Core/Dxe/Mem/MemoryBin.c:AllocateMemoryTypeInformationBins.
func (p *EFIPages) placeBins() {
	if p.ready {
		return
	}
	if p.config.Release.takesBinsAtOnce() {
		p.placeBinsAtOnce()
	} else {
		p.placeBinsOneByOne()
	}
}

// placeBinsOneByOne allocates a bin after the other. When one fails, the default range
// stays below those that were allocated.
func (p *EFIPages) placeBinsOneByOne() {
	if p.config.Release.cutsBinsOut() {
		p.roundSizes()
	}
	for i, s := range p.sizes {
		if s.Pages == 0 {
			continue
		}
		base, status := p.allocatePages(AnyPages, s.Type, uint64(s.Pages), 0, p.guardsPages(s.Type))
		if status != Success {
			p.giveBinsUp(p.sizes[:i])
			return
		}
		p.setBin(s, base)
	}
	for i, s := range p.sizes {
		if s.Pages != 0 {
			_ = p.freePages(p.bins[s.Type].base, uint64(s.Pages))
			p.fixBin(i)
		}
	}
	p.startBins()
}

// giveBinsUp frees bins whose successor failed.
func (p *EFIPages) giveBinsUp(made []BinSize) {
	for _, s := range made {
		if s.Pages != 0 {
			b := &p.bins[s.Type]
			_ = p.freePages(b.base, uint64(s.Pages))
			b.base, b.last = 0, p.config.Arch.limit()
		}
	}
}

// placeBinsAtOnce allocates all bins as one block.
func (p *EFIPages) placeBinsAtOnce() {
	total := uint64(0)
	for _, s := range p.sizes {
		total += uint64(s.Pages)
	}
	if total == 0 {
		p.ready = true // without startBins: no type counts its pages
		return
	}
	base := p.allocateAligned(total)
	if base == 0 {
		return
	}
	p.defaultLast = base - 1
	top := base + total*memmap.PageSize
	for _, s := range p.sizes {
		if s.Pages != 0 {
			top -= s.bytes()
			p.setBin(s, top)
		}
	}
	_ = p.freePages(base, total)
	for i := range p.sizes {
		if p.sizes[i].Pages != 0 {
			p.fixBin(i)
		}
	}
	p.startBins()
}

// allocateAligned returns the address of BootServicesData pages at a multiple of the
// largest page size, or 0: it allocates more and frees both ends.
// Source: MdeModulePkg/Library/DxeCoreMemoryAllocationLib/MemoryAllocationLib.c:InternalAllocateAlignedPages.
func (p *EFIPages) allocateAligned(pages uint64) uint64 {
	const t = memmap.EFIBootServicesData
	align := p.config.Arch.granule()
	spare := uint64(0)
	if align > memmap.PageSize {
		spare = align / memmap.PageSize
	}
	at, status := p.allocatePages(AnyPages, t, pages+spare, 0, p.guardsPages(t))
	if status != Success || spare == 0 {
		return at
	}
	aligned := memmap.AlignUp(at, align)
	low := (aligned - at) / memmap.PageSize
	if low > 0 {
		_ = p.freePages(at, low)
	}
	if high := spare - low; high > 0 {
		_ = p.freePages(aligned+pages*memmap.PageSize, high)
	}
	return aligned
}

// count notes that pages from start on change from one type to another. It believes
// the whole request to be of the piece's old type.
// Source: MdeModulePkg/Core/Dxe/Mem/MemoryBin.c:UpdateMemoryStatistics.
func (p *EFIPages) count(from, to memmap.EFIType, start, pages uint64) {
	if !p.ready && p.config.Release.takesBinsAtOnce() {
		return
	}
	if b := p.counting(from, start); b != nil {
		b.used -= min(b.used, pages)
	}
	if b := p.counting(to, start); b != nil {
		b.used += pages
		if b.size >= 0 && b.used > uint64(p.sizes[b.size].Pages) {
			p.sizes[b.size].Pages = uint32(b.used)
		}
	}
}

// counting returns the bin of a type if pages at addr count for it.
func (p *EFIPages) counting(t memmap.EFIType, addr uint64) *typeBin {
	if t >= binTypes {
		return nil
	}
	b := &p.bins[t]
	if addr >= b.base && addr <= b.last || addr >= p.defaultBase && addr <= p.defaultLast {
		return b
	}
	return nil
}
