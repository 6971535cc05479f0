package sim

import (
	"fmt"
	"slices"
	"strings"

	"bootplan/memmap"
)

// Policy is how EFI firmware protects memory while it is alive.
// Sources: recorded boots; EDK2 MdeModulePkg/Core/Dxe/Misc/MemoryProtection.c (edk2-stable202502).
type Policy struct {
	Name      string
	NX        uint64 // bit n: memory of EFI type n is mapped without execute permission
	Attribute bool   // EFI_MEMORY_ATTRIBUTE_PROTOCOL is installed
	Image     bool   // PE images with page-aligned sections are mapped by their section flags
	Block     bool   // images that do not promise NX_COMPAT are refused
}

// nxData is the NX policy that ArmVirtPkg uses: every type but the code types.
const nxData = 0x7fd5

// nxAll covers the code types too.
const nxAll = 0x7fff

// policies in the order in which the command line lists them.
var policies = []Policy{
	{Name: "ovmf"},
	{Name: "ovmf-attr", Attribute: true},
	{Name: "edk2-nx", NX: nxData},
	{Name: "edk2-nx-attr", NX: nxData, Attribute: true},
	{Name: "edk2-nx-image", NX: nxData, Image: true},
	{Name: "edk2-nx-image-attr", NX: nxData, Image: true, Attribute: true},
	{Name: "strict", NX: nxAll, Attribute: true},
	{Name: "strict-block", NX: nxAll, Attribute: true, Image: true, Block: true},
}

// Policies lists the names of the known policies.
func Policies() []string {
	var names []string
	for _, p := range policies {
		names = append(names, p.Name)
	}
	return names
}

// PolicyNamed returns a known policy.
func PolicyNamed(name string) (Policy, error) {
	i := slices.IndexFunc(policies, func(p Policy) bool { return p.Name == name })
	if i < 0 {
		return Policy{}, fmt.Errorf("policy %q: expected one of %s", name, strings.Join(Policies(), ", "))
	}
	return policies[i], nil
}

// Of returns the permissions with which memory of type t is mapped.
func (p Policy) Of(t memmap.EFIType) Perm {
	if t < 64 && p.NX>>t&1 != 0 {
		return RW
	}
	return RWX
}
