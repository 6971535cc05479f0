package firmware

import (
	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
)

// newServices returns the boot services of a firmware whose map is descs.
func newServices(profile sim.FirmwareProfile, descs []memmap.EFIDescriptor) (alloc.BootServices, error) {
	switch profile.Kind {
	case sim.UBoot:
		return alloc.NewUBootPages(descs, ^uint64(0))
	case sim.BottomUp:
		return alloc.NewBottomUpPages(descs)
	}
	c := alloc.EFIConfig{Release: alloc.EDK2(profile.Kind)}
	if profile.IA32 {
		c.Arch = alloc.IA32
	}
	return alloc.EFIPagesFromMap(c, descs)
}
