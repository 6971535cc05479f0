package design

import (
	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/firmware"
)

const mapName = "EFI memory map"

// mapHead is what the stub puts before the descriptors in a buffer for the memory map.
const mapHead = 40

// fetchMap takes a buffer of type t for the memory map, with room for a few more
// descriptors than there are, and fills it.
func (s *stub) fetchMap(b *sim.Boot, t memmap.EFIType, why string) (memmap.Range, error) {
	const source = "drivers/firmware/efi/libstub/mem.c:efi_get_memory_map"
	size := mapHead + s.fw.MapSize() + uint64(s.ways.mapSlack)*firmware.DescriptorSize
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
	extension, err := s.allocateE820(b)
	if err != nil {
		return err
	}
	s.finalMap, err = s.fetchMap(b, memmap.EFIACPIReclaim, "the map that the kernel will read, in memory that it keeps")
	if err != nil {
		return err
	}
	s.extension = extension
	b.MeasureWX("exit_boot_services")
	s.fw.ExitBootServices(source)
	return s.writeE820(b, extension)
}

// allocateE820 provides for a map with more entries than boot_params can hold.
func (s *stub) allocateE820(b *sim.Boot) (memmap.Range, error) {
	const source = "drivers/firmware/efi/libstub/x86-stub.c:allocate_e820"
	buffer, err := s.fetchMap(b, memmap.EFILoaderData, "a copy of the map, to count its entries")
	if err != nil {
		return memmap.Range{}, err
	}
	defer s.fw.ReleasePool(mapName, buffer, source)
	size := alloc.AllocateE820(uint32(len(s.fw.Map())), s.ways.mapSlack)
	if size == 0 {
		return memmap.Range{}, nil
	}
	r, err := s.fw.For("e820 extension", "the map has more entries than boot_params can hold: the rest goes into a setup_data node", source).
		TakePool(memmap.EFILoaderData, uint64(size))
	if err != nil {
		return memmap.Range{}, err
	}
	b.Place("e820_extension", sized(r.Start, uint64(size)), 0)
	return sized(r.Start, uint64(size)), nil
}

// writeE820 converts the final map for the kernel.
func (s *stub) writeE820(b *sim.Boot, extension memmap.Range) error {
	const source = "drivers/firmware/efi/libstub/x86-stub.c:setup_e820"
	table, status := alloc.SetupE820(s.fw.Map(), uint32(extension.Len()), memmap.ConvertOptions{
		UnacceptedMemory: s.ways.unaccepted, SoftReserve: !s.options.NoSoftReserve,
	})
	if status != alloc.Success {
		return &sim.Failure{Rule: "no-memory", Message: "the e820 table and its extension are too small for the memory map: " + status.Error()}
	}
	b.Do(sim.Step{Op: sim.Write, Object: "boot_params", Range: s.bootParams, Keep: true, Why: "the e820 table, made of the EFI map", Source: source})
	if len(table.Extension) > 0 {
		b.Do(sim.Step{Op: sim.Write, Object: "e820 extension", Range: extension, Keep: true, Why: "what did not fit into boot_params", Source: source})
	}
	s.e820 = table
	return nil
}
