package alloc

import (
	"fmt"

	"bootplan/memmap"
)

// EFIConfig is what a platform decides about its firmware's memory services.
type EFIConfig struct {
	Release EDK2
	Arch    Arch
	// Bins says how much memory to set aside for which type: the memory type
	// information of the platform, in its order. Without it there are no bins.
	Bins []BinSize
	// BinRange is where the bins shall go if they fit; empty: the firmware decides.
	BinRange memmap.Range
	Guard    HeapGuard
	// GCD is the map of the address space beside memory, ascending.
	GCD []GCDEntry
}

// BinSize is an entry of the memory type information.
type BinSize struct {
	Type  memmap.EFIType
	Pages uint32 // of 4 KiB
}

// HeapGuard is how allocations are surrounded by pages that nobody may touch.
// Source: MdeModulePkg/MdeModulePkg.dec:PcdHeapGuardPropertyMask.
type HeapGuard struct {
	Pages, Pools bool   // guard pages, pool blocks
	AtHead       bool   // a pool block begins right behind its guard instead of ending at one
	PageTypes    uint64 // bit n: pages of type n; bits 62 and 63: OEM's and operating systems' types
	PoolTypes    uint64 // the same for pool blocks
}

// guards reports whether the type is in the mask.
// Source: MdeModulePkg/Core/Dxe/Mem/HeapGuard.c:IsMemoryTypeToGuard.
func guards(mask uint64, t memmap.EFIType) bool {
	switch {
	case t >= firstOSType:
		return mask>>63 != 0
	case t >= firstOEMType:
		return mask>>62&1 != 0
	case t < binTypes:
		return mask>>t&1 != 0
	}
	return false
}

// firstOSType is the first memory type that UEFI leaves to operating systems.
const firstOSType memmap.EFIType = 0x80000000

// granule is the size in bytes of a page of type t.
func (c *EFIConfig) granule(t memmap.EFIType) uint64 {
	switch t {
	case memmap.EFIRuntimeServicesCode, memmap.EFIRuntimeServicesData, memmap.EFIACPINVS:
		return c.Arch.granule()
	case memmap.EFIACPIReclaim:
		if c.Release == EDK2Stable202211 {
			return c.Arch.granule()
		}
	case memmap.EFIReserved: // in the place of ACPIReclaim since 202405
		if c.Release > EDK2Stable202211 {
			return c.Arch.granule()
		}
	}
	return memmap.PageSize
}

// check returns what is wrong with c.
func (c *EFIConfig) check() error {
	if int(c.Release) >= len(edk2Names) || int(c.Arch) >= len(archNames) {
		return fmt.Errorf("no such firmware: %v for %v", c.Release, c.Arch)
	}
	if !c.BinRange.Empty() && !c.Release.hasBinRange() {
		return fmt.Errorf("a range for bins: %v takes none, edk2-stable202502 and later do", c.Release)
	}
	if len(c.Bins) > binTypes {
		return fmt.Errorf("%d bins: expected at most %d, one for each memory type", len(c.Bins), binTypes)
	}
	for i, b := range c.Bins {
		if b.Type >= binTypes {
			return fmt.Errorf("bin %d: memory type %#x: expected one below %d", i, uint32(b.Type), binTypes)
		}
	}
	return nil
}
