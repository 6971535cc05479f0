package design

import (
	"bootplan/memmap"
	"bootplan/sim"
)

// loadInitrd reads the initial RAM disk into pages of its own.
func (s *stub) loadInitrd(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/efi-stub-helper.c:efi_load_initrd"
	size := b.Scenario.Initrd.Size
	if size == 0 || s.options.NoInitrd {
		return nil
	}
	r, err := s.fw.For("initrd", "as high as the firmware has room", source).TakePages(memmap.EFILoaderData, size, ^uint64(0))
	if err != nil {
		return err
	}
	s.initrd = sized(r.Start, size)
	b.Do(sim.Step{Op: sim.Write, Object: "initrd", Range: s.initrd, Keep: true, Why: "read through the firmware", Source: source})
	b.Place("initrd", s.initrd, 0)
	return nil
}
