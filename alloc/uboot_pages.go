package alloc

import (
	"fmt"

	"bootplan/memmap"
)

// UBootPages is the memory of U-Boot's EFI loader as it was before 2025, when its
// allocations moved to U-Boot's own allocator (LMB). It has no bins, no alignment
// rules and no page permissions: the highest free place wins, page 0 excepted, and
// attributes follow from the type alone.
//
// What U-Boot gets wrong is kept:
//   - A range that it refuses because it runs out of free memory may already be cut
//     out of the map, and then belongs to nobody for ever.
//   - FreePages makes everything free that the range touches, holes included.
//   - Page counts are not checked for overflow, and a request for no pages succeeds.
//
// Source: lib/efi_loader/efi_memory.c (v2023.04), on x86.
type UBootPages struct {
	descs []memmap.EFIDescriptor // ascending; U-Boot keeps them the other way round
	loose bool                   // a refused range may have left touching descriptors apart
	key   uint64
	pools map[uint64]uint64 // address of a pool block's header → pages of the block
}

// NewUBootPages returns the firmware of a machine with the memory descs, entered in
// the order given with U-Boot's own attributes. Conventional memory from ramTop on,
// which U-Boot does not use, becomes BootServicesData; ^uint64(0) is no limit.
// Descriptors that wrap around, overlap or have a type that U-Boot cannot enter are
// an error.
func NewUBootPages(descs []memmap.EFIDescriptor, ramTop uint64) (*UBootPages, error) {
	if err := checkAllocatable(descs); err != nil {
		return nil, err
	}
	u := &UBootPages{pools: map[uint64]uint64{}}
	ramTop = memmap.AlignDown(ramTop, memmap.PageSize)
	for i, d := range descs {
		if !u.add(d.Phys, d.Pages, d.Type, false) {
			return nil, fmt.Errorf("EFI descriptor %d: U-Boot knows no memory of %v", i, d.Type)
		}
		end := descEnd(&d)
		if from := max(ramTop, d.Phys); d.Type == memmap.EFIConventional && from < end {
			u.add(from, (end-from)/memmap.PageSize, memmap.EFIBootServicesData, true)
		}
	}
	return u, nil
}

// AllocatePages takes pages out of Conventional memory. MaxAddress counts whole pages
// only: the page that holds addr is not used. Anything that cannot be had is
// OutOfResources, a page that is not free at its Address NotFound. Types from
// Persistent to 0x6fffffff are an InvalidParameter; OEM types, up to 0x7fffffff, are
// OutOfResources.
// Source: lib/efi_loader/efi_memory.c:efi_allocate_pages (v2023.04).
func (u *UBootPages) AllocatePages(kind Kind, t memmap.EFIType, pages, addr uint64) (uint64, Status) {
	if t >= memmap.EFIPersistent && t < firstOEMType {
		return 0, InvalidParameter
	}
	switch kind {
	case AnyPages, MaxAddress:
		if kind == AnyPages {
			addr = ^uint64(0)
		}
		if addr = u.highest(pages*memmap.PageSize, addr); addr == 0 {
			return 0, OutOfResources
		}
	case Address:
		if held, ok := u.typeAt(addr); !ok || held != memmap.EFIConventional || addr%memmap.PageSize != 0 {
			return 0, NotFound
		}
	default:
		return 0, InvalidParameter
	}
	if !u.add(addr, pages, t, true) {
		return 0, OutOfResources
	}
	return addr, Success
}

// highest returns the highest place for size bytes that end at most at limit, rounded
// down to a page, or 0. A size beyond the end of the highest free memory wraps around
// to an address that add refuses.
// Source: lib/efi_loader/efi_memory.c:efi_find_free_memory (v2023.04).
func (u *UBootPages) highest(size, limit uint64) uint64 {
	limit = memmap.AlignDown(limit, memmap.PageSize)
	for i := len(u.descs) - 1; i >= 0; i-- {
		d := &u.descs[i]
		if at := min(limit, descEnd(d)) - size; isFree(d) && at >= d.Phys {
			return at
		}
	}
	return 0
}

// FreePages makes pages free of which the first one was not. Memory that is not there
// or free already is NotFound; page 0, part of a page or no pages are an
// InvalidParameter. Nobody looks at what the following pages are. (2^52 pages or more
// leave nonsense in U-Boot's map, and other nonsense in this one.)
// Source: lib/efi_loader/efi_memory.c:efi_free_pages (v2023.04).
func (u *UBootPages) FreePages(addr, pages uint64) Status {
	if !u.allocated(addr) {
		return NotFound
	}
	if addr == 0 || addr%memmap.PageSize != 0 || pages == 0 {
		return InvalidParameter
	}
	u.add(addr, pages, memmap.EFIConventional, false)
	return Success
}

// poolHeader is what U-Boot keeps in front of a pool block, in bytes: page count and
// checksum, padded to a cache line.
const poolHeader = 64

// AllocatePool gives whole pages of their own to every block. No bytes are Success
// with the address 0.
// Source: lib/efi_loader/efi_memory.c:efi_allocate_pool (v2023.04).
func (u *UBootPages) AllocatePool(t memmap.EFIType, size uint64) (uint64, Status) {
	if size == 0 {
		return 0, Success
	}
	pages := (size + poolHeader + memmap.PageSize - 1) / memmap.PageSize
	at, status := u.AllocatePages(AnyPages, t, pages, 0)
	if status != Success {
		return 0, status
	}
	u.pools[at] = pages
	return at + poolHeader, Success
}

// FreePool frees the pages of a block. Memory that is not there or free is NotFound;
// 0 and addresses without a block's header in front are an InvalidParameter. The
// model assumes that nobody writes over a header.
// Source: lib/efi_loader/efi_memory.c:efi_free_pool (v2023.04).
func (u *UBootPages) FreePool(addr uint64) Status {
	if addr == 0 {
		return InvalidParameter
	}
	if !u.allocated(addr) {
		return NotFound
	}
	header := addr - poolHeader
	pages, ok := u.pools[header]
	if !ok {
		return InvalidParameter
	}
	delete(u.pools, header)
	return u.FreePages(header, pages)
}

// Map is the present map in ascending order. U-Boot states every virtual address to
// be the physical one.
func (u *UBootPages) Map() []memmap.EFIDescriptor { return u.descs }

// DescriptorSize is 40 bytes: a descriptor of UEFI without padding.
func (u *UBootPages) DescriptorSize() uint64 { return descSize }

// MapSize is that of the entries that there are.
func (u *UBootPages) MapSize() uint64 { return uint64(len(u.descs)) * descSize }

// MapKey is the number of times that a range was entered, or refused when it was
// about to be.
func (u *UBootPages) MapKey() uint64 { return u.key }

// allocated reports whether addr lies in memory that is described and not free.
func (u *UBootPages) allocated(addr uint64) bool {
	t, ok := u.typeAt(addr)
	return ok && t != memmap.EFIConventional
}

// typeAt returns the type of the memory at addr; ok is false if there is none.
func (u *UBootPages) typeAt(addr uint64) (t memmap.EFIType, ok bool) {
	i := holding(u.descs, addr)
	if i < 0 {
		return 0, false
	}
	return u.descs[i].Type, true
}
