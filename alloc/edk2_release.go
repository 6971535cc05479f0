package alloc

import (
	"fmt"
	"strings"

	"bootplan/memmap"
)

// EDK2 is a release of EDK2 whose memory services [EFIPages] reproduces.
type EDK2 uint8

// The code states that were recorded. Debian 12 ships the first, Debian 13 the second.
const (
	EDK2Stable202211   EDK2 = iota // fff6d81270b5
	EDK2Stable202502               // the first with a range for bins
	EDK2Stable202605               // the first that always shows bins whole
	EDK2Master20260806             // c5aa7e7d94c0, after 202605
)

// edk2Names are the names of the releases, in the order of the constants.
var edk2Names = [...]string{"edk2-stable202211", "edk2-stable202502", "edk2-stable202605", "edk2-master-20260806"}

// String is the name of the release: "edk2-stable202211".
func (r EDK2) String() string {
	if int(r) < len(edk2Names) {
		return edk2Names[r]
	}
	return fmt.Sprintf("EDK2(%d)", uint8(r))
}

// ParseEDK2 returns the release of a name.
func ParseEDK2(name string) (EDK2, error) {
	for i, known := range edk2Names {
		if name == known {
			return EDK2(i), nil
		}
	}
	return 0, fmt.Errorf("firmware %q: expected one of %s", name, strings.Join(edk2Names[:], ", "))
}

// What the releases differ in, by the stable release that first had it.

// skipsSpecialPurpose: searches leave specific-purpose memory alone (202408).
func (r EDK2) skipsSpecialPurpose() bool { return r >= EDK2Stable202502 }

// guardsSmallPagesOnly: types with pages of 64 KiB have no guard (202405).
func (r EDK2) guardsSmallPagesOnly() bool { return r >= EDK2Stable202502 }

// countsGuardAsDefault: the guard page below an allocation belongs to the default
// range (202311).
func (r EDK2) countsGuardAsDefault() bool { return r >= EDK2Stable202502 }

// findsPoolHead: a guarded pool block that lies at the end of more than one page is
// freed from its first page on (202311).
func (r EDK2) findsPoolHead() bool { return r >= EDK2Stable202502 }

// hasBinRange: a platform may say where the bins go (202402).
func (r EDK2) hasBinRange() bool { return r >= EDK2Stable202502 }

// refusesPoolOf: pools have no unaccepted memory (202302).
func (r EDK2) refusesPoolOf(t memmap.EFIType) bool {
	return t == memmap.EFIConventional || t == memmap.EFIPersistent ||
		t == memmap.EFIUnaccepted && r >= EDK2Stable202502
}

// refusesPage0: page 0 is not even given to who asks for it by address (202508).
func (r EDK2) refusesPage0() bool { return r >= EDK2Stable202605 }

// countsUnaccepted: GetMemoryMap counts unaccepted memory for the size it asks for (202511).
func (r EDK2) countsUnaccepted() bool { return r >= EDK2Stable202605 }

// cutsBinsOut: GetMemoryMap reports free memory in a bin as the bin's type even where
// it touches other free memory, and bins are whole multiples of their types' page
// size (202602).
func (r EDK2) cutsBinsOut() bool { return r >= EDK2Stable202605 }

// keepsGuardsInside: guard pages stay in the range that is searched (202605).
func (r EDK2) keepsGuardsInside() bool { return r >= EDK2Stable202605 }

// takesBinsAtOnce: all bins come from one allocation, and pages are counted only when
// there are bins (after 202605).
func (r EDK2) takesBinsAtOnce() bool { return r >= EDK2Master20260806 }

// unacceptedSlip is the type in the last entry of the built-in table of bins, which
// was to be Unaccepted: until after 202605 it is the number that GCD has for it.
func (r EDK2) unacceptedSlip() memmap.EFIType {
	switch {
	case r >= EDK2Master20260806:
		return memmap.EFIUnaccepted
	case r >= EDK2Stable202502:
		return memmap.EFIRuntimeServicesData // EfiGcdMemoryTypeUnaccepted is 6
	}
	return memmap.EFIConventional // and was 7
}

// Arch is the processor architecture that firmware was built for.
type Arch uint8

// The architectures. The services of IA32 are not in the golden vectors, but its
// recorded boots follow them.
const (
	X64 Arch = iota
	AA64
	IA32
)

// archNames are the names of the architectures, in the order of the constants.
var archNames = [...]string{"x64", "aa64", "ia32"}

// String is the name of the architecture: "x64".
func (a Arch) String() string {
	if int(a) < len(archNames) {
		return archNames[a]
	}
	return fmt.Sprintf("Arch(%d)", uint8(a))
}

// ParseArch returns the architecture of a name.
func ParseArch(name string) (Arch, error) {
	for i, known := range archNames {
		if name == known {
			return Arch(i), nil
		}
	}
	return 0, fmt.Errorf("architecture %q: expected one of %s", name, strings.Join(archNames[:], ", "))
}

// limit is the highest address that can be allocated.
// Source: MdePkg/Include/*/ProcessorBind.h:MAX_ALLOC_ADDRESS.
func (a Arch) limit() uint64 {
	switch a {
	case AA64:
		return 1<<48 - 1
	case IA32:
		return 1<<32 - 1
	}
	return ^uint64(0)
}

// granule is the page size in bytes of memory that runtime services or the operating
// system keep; all other memory comes in pages of 4 KiB.
// Source: MdePkg/Include/*/ProcessorBind.h:RUNTIME_PAGE_ALLOCATION_GRANULARITY.
func (a Arch) granule() uint64 {
	if a == AA64 {
		return 64 * memmap.KiB
	}
	return memmap.PageSize
}

// poolLayout is what surrounds a pool block, in bytes.
type poolLayout struct {
	head, tail uint64
	align      uint64 // of sizes
	list       uint64 // the list of pools that types of OEMs and operating systems need
}

// pool is the layout of pools: head and tail have a size each, the list has pointers.
// Source: MdeModulePkg/Core/Dxe/Mem/Pool.c:POOL_HEAD, POOL_TAIL, POOL.
func (a Arch) pool() poolLayout {
	if a == IA32 {
		return poolLayout{head: 16, tail: 12, align: 4, list: 116}
	}
	return poolLayout{head: 24, tail: 16, align: 8, list: 232}
}
