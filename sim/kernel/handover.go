package kernel

import (
	"bootplan/image"
	"bootplan/kaslr"
	"bootplan/linux"
	"bootplan/memmap"
)

// Handover is what boot code leaves to the kernel proper, with what the kernel then
// finds on the machine by itself.
type Handover struct {
	Version linux.Version
	Image   Image
	Cmdline string

	// From boot_params.
	Memory       memmap.BootMemory
	SetupData    []SetupData
	TypeOfLoader uint8        // 0: an initrd is not believed
	Initrd       memmap.Range // as the loader states it, not rounded to pages; empty: none
	EFI          *EFI         // nil: no EFI signature

	CPU     CPU
	BIOS    linux.BIOSWords // words at 0x40e and 0x413; read on EFI machines as well
	MPTable []memmap.Range  // floating pointer and table of the MP specification, if there is one

	// Regions answers where the direct map and its neighbours are once the end of memory
	// is known, as a page frame; nil: where they are without randomness.
	Regions func(maxPFN uint64) kaslr.Regions

	// Log receives what the kernel prints about memory, line by line and without time
	// stamps; nil: nothing is printed.
	Log func(line string)
}

// Image is where the kernel runs, and how it is laid out.
type Image struct {
	Phys         uint64 // physical address of its first byte
	Layout       image.Layout
	BrkUsed      uint64 // bytes of .brk in use when it is closed; 0: what page tables and a page of DMI strings take
	RealModeSize uint64 // bytes of the trampoline for further processors, whole pages
}

// CPU is what the processor can do, and the mode that boot code put it into.
type CPU struct {
	LA57    bool // 5-level paging is on
	GBPages bool // pages of 1 GiB
}

// SetupData is a node of the setup_data list, in the order of the list.
type SetupData struct {
	memmap.SetupDataNode
	E820 []memmap.E820Entry // SETUP_E820_EXT: what it holds
}

// setupE820Ext is SETUP_E820_EXT.
const setupE820Ext = 1

// EFI is what a loader with EFI firmware leaves, and what the kernel finds there.
type EFI struct {
	MapAddr     uint64 // physical address of the memory map
	DescSize    uint64 // bytes from one descriptor to the next
	Descriptors []memmap.EFIDescriptor
	MemAttr     memmap.Range   // memory attributes table; empty: none
	Kept        []memmap.Range // boot services data that drivers keep once ACPI is read, such as the boot logo
}

// part is a part of the image in memory; ends are exclusive.
func (m *Image) part(start, end uint64) memmap.Range {
	return memmap.Range{Start: m.Phys + start, End: m.Phys + end}
}

// whole is [_text, _end).
func (m *Image) whole() memmap.Range { return m.part(0, m.Layout.End) }

// brk is what is in use of .brk.
func (m *Image) brk() memmap.Range {
	return m.part(m.Layout.BrkStart, m.Layout.BrkStart+m.BrkUsed)
}
