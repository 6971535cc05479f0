package design

import (
	"bootplan/memmap"
	"bootplan/sim"
)

// romHeader is what stands before a ROM in its node: struct pci_setup_rom, of which
// the first 16 bytes are those of every node.
const romHeader = 64

// copyROMs copies the option ROMs of PCI devices, which the kernel could not read
// later, and links them into the setup_data list. A ROM that has no room is left out.
func (s *stub) copyROMs(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/x86-stub.c:setup_efi_pci"
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
	return nil
}
