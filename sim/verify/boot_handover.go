package verify

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim/kernel"
	"bootplan/trampoline"
)

// handover is what the recording says that boot code left to the kernel. Where tables
// of the firmware are, which no memory map tells, is taken from it too: the MP table,
// the EFI memory attributes table and the boot logo.
func (v *verification) handover() (h *kernel.Handover, why string) {
	c := v.c
	phys := c.physical()
	switch {
	case v.kernel.VO.Layout == nil:
		return nil, noLayout
	case phys == nil:
		return nil, "where the kernel runs was not recorded"
	case c.loader() == "ipxe" && c.Debugger.BaseKiB == 0:
		return nil, "iPXE keeps base memory for itself: how much was not recorded"
	}
	h = &kernel.Handover{
		Version: v.kernel.Version, Cmdline: c.cmdline(), TypeOfLoader: c.typeOfLoader(),
		Image:   kernel.Image{Phys: *phys, Layout: *v.kernel.VO.Layout, RealModeSize: trampoline.RealModeSize(v.kernel.Version)},
		Memory:  memmap.BootMemory{Table: c.e820AtEntry()},
		Initrd:  c.initrdRange(),
		BIOS:    c.biosWords(),
		CPU:     kernel.CPU{LA57: c.fiveLevels(), GBPages: c.hasGBPages()},
		MPTable: c.mpTable(),
	}
	if c.BootParams != nil {
		h.Memory.AltMemK = c.BootParams.AltMemK
	}
	if h.SetupData, why = c.setupData(v.kernel.Version); why != "" {
		return nil, why
	}
	h.EFI, why = c.efi()
	return h, why
}

// typeOfLoader is what the loader calls itself; a log does not tell, only that the
// kernel believes in the initrd.
func (c *Capture) typeOfLoader() uint8 {
	const unknown = 0xff
	if c.BootParams == nil {
		return unknown
	}
	return uint8(c.BootParams.TypeOfLoader)
}

// initrdRange is where the initrd was; a log tells whole pages.
func (c *Capture) initrdRange() memmap.Range {
	switch {
	case c.Ramdisk == nil:
		return memmap.Range{}
	case c.Ramdisk.Image == 0:
		return c.Ramdisk.Printed.Range
	}
	return memmap.Range{Start: uint64(c.Ramdisk.Image), End: uint64(c.Ramdisk.Image + c.Ramdisk.Size)}
}

// setupData are the nodes of the setup_data list: their places from what kernels before
// 7.2 print of each, their types from sysfs.
func (c *Capture) setupData(v linux.Version) (nodes []kernel.SetupData, why string) {
	places, kinds := c.setupDataPlaces(), c.setupDataNodes()
	switch {
	case c.BootParams != nil && len(kinds) == 1:
		places = []memmap.Range{{Start: uint64(c.BootParams.SetupData)}}
	case c.BootParams == nil && v >= linux.V7_2 && c.runsStub():
		return nil, "where setup_data lies was not recorded"
	case c.BootParams == nil:
		for _, r := range places {
			kinds = append(kinds, recordedNode{size: r.Len() - setupDataHead})
		}
	}
	if len(kinds) != len(places) {
		return nil, fmt.Sprintf("the recording tells the types of %d setup_data nodes and the places of %d", len(kinds), len(places))
	}
	for i, n := range kinds {
		if n.kind == setupE820Ext {
			return nil, "the content of the e820 extension was not recorded"
		}
		nodes = append(nodes, kernel.SetupData{SetupDataNode: memmap.SetupDataNode{Addr: places[i].Start, Type: n.kind, Len: uint32(n.size)}})
	}
	return nodes, ""
}

// setupDataHead is the size of struct setup_data without its data.
const setupDataHead = 16

// setupDataPlaces are the ranges that the kernel marks in its map for setup_data, once
// each: kernels before 6.10 say it for each of two maps.
func (c *Capture) setupDataPlaces() []memmap.Range {
	var places []memmap.Range
	for _, line := range c.E820Changes {
		if r := changedRange(line); isSetupDataChange(line) && r.Len() > setupDataHead && !slices.Contains(places, r) {
			places = append(places, r)
		}
	}
	return places
}

// isSetupDataChange reports whether line marks RAM that stays RAM.
func isSetupDataChange(line string) bool {
	return strings.Contains(line, "usable ==> usable") || strings.Contains(line, "System RAM ==> kernel data")
}

// efi is the map that boot code left; nil without EFI.
func (c *Capture) efi() (e *kernel.EFI, why string) {
	if !c.isEFI() {
		return nil, ""
	}
	e = &kernel.EFI{Descriptors: efiMap(c.After).Descriptors, MemAttr: c.memoryAttributes(), Kept: c.keptByDrivers(), DescSize: usualDescSize}
	if p := c.BootParams; p != nil {
		e.MapAddr, e.DescSize = uint64(p.EFIMap), p.DescSize
		if uint64(len(e.Descriptors))*p.DescSize != p.EFIMapSize {
			return nil, fmt.Sprintf("the recorded EFI map has %d descriptors, the kernel's %d bytes", len(e.Descriptors), p.EFIMapSize)
		}
		return e, ""
	}
	for _, r := range c.Reserved {
		if r.Caller == "efi_memblock_x86_reserve_range" {
			e.MapAddr = r.Range.Start
		}
	}
	if len(e.Descriptors) == 0 {
		return nil, noEFIMap
	}
	return e, ""
}

// noEFIMap is why nothing can be said of a boot on EFI firmware.
const noEFIMap = "no EFI map was recorded: efi=debug on the command line makes the kernel print it"

// usualDescSize is the size of a descriptor on EDK2, in bytes.
const usualDescSize = 48

// mpTable is where a BIOS described the processors: the kernel keeps the pointer, which
// lies in the BIOS's own memory, and the table.
func (c *Capture) mpTable() []memmap.Range {
	bios := memmap.Range{Start: 0xf0000, End: memmap.MiB - 1}
	var ranges []memmap.Range
	for _, r := range c.Reserved {
		if r.Caller == "smp_scan_config" || bios.Covers(r.Range) {
			ranges = append(ranges, r.Range)
		}
	}
	return ranges
}

// memoryAttributes is the EFI memory attributes table, of which the log tells the
// address and memblock the size; empty if there is none.
func (c *Capture) memoryAttributes() memmap.Range {
	_, text, _ := strings.Cut(c.EFITables, "MEMATTR=")
	text, _, _ = strings.Cut(text, " ")
	addr, err := strconv.ParseUint(text, 0, 64)
	i := slices.IndexFunc(c.Reserved, func(r reservation) bool { return r.Range.Start == addr })
	if err != nil || i < 0 {
		return memmap.Range{}
	}
	return c.Reserved[i].Range
}

// keptByDrivers is boot services data that drivers keep, such as the boot logo: the
// kernel finds it in ACPI tables, and takes it out of its map.
func (c *Capture) keptByDrivers() []memmap.Range {
	var kept []memmap.Range
	for _, line := range c.E820Changes {
		if r := changedRange(line); !r.Empty() && !isSetupDataChange(line) && c.isBootServicesData(r) {
			kept = append(kept, r)
		}
	}
	return kept
}

func (c *Capture) isBootServicesData(r memmap.Range) bool {
	return slices.ContainsFunc(c.After, func(d efiPrinted) bool {
		whole, err := memmap.EFIDescriptor(d).Range()
		return err == nil && d.Type == memmap.EFIBootServicesData && whole.Covers(r)
	})
}
