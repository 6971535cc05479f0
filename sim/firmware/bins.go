package firmware

import "bootplan/memmap"

// bins are the blocks that EDK2 sets aside at start-up for the types that must not
// move from boot to boot, one below the other. Everything else comes from below them.
// A map shows each bin whole, as memory of its type, whether it is used or not, so
// that what is still free in a bin is not known; here it is used from its bottom up.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:CoreAddMemoryDescriptor (edk2-stable202211).
type bins struct {
	of  [16]memmap.Range // what is left of each type's bin
	top uint64           // the highest address below all of them; the end of 4 GiB without bins
}

// findBins looks for neighbours of all the types for which OVMF sets memory aside.
func findBins(descs []memmap.EFIDescriptor) bins {
	none := bins{top: Below4G}
	row, end := none, uint64(0)
	for _, d := range descs {
		r, err := d.Range()
		if err != nil || !isBinType(d.Type) {
			row = none
			continue
		}
		if r.Start != end || row.of == none.of {
			row = bins{top: r.Start - 1}
		}
		row.of[d.Type], end = r, r.End
		if row.complete() {
			return row
		}
	}
	return none
}

// binTypes are the types for which OVMF sets memory aside.
// Source: OvmfPkg/OvmfPkgX64.dsc (edk2-stable202211).
var binTypes = [...]memmap.EFIType{
	memmap.EFIReserved, memmap.EFIRuntimeServicesCode, memmap.EFIRuntimeServicesData, memmap.EFIACPIReclaim, memmap.EFIACPINVS,
}

func isBinType(t memmap.EFIType) bool {
	for _, bin := range binTypes {
		if t == bin {
			return true
		}
	}
	return false
}

// complete reports whether there is a bin for every type.
func (b *bins) complete() bool {
	for _, t := range binTypes {
		if b.of[t].Empty() {
			return false
		}
	}
	return true
}

// take allocates pages of type t from its bin; ok is false if it has none or they do
// not fit. The map does not change.
func (b *bins) take(t memmap.EFIType, pages uint64) (addr uint64, ok bool) {
	if !isBinType(t) || b.of[t].Len()/memmap.PageSize < pages {
		return 0, false
	}
	addr = b.of[t].Start
	b.of[t].Start += pages * memmap.PageSize
	return addr, true
}
