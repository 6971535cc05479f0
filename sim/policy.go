package sim

import "bootplan/memmap"

// Policy is how EFI firmware protects memory while it is alive. The zero Policy
// protects nothing and offers the DXE services, as OVMF did for years.
// Sources: MdeModulePkg/Core/Dxe/Misc/MemoryProtection.c (edk2-stable202502);
// Project Mu's DxeMemoryProtectionSettings.h; recorded boots.
type Policy struct {
	Name      string
	NX        uint64   // bit n: memory of EFI type n is mapped without execution; bit 62: types of OEMs, bit 63: of OS loaders
	Images    Origin   // images from there are mapped by their sections
	Attribute bool     // EFI_MEMORY_ATTRIBUTE_PROTOCOL is installed
	NoDXE     bool     // there is no table of DXE services
	NXCompat  NXCompat // what becomes of an image that does not promise NX_COMPAT
	OpenImage bool     // an image that is not mapped by its sections is made writable and executable as a whole
	FreeRP    bool     // free memory is not mapped
	NullPage  bool     // page 0 is not mapped
	Reapply   bool     // each allocation sets permissions; otherwise only one that changes the NX bit of its memory does

	// What firmware is known to do wrong.
	Ignores     bool // a request for other permissions succeeds and changes nothing
	OnlyRelaxes bool // a request for fewer permissions succeeds and changes nothing
	StaleSpace  bool // the DXE services do not know what the page tables forbid
}

// Origin is a set of places that images come from, as PcdImageProtectionPolicy counts them.
type Origin uint8

// The origins. A kernel comes from a disk or from the network.
const (
	FromElsewhere Origin = 1 << iota
	FromFirmware
)

// NXCompat is how firmware treats an image that does not promise NX_COMPAT.
type NXCompat uint8

// The treatments.
const (
	NXCompatIgnored       NXCompat = iota // the promise is not looked at
	NXCompatCompatibility                 // from then on the firmware protects nothing, as Project Mu does
	NXCompatRefused                       // EFI_SECURITY_VIOLATION
)

var nxCompatNames = [...]string{"ignored", "compatibility", "refused"}

func (n NXCompat) String() string { return nxCompatNames[n] }

// NXBit is the bit of a policy that stands for memory type t.
// Source: MdeModulePkg/Core/Dxe/Misc/MemoryProtection.c:GetPermissionAttributeForMemoryType (edk2-stable202502).
func NXBit(t memmap.EFIType) uint {
	switch {
	case t >= 0x80000000:
		return 63
	case t >= 0x70000000:
		return 62
	}
	return min(uint(t), 61) // types that nobody defined: a bit that no policy sets
}

// Restrictions are the attributes with which memory of type t is mapped: of XP and RP.
func (p *Policy) Restrictions(t memmap.EFIType) memmap.EFIAttr {
	var attr memmap.EFIAttr
	if p.NX>>NXBit(t)&1 != 0 {
		attr |= memmap.EFIXP
	}
	if p.FreeRP && t == memmap.EFIConventional {
		attr |= memmap.EFIRP
	}
	return attr
}

// Of returns the permissions with which memory of type t is mapped.
func (p *Policy) Of(t memmap.EFIType) Perm {
	switch attr := p.Restrictions(t); {
	case attr&memmap.EFIRP != 0:
		return 0
	case attr&memmap.EFIXP != 0:
		return RW
	}
	return RWX
}

// Protects reports whether p forbids anything, or lets boot code forbid something.
func (p *Policy) Protects() bool {
	return p.NX != 0 || p.Images&FromElsewhere != 0 || p.Attribute || p.NXCompat != NXCompatIgnored || p.FreeRP || p.NullPage
}

// NXE reports whether firmware of this policy turns the CPU's execute-disable bit on.
// Source: MdeModulePkg/Core/DxeIplPeim/X64/VirtualMemory.c:IsEnableNonExecNeeded (edk2-stable202502).
func (p *Policy) NXE() bool { return p.NX != 0 || p.Images != 0 }

// Compatibility is what is left of p once an image without NX_COMPAT has been started.
func (p Policy) Compatibility() Policy {
	return Policy{Name: p.Name + " in compatibility mode", Reapply: p.Reapply, NoDXE: p.NoDXE, Ignores: p.Ignores}
}
