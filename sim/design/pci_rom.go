package design

import (
	"bootplan/memmap"
	"bootplan/sim"
)

// romHeader is what stands before a ROM in its node: struct pci_setup_rom, of which
// the first 16 bytes are those of every node.
const romHeader = 64

// Sizes in bytes of the lists of a PC's devices: a graphics adapter, as itself and as a
// part of the console, and eight devices on PCI.
const (
	graphicsList = 2 * 8
	pciList      = 8 * 8
)

// findGraphics asks for graphics adapters.
func (s *stub) findGraphics(*sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/gop.c:efi_setup_gop"
	_ = s.borrowPool("list of graphics adapters", graphicsList, "the firmware is asked for all of them", source) // without room there is no picture
	return nil
}

// copyROMs asks for the devices on PCI, copies their option ROMs, which the kernel could
// not read later, and links them into the setup_data list. The list of devices is the
// firmware's own since 7.2, in memory that it has for its purposes.
func (s *stub) copyROMs(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/x86-stub.c:setup_efi_pci"
	const devices = "list of PCI devices"
	if !s.ways.devicesByStub {
		s.copyEachROM(b, source)
		return nil
	}
	list, err := s.fw.For(devices, "the firmware is asked for all of them", source).TakePool(memmap.EFILoaderData, pciList)
	if err != nil {
		return nil // and no ROM is looked for
	}
	s.copyEachROM(b, source)
	s.fw.ReleasePool(devices, list, source)
	return nil
}

// copyEachROM leaves a ROM out that has no room.
func (s *stub) copyEachROM(b *sim.Boot, source string) {
	for _, size := range b.Scenario.ROMs {
		node, err := s.fw.For("PCI option ROM", "a pool block: the ROM, and a head that says whose it is", source).
			TakePool(memmap.EFILoaderData, romHeader+size)
		if err != nil {
			continue
		}
		b.Do(sim.Step{Op: sim.Write, Object: "PCI option ROM", Range: node, Keep: true, Why: "read through the firmware's driver, for drivers of the kernel", Source: source})
		b.Place("pci_rom", node, 0)
		s.link(node, setupPCI)
	}
}
