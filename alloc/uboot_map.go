package alloc

import (
	"slices"

	"bootplan/memmap"
)

// lastUBootType is the last type that U-Boot can enter into its map.
const lastUBootType = memmap.EFIUnaccepted

// add enters pages of type t at addr, in place of whatever the map says about them.
// With onlyFree all of them must be Conventional; the answer is then false if they
// are not, and the free ones among them may be gone from the map. OS types (from
// 0x80000000 on) are negative numbers to U-Boot, which pass its test of the type.
// Source: lib/efi_loader/efi_memory.c:efi_add_memory_map_pg (v2023.04).
func (u *UBootPages) add(addr, pages uint64, t memmap.EFIType, onlyFree bool) bool {
	if int32(t) > int32(lastUBootType) {
		return false
	}
	if pages == 0 {
		return true
	}
	u.key++
	carved, ok := u.carve(addr, addr+pages*memmap.PageSize, onlyFree)
	if !ok || onlyFree && carved != pages {
		u.loose = true
		return false
	}
	i, _ := slices.BinarySearchFunc(u.descs, addr, byPhys)
	u.descs = slices.Insert(u.descs, i, memmap.EFIDescriptor{Type: t, Phys: addr, Virt: addr, Pages: pages, Attr: uBootAttr(t)})
	from, to := max(i-1, 0), min(i+2, len(u.descs))
	if u.loose {
		from, to, u.loose = 0, len(u.descs), false
	}
	u.descs = joinNeighboursIn(u.descs, from, to)
	return true
}

// carve cuts [start, end) out of the map, from the highest descriptor down, and counts
// the pages that it cut. With onlyFree it stops at the first one that is not
// Conventional; what lies above is gone by then. A descriptor is first split at start,
// and its upper part then treated like any other.
// Source: lib/efi_loader/efi_memory.c:efi_mem_carve_out (v2023.04).
func (u *UBootPages) carve(start, end uint64, onlyFree bool) (pages uint64, ok bool) {
	i, _ := slices.BinarySearchFunc(u.descs, end, byPhys)
	for i--; i >= 0 && descEnd(&u.descs[i]) > start; i-- {
		d := &u.descs[i]
		switch {
		case end <= d.Phys: // the upper part of a split, when end has wrapped around
		case onlyFree && !isFree(d):
			return pages, false
		case start > d.Phys:
			upper := *d
			upper.Phys, upper.Virt, upper.Pages = start, start, (descEnd(d)-start)/memmap.PageSize
			d.Pages -= upper.Pages
			u.descs = slices.Insert(u.descs, i+1, upper)
			i += 2
		case end >= descEnd(d):
			pages += d.Pages
			u.descs = slices.Delete(u.descs, i, i+1)
		default:
			n := (end - d.Phys) / memmap.PageSize
			d.Phys, d.Virt, d.Pages = end, end, d.Pages-n
			pages += n
		}
	}
	return pages, true
}

// uBootAttr is the attribute of all memory of type t.
func uBootAttr(t memmap.EFIType) memmap.EFIAttr {
	switch t {
	case memmap.EFIRuntimeServicesCode, memmap.EFIRuntimeServicesData:
		return memmap.EFIWB | memmap.EFIRuntime
	case memmap.EFIMMIO:
		return memmap.EFIRuntime
	}
	return memmap.EFIWB
}
