package design

import (
	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
)

const mapName = "EFI memory map"

// mapHead is what the stub since 6.1 puts before the descriptors in a buffer for the
// memory map.
const mapHead = 40

// mapGuess is the size of the buffer that it tried first until then, which the map of no
// known firmware fits.
// Source: drivers/firmware/efi/libstub/mem.c:efi_get_memory_map (v6.0).
const mapGuess = 32 * 40

// fetchMap takes a buffer of type t for the memory map, with room for a few more
// descriptors than there are, and fills it.
func (s *stub) fetchMap(b *sim.Boot, t memmap.EFIType, why string) (memmap.Range, error) {
	const source = "drivers/firmware/efi/libstub/mem.c:efi_get_memory_map"
	if s.ways.guessesMap {
		if err := s.borrowPool(mapName, mapGuess, "a first guess, too small", source); err != nil {
			return memmap.Range{}, err
		}
	}
	size := s.ways.mapHead + s.fw.MapSize() + uint64(s.ways.mapSlack)*s.fw.DescriptorSize()
	r, err := s.fw.For(mapName, why, source).TakePool(t, size)
	if err != nil {
		return r, err
	}
	b.Do(sim.Step{Op: sim.Write, Object: mapName, Range: r, Keep: true, Why: "fetched from the firmware", Source: source})
	return r, nil
}

// exitBootServices takes the final memory map and makes the e820 table of it.
func (s *stub) exitBootServices(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/x86-stub.c:exit_boot"
	if err := s.provideForMap(b); err != nil {
		return s.givesUp(b, exitFails, err)
	}
	var err error
	s.finalMap, err = s.fetchMap(b, s.ways.mapType, "the map that the kernel will read")
	if err != nil {
		return s.givesUp(b, exitFails, err)
	}
	b.MeasureWX(sim.WXAtExit)
	s.fw.ExitBootServices(source)
	s.la57 = s.la57 && b.Scenario.Firmware.Paging == sim.FiveLevels
	return s.writeE820(b)
}

const exitFails = "exit_boot() failed!"

// provideForMap allocates what depends on the size of the final memory map.
func (s *stub) provideForMap(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/x86-stub.c:allocate_e820"
	if s.ways.asksForSize {
		return s.extendE820(b, uint32(s.fw.MapSize()/s.fw.DescriptorSize()), source)
	}
	buffer, err := s.fetchMap(b, memmap.EFILoaderData, "a copy of the map, to count its entries")
	if err != nil {
		return err
	}
	descs := s.fw.Map()
	count := uint32(len(descs))
	s.listUnaccepted(descs)
	if err = s.extendE820(b, count, source); err == nil {
		err = s.takeBitmap(b)
	}
	s.fw.ReleasePool(mapName, buffer, source)
	return err
}

// extendE820 provides for a map with more entries than boot_params can hold.
func (s *stub) extendE820(b *sim.Boot, descriptors uint32, source string) error {
	size := uint64(alloc.AllocateE820(descriptors, s.ways.mapSlack))
	if size == 0 {
		return nil
	}
	var err error
	s.extension, err = s.fw.For("e820 extension", "the map has more entries than boot_params can hold: the rest goes into a setup_data node", source).
		TakePool(memmap.EFILoaderData, size)
	if err == nil {
		b.Place("e820_extension", s.extension, 0)
	}
	return err
}

// writeE820 converts the final map for the kernel.
func (s *stub) writeE820(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/x86-stub.c:setup_e820"
	s.final = s.fw.Map()
	status := s.e820.Setup(s.final, uint32(s.extension.Len()), memmap.ConvertOptions{
		UnacceptedMemory: s.ways.unaccepted, SoftReserve: !s.options.NoSoftReserve,
	})
	if status != alloc.Success {
		return s.givesUp(b, exitFails, &sim.Failure{Rule: "no-memory", Message: "the e820 table and its extension are too small for the memory map: " + status.Error()})
	}
	b.Do(sim.Step{Op: sim.Write, Object: paramsName, Range: s.bootParams, Keep: true, Why: "the e820 table, made of the EFI map", Source: source})
	if len(s.e820.Extension) > 0 {
		b.Do(sim.Step{Op: sim.Write, Object: "e820 extension", Range: s.extension, Keep: true, Why: "what did not fit into boot_params", Source: source})
	}
	return s.processUnaccepted(b)
}
