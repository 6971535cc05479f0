package firmware

import (
	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
)

// newServices returns the boot services of a firmware whose map is descs.
func newServices(kind sim.FirmwareKind, descs []memmap.EFIDescriptor) (alloc.BootServices, error) {
	switch kind {
	case sim.UBoot:
		return alloc.NewUBootPages(descs, ^uint64(0))
	case sim.BottomUp:
		return alloc.NewBottomUpPages(descs)
	}
	pages, err := alloc.NewEFIPages(descs)
	if err != nil {
		return nil, err
	}
	return &binned{EFIPages: pages, bins: findBins(descs)}, nil
}
