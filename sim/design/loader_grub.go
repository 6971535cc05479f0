package design

import (
	"fmt"

	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/firmware"
	"bootplan/sim/kernel"
)

// grub is the firmware from which GRUB allocates, kept from boot to boot.
type grub struct{ pages alloc.EFIPages }

// placeByGRUB follows GRUB on EFI, which allocates while the firmware is alive: at
// the preferred address if that is free; else it takes init_size bytes at the
// lowest free place from 16 MiB as a buffer, and the lowest aligned place behind it.
func (z *decompressor) placeByGRUB(b *sim.Boot, l loader) error {
	k := z.kernel.Setup
	pages, err := firmware.Services(&sim.Scratch[grub](b).pages, b.Scenario.Firmware, firmware.Descriptors(b))
	if err != nil {
		return fmt.Errorf("this map cannot be simulated: %w; bootplan map lint tells more", err)
	}
	places := []alloc.Request{
		{Size: uint64(k.InitSize), Align: memmap.PageSize, Min: 16 * memmap.MiB, Max: firmware.Below4G},
		{Size: uint64(k.InitSize), Align: uint64(k.KernelAlignment), Min: 16 * memmap.MiB, Max: firmware.Below4G},
	}
	z.loaded = k.PrefAddress
	if _, status := pages.AllocatePages(alloc.Address, memmap.EFILoaderData, pagesOf(k.InitSize), k.PrefAddress); status != alloc.Success {
		for _, q := range places {
			z.loaded, status = alloc.LowAllocAbove(pages, q)
			if status != alloc.Success || z.loaded+q.Size-1 > q.Max { // the lowest place: there is none below
				return &sim.Failure{Rule: "no-memory", Message: fmt.Sprintf("GRUB: %v", alloc.NoMemory(pages.Map(), q))}
			}
		}
	}
	z.passed = kernel.EFI{MapAddr: l.efiMap, DescSize: pages.DescriptorSize(), Descriptors: pages.Map()}
	z.efi = &z.passed
	return nil
}
