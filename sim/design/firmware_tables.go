package design

import (
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
)

// findRSDP looks for the root of the ACPI tables, for the kernel and for the
// decompressor's own search for memory that can be unplugged.
// Source: arch/x86/boot/compressed/acpi.c:get_rsdp_addr (v5.10, v6.12).
func (z *decompressor) findRSDP(b *sim.Boot) {
	const source = "arch/x86/boot/compressed/acpi.c:get_rsdp_addr"
	if z.release < linux.V5_1 {
		return
	}
	found := sim.Step{Op: sim.Write, Object: paramsName, Range: sized(z.bootParams.Start+0x70, 8), Keep: true,
		Why: "where the ACPI tables begin", Source: source}
	if z.efi == nil {
		const biosArea = 0xe0000
		b.Do(sim.Step{Op: sim.Read, Object: "BIOS", Range: memmap.Range{Start: biosArea, End: memmap.MiB},
			Why: "the ACPI tables begin somewhere here, if not in the EBDA", Source: source})
		b.Do(found)
		return
	}
	z.readNodes(b, "a kernel started by kexec would find the tables of EFI here", source)
	if r := systemTable(z.efi.Descriptors); !r.Empty() {
		b.Do(sim.Step{Op: sim.Read, Object: "EFI system table", Range: r, Why: "its list of tables names the ACPI tables", Source: source})
	}
	b.Do(found)
}

// systemTable is the page in which EDK2 keeps the EFI system table and its list of
// tables: the first that it takes out of what it sets aside for runtime data, from the
// top. That block ends where the one for runtime code begins. Empty: there is none.
// Source: MdeModulePkg/Core/Dxe/DxeMain/DxeMain.c (edk2-stable202211); recorded boots.
func systemTable(descs []memmap.EFIDescriptor) memmap.Range {
	var last memmap.Range
	for i := range descs {
		r, err := descs[i].Range()
		if err != nil || descs[i].Type != memmap.EFIRuntimeServicesData {
			continue
		}
		last = memmap.Range{Start: r.End - memmap.PageSize, End: r.End}
		if i+1 < len(descs) && descs[i+1].Type == memmap.EFIRuntimeServicesCode && descs[i+1].Phys == r.End {
			break
		}
	}
	return last
}

// readsACPI reports whether the ACPI tables are read for memory that can be unplugged.
// Source: arch/x86/boot/compressed/acpi.c:count_immovable_mem_regions (v6.12).
func (z *decompressor) readsACPI(b *sim.Boot) bool {
	return z.release >= linux.V5_1 && !acpiOff(z.cmdline.Start, b.Scenario.Cmdline)
}

// acpiOff reports whether a command line at an address forbids to look at ACPI tables.
func acpiOff(addr uint64, text string) bool {
	value, _ := linux.FindOption(addr, text, "acpi")
	return value == "off"
}

// readACPI follows the ACPI tables to the SRAT.
func (z *decompressor) readACPI(b *sim.Boot) {
	if tables := z.acpiTables(); !tables.Empty() {
		b.Do(sim.Step{Op: sim.Read, Object: "ACPI tables", Range: tables, Why: "which memory can be unplugged",
			Source: "arch/x86/boot/compressed/acpi.c:count_immovable_mem_regions"})
	}
}

// acpiTables are where the ACPI tables are taken to lie: the highest memory below 4 GiB,
// where old pointers reach, that the map states as theirs; empty if there is none.
func (z *decompressor) acpiTables() memmap.Range {
	var tables memmap.Range
	for i := range z.e820 {
		r, err := z.e820[i].Range()
		r.End = min(r.End, 4*memmap.GiB)
		if err == nil && z.e820[i].Type == memmap.E820ACPI && r.Start >= tables.Start && !r.Empty() {
			tables = r
		}
	}
	return tables
}

// readMaps has the decompressor read what the choice of a place depends on.
func (z *decompressor) readMaps(b *sim.Boot) {
	const source = "arch/x86/boot/compressed/kaslr.c:choose_random_location"
	b.Do(sim.Step{Op: sim.Read, Object: paramsName, Range: z.bootParams,
		Why: "memory map, initrd and command line: what is free, and what must be avoided", Source: source})
	if linux.FindOptionBool(z.cmdline.Start, b.Scenario.Cmdline, "nokaslr") {
		return
	}
	if z.readsACPI(b) {
		z.readACPI(b)
	}
	z.readNodes(b, "to be avoided", "arch/x86/boot/compressed/kaslr.c:mem_avoid_overlap")
	if z.efi != nil {
		r := sized(z.efi.MapAddr, uint64(len(z.efi.Descriptors))*z.efi.DescSize)
		b.Do(sim.Step{Op: sim.Read, Object: mapName, Range: r, Why: "what memory is free", Source: "arch/x86/boot/compressed/kaslr.c:process_efi_entries"})
	}
}

// readNodes has the decompressor follow the setup_data list.
func (z *decompressor) readNodes(b *sim.Boot, why, source string) {
	for i := range z.setupData {
		b.Do(sim.Step{Op: sim.Read, Object: setupDataName, Range: sized(z.setupData[i].Addr, setupDataHead), Why: why, Source: source})
	}
}
