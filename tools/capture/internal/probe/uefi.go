package probe

import (
	"bytes"
	"encoding/binary"
	"time"

	"bootplan/memmap"
)

// Offsets in the tables of 64-bit UEFI firmware.
// Source: UEFI specification 2.10, 4.3 EFI System Table, 4.4 EFI Boot Services Table, 7.4
// and 9.1 for the services and EFI_LOADED_IMAGE_PROTOCOL, 18.4 for the debug image info.
const (
	bootServicesAt  = 96  // in EFI_SYSTEM_TABLE
	tableEntriesAt  = 104 // NumberOfTableEntries, then ConfigurationTable
	startImageAt    = 208 // in EFI_BOOT_SERVICES
	exitServicesAt  = 232
	imageBaseAt     = 64 // in EFI_LOADED_IMAGE_PROTOCOL
	imageSizeAt     = 72
	configEntrySize = 24 // a GUID and a pointer
)

// systemTablePattern begins EFI_SYSTEM_TABLE_POINTER, which firmware puts at a multiple
// of 4 MiB for debuggers.
var systemTablePattern = []byte("IBI SYST")

const systemTableStep = 4 * memmap.MiB

// debugImages is the GUID of EFI_DEBUG_IMAGE_INFO_TABLE, as it lies in memory.
var debugImages = []byte{0x77, 0x2e, 0x15, 0x49, 0xda, 0x1a, 0x64, 0x47, 0xb7, 0xa2, 0x7a, 0xfe, 0xfe, 0xd9, 0x5e, 0x8b}

// pollEvery is how long firmware runs between two looks for its tables.
const pollEvery = 150 * time.Millisecond

// firmware is what is known of running UEFI firmware.
type firmware struct {
	system, services uint64 // EFI_SYSTEM_TABLE, EFI_BOOT_SERVICES
}

// loadedImage is a PE image that firmware has loaded.
type loadedImage struct{ base, size uint64 }

// findFirmware lets the machine run until firmware has its tables.
func (b *boot) findFirmware() (f firmware) {
	m := b.machine
	for m.ok() && f.services == 0 {
		m.runFor(pollEvery)
		f.system = b.systemTable()
		if f.system != 0 {
			f.services = m.long(f.system + bootServicesAt)
		}
	}
	return f
}

// systemTable looks for the pointer to the system table in RAM below 4 GiB, from the top
// down; 0 if there is none yet.
func (b *boot) systemTable() uint64 {
	low := b.ram[0].End
	for at := memmap.AlignDown(low-1, systemTableStep); at > 0 && b.machine.ok(); at -= systemTableStep {
		if head := b.machine.physical(at, 16); bytes.Equal(head[:8], systemTablePattern) {
			return little(head[8:])
		}
	}
	return 0
}

// findKernel lets the machine run until firmware starts the kernel's image, and returns
// where it is. The image is known by its size and its startup code; its header may have
// been changed by the loader.
func (b *boot) findKernel(f firmware) loadedImage {
	m := b.machine
	start := m.long(f.services + startImageAt)
	code := b.file[b.kernel.SetupBytes():][:b.marks.Startup64]
	for m.ok() {
		m.runTo(start)
		image := b.imageOf(f, m.register("rcx"))
		if image.size == uint64(b.kernel.PE.SizeOfImage) && bytes.Equal(m.read(image.base+b.rva(0), len(code)), code) {
			return image
		}
	}
	return loadedImage{}
}

// imageOf returns the image with that handle; zero if firmware does not list it.
func (b *boot) imageOf(f firmware, handle uint64) loadedImage {
	m := b.machine
	list := b.configTable(f, debugImages)
	if list == 0 {
		return loadedImage{}
	}
	count := uint64(binary.LittleEndian.Uint32(m.read(list+4, 4)))
	entries := m.long(list + 8)
	for i := uint64(0); i < count && m.ok(); i++ {
		info := m.long(entries + 8*i)
		if info == 0 {
			continue
		}
		normal := m.read(info, 24) // type, EFI_LOADED_IMAGE_PROTOCOL, handle
		if loaded := little(normal[8:]); little(normal[16:]) == handle && loaded != 0 {
			return loadedImage{m.long(loaded + imageBaseAt), m.long(loaded + imageSizeAt)}
		}
	}
	return loadedImage{}
}

// configTable is the configuration table with that GUID, 0 if there is none.
func (b *boot) configTable(f firmware, guid []byte) uint64 {
	m := b.machine
	head := m.read(f.system+tableEntriesAt, 16)
	tables := m.read(little(head[8:]), int(min(little(head), 64))*configEntrySize)
	for ; len(tables) > 0; tables = tables[configEntrySize:] {
		if bytes.Equal(tables[:16], guid) {
			return little(tables[16:])
		}
	}
	return 0
}
