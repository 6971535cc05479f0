package alloc

import (
	"cmp"
	"fmt"
	"slices"

	"bootplan/memmap"
)

const (
	// descSize is sizeof(EFI_MEMORY_DESCRIPTOR), in bytes.
	descSize = 40
	// firstOEMType is the first memory type that UEFI leaves to others.
	firstOEMType memmap.EFIType = 0x70000000
)

// checkAllocatable returns why no firmware could allocate from descs: one of them wraps
// around, or two share memory.
func checkAllocatable(descs []memmap.EFIDescriptor) error {
	ascending, last := true, uint64(0)
	for i := range descs {
		r, err := descs[i].Range()
		if err != nil {
			return fmt.Errorf("EFI descriptor %d: %w", i, err)
		}
		ascending, last = ascending && r.Start >= last, r.End
	}
	if ascending {
		return nil // as most maps are: none can share memory
	}
	m := memmap.Map{Kind: memmap.EFI, Descriptors: descs}
	var err error
	m.Overlaps(func(i, j int, shared memmap.Range) bool {
		err = fmt.Errorf("EFI descriptors %d and %d share %v: a firmware cannot allocate from such a map", i, j, shared)
		return false
	})
	return err
}

// allocatableType reports whether UEFI lets AllocatePages make memory of type t.
// Source: UEFI 2.11, 7.2.1.
func allocatableType(t memmap.EFIType) bool {
	return t < memmap.EFIPersistent && t != memmap.EFIConventional || t >= firstOEMType
}

// descEnd is the address behind d. It wraps around as firmware's own arithmetic does.
func descEnd(d *memmap.EFIDescriptor) uint64 { return d.Phys + d.Pages*memmap.PageSize }

// byPhys orders descriptors by address.
func byPhys(d memmap.EFIDescriptor, addr uint64) int { return cmp.Compare(d.Phys, addr) }

// holding returns the index of the descriptor in which addr lies, or -1; descs are
// ascending and do not overlap.
func holding(descs []memmap.EFIDescriptor, addr uint64) int {
	i, found := slices.BinarySearchFunc(descs, addr, byPhys)
	if !found {
		i--
	}
	if i < 0 || addr >= descEnd(&descs[i]) {
		return -1
	}
	return i
}

// joinNeighbours joins descriptors that follow each other, touch, and are of one type
// and attribute, in place.
// Source: MdeModulePkg/Core/Dxe/Misc/MemoryAttributesTable.c:MergeMemoryMap.
func joinNeighbours(descs []memmap.EFIDescriptor) []memmap.EFIDescriptor {
	kept := 0
	for i := range descs {
		d := &descs[i]
		if kept > 0 {
			if last := &descs[kept-1]; descEnd(last) == d.Phys && last.Type == d.Type && last.Attr == d.Attr {
				last.Pages += d.Pages
				continue
			}
		}
		if kept < i {
			descs[kept] = *d
		}
		kept++
	}
	return descs[:kept]
}

// joinNeighboursIn is joinNeighbours for descs[from:to] only; the others stay.
func joinNeighboursIn(descs []memmap.EFIDescriptor, from, to int) []memmap.EFIDescriptor {
	return slices.Delete(descs, from+len(joinNeighbours(descs[from:to])), to)
}
