package firmware

import (
	"bootplan/alloc"
	"bootplan/memmap"
)

// binned is a page allocator with EDK2's bins, whose pool blocks fill pages of their own.
type binned struct {
	*alloc.EFIPages
	bins bins
	size map[uint64]uint64 // of each pool block, with head and tail
}

// What EDK2 puts before a pool block and behind it, in bytes.
const poolHead, poolTail = 24, 16

// AllocatePages looks where EDK2 looks first: in the type's own bin, then below all bins.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:FindFreePages (edk2-stable202211).
func (p *binned) AllocatePages(kind alloc.Kind, t memmap.EFIType, pages, addr uint64) (uint64, alloc.Status) {
	if kind != alloc.Address {
		if got, ok := p.bins.take(t, pages); ok {
			return got, alloc.Success
		}
	}
	for _, top := range []uint64{p.bins.top, Below4G} {
		if kind == alloc.AnyPages || kind == alloc.MaxAddress && addr >= top {
			if got, status := p.EFIPages.AllocatePages(alloc.MaxAddress, t, pages, top); status == alloc.Success {
				return got, status
			}
		}
	}
	return p.EFIPages.AllocatePages(kind, t, pages, addr)
}

// AllocatePool hands out pages.
func (p *binned) AllocatePool(t memmap.EFIType, size uint64) (uint64, alloc.Status) {
	whole := poolHead + size + poolTail
	addr, status := p.AllocatePages(alloc.AnyPages, t, (whole+memmap.PageSize-1)/memmap.PageSize, 0)
	if status != alloc.Success {
		return 0, status
	}
	if p.size == nil {
		p.size = map[uint64]uint64{}
	}
	p.size[addr] = whole
	return addr + poolHead, status
}

// FreePool takes the pages of a block back.
func (p *binned) FreePool(addr uint64) alloc.Status {
	page := addr - poolHead
	size, ok := p.size[page]
	if !ok {
		return alloc.InvalidParameter
	}
	delete(p.size, page)
	return p.FreePages(page, (size+memmap.PageSize-1)/memmap.PageSize)
}

// MapSize is the size in bytes that GetMemoryMap asks for.
func (p *binned) MapSize() uint64 { return uint64(len(p.Map())) * DescriptorSize }

// MapKey is 0: no boot asks for it.
func (p *binned) MapKey() uint64 { return 0 }
