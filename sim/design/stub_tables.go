package design

import (
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/kernel"
)

// Texts that a measured event carries, in bytes with the NUL, and what stands before
// them.
// Source: drivers/firmware/efi/libstub/efi-stub-helper.c:efi_measure_tagged_event (v6.12).
const (
	eventHead        = 26
	loadOptionsEvent = 26 // "LOADED_IMAGE::LoadOptions"
	initrdEvent      = 13 // "Linux initrd"
)

// measure has the TPM measure something of size bytes, which takes an event of
// text bytes for as long as the call lasts.
func (s *stub) measure(b *sim.Boot, size, text int) error {
	if b.Scenario.Services.EventLog == 0 || size == 0 {
		return nil
	}
	const source = "drivers/firmware/efi/libstub/efi-stub-helper.c:efi_measure_tagged_event"
	return s.borrowPool("measured event", eventHead+uint64(text), "what is measured is described to the TPM", source)
}

// borrowPool takes a pool block and gives it back at once.
func (s *stub) borrowPool(object string, size uint64, why, source string) error {
	block, err := s.fw.For(object, why, source).TakePool(memmap.EFILoaderData, size)
	if err != nil {
		return err
	}
	s.fw.ReleasePool(object, block, source)
	return nil
}

// collect gathers what only the firmware can tell and the kernel will want to know.
func (s *stub) collect(b *sim.Boot) error {
	return perform(s, b, (*stub).leaveSeed, (*stub).leaveEventLog, (*stub).findGraphics, (*stub).copyROMs, (*stub).copyProperties, (*stub).allowUnaccepted)
}

// Sizes of tables that the stub leaves, in bytes.
// Source: include/linux/efi.h (v6.12).
const (
	seedBytes    = 32 // EFI_RANDOM_SEED_SIZE
	seedHead     = 4  // struct linux_efi_random_seed
	eventLogHead = 12 // struct linux_efi_tpm_eventlog
)

// leaveSeed leaves random bytes for the kernel's generator, in memory that it keeps.
func (s *stub) leaveSeed(b *sim.Boot) error {
	if !b.Scenario.Services.RNG {
		return nil
	}
	const source = "drivers/firmware/efi/libstub/random.c:efi_random_get_seed"
	return s.leave(b, s.ways.seedType, "RNG seed", seedHead+seedBytes, "random bytes of EFI_RNG for the kernel's generator", source)
}

// leaveEventLog copies the event log of the TPM.
func (s *stub) leaveEventLog(b *sim.Boot) error {
	log := b.Scenario.Services.EventLog
	if log == 0 {
		return nil
	}
	const source = "drivers/firmware/efi/libstub/tpm.c:efi_retrieve_eventlog"
	return s.leave(b, s.ways.logType, "TPM event log", eventLogHead+log, "what the firmware has measured so far", source)
}

// leave provides a table in memory of type t, that the kernel finds by its name. A table
// that has no room is not left; the boot goes on.
func (s *stub) leave(b *sim.Boot, t memmap.EFIType, object string, size uint64, why, source string) error {
	table, err := s.fw.For(object, "a block of the firmware's pool", source).TakePool(t, size)
	if err != nil {
		return nil
	}
	b.Do(sim.Step{Op: sim.Write, Object: object, Range: table, Keep: true, Why: why, Source: source})
	return nil
}

// Types of setup_data nodes, and what stands before each node's data, in bytes.
// Source: arch/x86/include/uapi/asm/setup_data.h (v6.12).
const (
	setupE820Ext  = 1
	setupPCI      = 3
	setupApple    = 5
	setupDataHead = 16
)

// copyProperties copies what Apple's firmware knows of the devices on the board.
func (s *stub) copyProperties(b *sim.Boot) error {
	size := b.Scenario.Services.AppleProperties
	if size == 0 {
		return nil
	}
	const source = "drivers/firmware/efi/libstub/x86-stub.c:retrieve_apple_device_properties"
	node, err := s.fw.For("Apple properties", "a pool block: a head, and the properties", source).TakePool(memmap.EFILoaderData, setupDataHead+size)
	if err != nil {
		return nil
	}
	b.Do(sim.Step{Op: sim.Write, Object: "Apple properties", Range: node, Keep: true, Why: "read through the firmware, for drivers of the kernel", Source: source})
	s.link(node, setupApple)
	return nil
}

// link puts a node at the end of the setup_data list.
func (s *stub) link(node memmap.Range, kind uint32) {
	s.setupData = append(s.setupData, kernel.SetupData{
		SetupDataNode: memmap.SetupDataNode{Addr: node.Start, Type: kind, Len: uint32(node.Len() - setupDataHead)},
	})
}
