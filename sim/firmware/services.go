package firmware

import (
	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
)

// services returns the boot services of a firmware whose map is descs.
func (f *Firmware) services(profile sim.FirmwareProfile, descs []memmap.EFIDescriptor) (alloc.BootServices, error) {
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
	if f.edk2 == nil {
		f.edk2 = &alloc.EFIPages{}
	}
	return f.edk2, f.edk2.Restart(c, descs)
}
