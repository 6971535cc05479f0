package firmware

import (
	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
)

// Services returns the boot services of a firmware whose map is descs. If it is EDK2,
// they are pages, begun anew.
func Services(pages *alloc.EFIPages, profile sim.FirmwareProfile, descs []memmap.EFIDescriptor) (alloc.BootServices, error) {
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
	return pages, pages.Restart(c, descs)
}
