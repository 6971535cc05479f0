package alloc

import "bootplan/memmap"

// LowAllocAbove allocates q.Size bytes of LoaderData at the lowest place that one
// walk through the map finds: it tries one address per descriptor, the first that
// is aligned and not below q.Min, and the first success wins. q.Max, q.AllowZero
// and q.NoSlotSucceeds take no part. No success is NotFound.
// Source: drivers/firmware/efi/libstub/relocate.c:efi_low_alloc_above (v6.12).
func LowAllocAbove(fw Firmware, q Request) (uint64, Status) {
	s := q.rule()
	pages := s.size / memmap.PageSize
	descs := fw.Map()
	for i := range descs {
		d := &descs[i]
		if d.Type != memmap.EFIConventional || d.Attr&s.refuse != 0 || d.Pages < pages {
			continue
		}
		start := roundUp(max(d.Phys, q.Min), s.align)
		if start+s.size > d.Phys+d.Pages*memmap.PageSize {
			continue
		}
		if addr, status := fw.AllocatePages(Address, memmap.EFILoaderData, pages, start); status == Success {
			return addr, Success
		}
	}
	return 0, NotFound
}

// AllocatePages allocates size bytes of LoaderData, the last one at most at last.
// A last of 0 means no limit, because the rounding wraps around; a size above
// 2^64-4096 asks for no pages. Stubs on 32-bit firmware first cap last at
// 0xffffffff (EFI_ALLOC_LIMIT).
// Source: drivers/firmware/efi/libstub/mem.c:efi_allocate_pages (v6.12).
func AllocatePages(fw Firmware, size, last uint64) (uint64, Status) {
	last = memmap.AlignDown(last+1, memmap.PageSize) - 1
	pages := (size + memmap.PageSize - 1) / memmap.PageSize
	return fw.AllocatePages(MaxAddress, memmap.EFILoaderData, pages, last)
}

// AllocatePagesAligned allocates size bytes of type t at a multiple of align, a
// power of two, the last one at most at last: it takes more pages than it needs
// and gives those before and behind the aligned place back, whatever the firmware
// says to that.
// Source: drivers/firmware/efi/libstub/alignedmem.c:efi_allocate_pages_aligned (v6.12).
func AllocatePagesAligned(fw Firmware, size, last, align uint64, t memmap.EFIType) (uint64, Status) {
	align = max(align, memmap.PageSize)
	size = roundUp(size, memmap.PageSize)
	// The stub counts spare pages in a C int, which an align of 16 TiB overflows.
	slack := int32(align/memmap.PageSize - 1)
	last = memmap.AlignDown(last+1, align) - 1
	got, status := fw.AllocatePages(MaxAddress, t, size/memmap.PageSize+uint64(slack), last)
	if status != Success {
		return 0, status
	}
	addr := memmap.AlignUp(got, align)
	if slack > 0 {
		if before := int32((got & (align - 1)) / memmap.PageSize); before != 0 {
			_ = fw.FreePages(got, uint64(slack-before+1))
			slack = before - 1
		}
		if slack != 0 {
			_ = fw.FreePages(addr+size, uint64(slack))
		}
	}
	return addr, Success
}

// Relocation is a kernel image that shall be copied to a better place.
type Relocation struct {
	Image     uint64 // where it lies
	ImageSize uint64 // bytes to copy
	AllocSize uint64 // bytes to allocate, at least ImageSize
	Preferred uint64 // the first address to try
	Align     uint64 // of every other place
	Min       uint64 // lowest other place

	SoftReserve bool // as in Request
}

// RelocateKernel allocates LoaderData for r at its preferred address, else as low
// as LowAllocAbove finds it, and returns the place that the image is copied to.
// Sizes that make no sense are an InvalidParameter.
// Source: drivers/firmware/efi/libstub/relocate.c:efi_relocate_kernel (v6.12).
func RelocateKernel(fw Firmware, r Relocation) (uint64, Status) {
	if r.ImageSize == 0 || r.AllocSize == 0 || r.AllocSize < r.ImageSize {
		return 0, InvalidParameter
	}
	pages := roundUp(r.AllocSize, memmap.PageSize) / memmap.PageSize
	addr, status := fw.AllocatePages(Address, memmap.EFILoaderData, pages, r.Preferred)
	if status == Success {
		return addr, Success
	}
	return LowAllocAbove(fw, Request{Size: r.AllocSize, Align: r.Align, Min: r.Min, SoftReserve: r.SoftReserve})
}
