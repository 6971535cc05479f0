package sim

import (
	"fmt"
	"slices"
	"strings"
)

// nxData is the NX policy that ArmVirtPkg uses: every type but the three code types.
const nxData = 0xc000000000007fd5

// nxAll covers the code types too, and spares persistent memory; of Project Mu's two
// profiles the one for shipped firmware spares the types of OEMs and OS loaders as well.
const (
	nxAll   = 0xbfff
	nxOEMOS = 0xc000000000000000
)

// policies in the order in which the command line lists them. The first six were
// measured; the last two are Project Mu's, as far as they are published.
var policies = []Policy{
	{Name: "ovmf", Images: FromFirmware},
	{Name: "ovmf-attr", Images: FromFirmware, Attribute: true},
	{Name: "edk2-nx", Images: FromFirmware, NX: nxData},
	{Name: "edk2-nx-attr", Images: FromFirmware, NX: nxData, Attribute: true},
	{Name: "edk2-nx-image", Images: FromFirmware | FromElsewhere, NX: nxData},
	{Name: "edk2-nx-image-attr", Images: FromFirmware | FromElsewhere, NX: nxData, Attribute: true},
	{
		Name: "strict", Images: FromFirmware, NX: nxAll, Attribute: true, NXCompat: NXCompatCompatibility,
		OpenImage: true, FreeRP: true, NullPage: true, Reapply: true,
	},
	{
		Name: "strict-block", Images: FromFirmware | FromElsewhere, NX: nxAll | nxOEMOS, Attribute: true, NXCompat: NXCompatRefused,
		OpenImage: true, FreeRP: true, NullPage: true, Reapply: true,
	},
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
