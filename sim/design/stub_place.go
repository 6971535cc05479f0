package design

import (
	"bootplan/memmap"
	"bootplan/sim"
)

// placeKernel asks the firmware for the block into which the kernel goes.
func (s *stub) placeKernel(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/x86-stub.c:efi_decompress_kernel"
	buffer, err := s.fetchMap(b, memmap.EFILoaderData, "a copy of the map, to count places in")
	if err != nil {
		return err
	}
	s.fw.For("kernel block", "room for the unpacked file and the running kernel, at the multiple of 2 MiB that the seed chooses", source)
	if s.block, err = s.allocateRandom(b); err != nil {
		return err
	}
	s.fw.ReleasePool(mapName, buffer, source)
	b.Place("kernel_block", s.block, 0)
	return nil
}
