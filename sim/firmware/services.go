package firmware

import (
	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
)

// newServices returns the boot services of a firmware whose map is descs.
func newServices(_ sim.FirmwareKind, descs []memmap.EFIDescriptor) (alloc.BootServices, error) {
	pages, err := alloc.NewEFIPages(descs)
	if err != nil {
		return nil, err
	}
	return &binned{EFIPages: pages, bins: findBins(descs)}, nil
}
