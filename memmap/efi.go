package memmap

import (
	"fmt"
	"strings"
)

// EFIType is the type of an EFI memory descriptor.
// Source: UEFI 2.11, 7.2 (EFI_MEMORY_TYPE).
type EFIType uint32

// The types of UEFI 2.11.
const (
	EFIReserved            EFIType = 0
	EFILoaderCode          EFIType = 1
	EFILoaderData          EFIType = 2
	EFIBootServicesCode    EFIType = 3
	EFIBootServicesData    EFIType = 4
	EFIRuntimeServicesCode EFIType = 5
	EFIRuntimeServicesData EFIType = 6
	EFIConventional        EFIType = 7
	EFIUnusable            EFIType = 8
	EFIACPIReclaim         EFIType = 9
	EFIACPINVS             EFIType = 10
	EFIMMIO                EFIType = 11
	EFIMMIOPort            EFIType = 12
	EFIPalCode             EFIType = 13
	EFIPersistent          EFIType = 14
	EFIUnaccepted          EFIType = 15
)

// efiTypeNames are the names that Linux prints, in the order of the codes.
// Source: drivers/firmware/efi/efi.c:memory_type_name (v6.12).
var efiTypeNames = [...]string{
	"Reserved", "Loader Code", "Loader Data", "Boot Code", "Boot Data",
	"Runtime Code", "Runtime Data", "Conventional", "Unusable", "ACPI Reclaim",
	"ACPI Mem NVS", "MMIO", "MMIO Port", "PAL Code", "Persistent", "Unaccepted",
}

// String is the name that a kernel log shows, without padding: "Boot Code", "type 99".
func (t EFIType) String() string {
	if int(t) < len(efiTypeNames) {
		return efiTypeNames[t]
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// EFIAttr is the attribute word of an EFI memory descriptor.
// Source: UEFI 2.11, 7.2.3; include/linux/efi.h (v6.12).
type EFIAttr uint64

// The attributes of UEFI 2.11.
const (
	EFIUC           EFIAttr = 1 << 0  // uncacheable
	EFIWC           EFIAttr = 1 << 1  // write combining
	EFIWT           EFIAttr = 1 << 2  // write through
	EFIWB           EFIAttr = 1 << 3  // write back
	EFIUCE          EFIAttr = 1 << 4  // uncacheable, exported
	EFIWP           EFIAttr = 1 << 12 // cacheability WP; write protection before UEFI 2.5
	EFIRP           EFIAttr = 1 << 13 // read protection
	EFIXP           EFIAttr = 1 << 14 // execute protection
	EFINV           EFIAttr = 1 << 15 // persistent
	EFIMoreReliable EFIAttr = 1 << 16 // mirrored
	EFIRO           EFIAttr = 1 << 17 // write protection
	EFISP           EFIAttr = 1 << 18 // specific purpose
	EFICPUCrypto    EFIAttr = 1 << 19 // can be protected by the CPU's memory encryption
	EFIHotPluggable EFIAttr = 1 << 20 // cold-plugged, may be removed (UEFI 2.11)
	EFIRuntime      EFIAttr = 1 << 63 // needs a mapping for runtime services
)

// efiAttrNames are the names that Linux prints, in its order of columns, which is not
// quite that of the bits.
// Source: drivers/firmware/efi/efi.c:efi_md_typeattr_format (v6.12.y; "HP" since v6.13).
var efiAttrNames = [...]struct {
	bit  EFIAttr
	name string
}{
	{EFIRuntime, "RUN"}, {EFIHotPluggable, "HP"}, {EFIMoreReliable, "MR"}, {EFICPUCrypto, "CC"},
	{EFISP, "SP"}, {EFINV, "NV"}, {EFIXP, "XP"}, {EFIRP, "RP"}, {EFIWP, "WP"}, {EFIRO, "RO"}, {EFIUCE, "UCE"},
	{EFIWB, "WB"}, {EFIWT, "WT"}, {EFIWC, "WC"}, {EFIUC, "UC"},
}

// Names lists the attributes by the short names of kernel logs ("RUN", "WB"), in the
// order of a kernel log's columns. Bits without a name come last, as one hex word.
func (a EFIAttr) Names() []string {
	var names []string
	for _, n := range efiAttrNames {
		if a&n.bit != 0 {
			names = append(names, n.name)
			a &^= n.bit
		}
	}
	if a != 0 {
		names = append(names, fmt.Sprintf("%#x", uint64(a)))
	}
	return names
}

// String joins the names: "RUN|WB".
func (a EFIAttr) String() string { return strings.Join(a.Names(), "|") }

// ParseEFIAttr returns the bit of a short name. Kernels since 6.13 print "HP".
func ParseEFIAttr(name string) (EFIAttr, bool) {
	for _, n := range efiAttrNames {
		if n.name == name {
			return n.bit, true
		}
	}
	return 0, false
}

// EFIDescriptor is one entry of an EFI memory map (EFI_MEMORY_DESCRIPTOR): the
// number of pages may be 0, and the range may wrap around.
type EFIDescriptor struct {
	Type  EFIType
	Phys  uint64 // PhysicalStart
	Virt  uint64 // VirtualStart; 0 until SetVirtualAddressMap
	Pages uint64 // of 4096 bytes
	Attr  EFIAttr
}

// Range returns the bytes of d, or ErrWrap.
func (d EFIDescriptor) Range() (Range, error) {
	if d.Pages > ^uint64(0)/PageSize {
		return Range{}, fmt.Errorf("%#x pages at %#x: %w", d.Pages, d.Phys, ErrWrap)
	}
	return Sized(d.Phys, d.Pages*PageSize)
}

// IsRuntime reports whether d is of a type that runtime services use.
func (d EFIDescriptor) IsRuntime() bool {
	return d.Type == EFIRuntimeServicesCode || d.Type == EFIRuntimeServicesData
}
