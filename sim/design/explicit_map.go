package design

import (
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
)

// Where Baskov's series says how it maps memory.
const (
	mapsCode    = "arch/x86/boot/compressed/ident_map_64.c:initialize_identity_maps ([PATCH v5 06/27] x86/boot: Setup memory protection for bzImage code)"
	mapsTables  = "arch/x86/boot/compressed/acpi.c, efi.c ([PATCH v5 08/27] x86/boot: Map memory explicitly)"
	mapsOutput  = "arch/x86/boot/compressed/misc.c:extract_kernel ([PATCH v5 06/27] x86/boot: Setup memory protection for bzImage code)"
	mapsKernel  = "arch/x86/boot/compressed/misc.c:parse_elf ([PATCH v5 06/27] x86/boot: Setup memory protection for bzImage code)"
	faultsFatal = "arch/x86/boot/compressed/ident_map_64.c:do_boot_page_fault ([PATCH v5 09/27] x86/boot: Remove mapping from page fault handler)"
)

// mapExplicitly replaces the tables in force by some that map what will be used, with
// the rights that it needs, and nothing else. Later mappings of a page count.
func (z *decompressor) mapExplicitly(b *sim.Boot) error {
	z.gateFaults(b)
	z.beginExactTables(b, baskovPool)
	if err := z.mapItself(b); err != nil {
		return err
	}
	if err := z.mapTables(b); err != nil {
		return err
	}
	if z.choices.Mapping == mapExplicitRW {
		z.serveFaults(b, z.enforced(b, sim.RW))
	}
	return nil
}

// gateFaults loads the gate of the page-fault handler.
func (z *decompressor) gateFaults(b *sim.Boot) {
	why := "a page-fault gate: a fault prints a message and ends the boot"
	if z.choices.Mapping == mapExplicitRW {
		why = "a page-fault gate: what faults is mapped without execute permission, and a message printed"
	}
	b.Do(sim.Step{Op: sim.Write, Object: z.image, Range: dataOf(z.kernel, z.target), Why: why, Source: faultsFatal})
}

// mapItself maps the decompressor and what its loader left for it.
func (z *decompressor) mapItself(b *sim.Boot) error {
	d, data := z.kernel.Decompressor, dataOf(z.kernel, z.target).Start
	maps := []sim.Step{
		{Object: z.image, Range: z.in(z.target, 0, z.headEnd()), Perm: sim.RX, Why: "the beginning of its code"},
		{Object: payloadName, Range: z.payload(), Perm: sim.RW, Why: "the kernel may be unpacked over it"},
		{Object: z.image, Range: memmap.Range{Start: z.target + d.Relocated, End: data}, Perm: sim.RX,
			Why: "its code; where its read-only data begin the image does not tell"},
		{Object: bssName, Range: memmap.Range{Start: data, End: z.target + d.End}, Perm: sim.RW, Why: "its data, stack, heap and page tables"},
		{Object: paramsName, Range: z.bootParams, Perm: sim.RW, Why: "it is added to"},
		{Object: cmdlineName, Range: sized(z.cmdline.Start, linux.MaxCommandLine+1), Perm: sim.R, Why: "it is read"},
	}
	for i := range maps {
		maps[i].Source = mapsCode
	}
	for i := range z.setupData {
		n := &z.setupData[i]
		maps = append(maps, sim.Step{Object: setupDataName, Range: sized(n.Addr, setupDataHead+uint64(n.Len)), Perm: sim.R, Why: "it is read", Source: mapsTables})
	}
	return z.mapExactly(b, maps...)
}

// mapTables maps what is read to find the ACPI tables, and these.
func (z *decompressor) mapTables(b *sim.Boot) error {
	const biosData, biosArea = 0x400, 0xe0000
	maps := []sim.Step{
		{Object: "BIOS data area", Range: sized(biosData, 0x100), Why: "a word in it says where the extended one is"},
		{Object: "BIOS", Range: memmap.Range{Start: biosArea, End: memmap.MiB}, Why: "it is searched for the ACPI tables"},
	}
	if z.efi != nil {
		maps = []sim.Step{
			{Object: "EFI system table", Range: systemTable(z.efi.Descriptors), Why: "its list of tables names the ACPI tables"},
			{Object: mapName, Range: sized(z.efi.MapAddr, uint64(len(z.efi.Descriptors))*z.efi.DescSize), Why: "what memory is free"},
		}
	}
	if z.readsACPI(b) {
		maps = append(maps, sim.Step{Object: "ACPI tables", Range: z.acpiTables(), Why: "which memory can be unplugged"})
	}
	for i := range maps {
		maps[i].Perm, maps[i].Source = sim.R, mapsTables
	}
	return z.mapExactly(b, maps...)
}

// mapExactly maps the range of each step, in whole pages of 4 KiB, with the rights that it
// states. The error is a *sim.Failure: the pool has no page left.
func (z *decompressor) mapExactly(b *sim.Boot, steps ...sim.Step) error {
	for _, s := range steps {
		if s.Range.Empty() {
			continue
		}
		if err := z.identity.Add(s.Range.Start, s.Range.End); err != nil {
			return exhausted(err)
		}
		s.Op, s.Range, s.Perm = sim.Map, s.Range.Outward(memmap.PageSize), z.enforced(b, s.Perm)
		b.Do(s)
	}
	return nil
}

// extractExplicitly chooses a place, maps it, unpacks the kernel there and gives its
// segments their rights.
func (z *decompressor) extractExplicitly(b *sim.Boot) error {
	if err := z.chooseOutput(b); err != nil {
		return err
	}
	if err := z.mapOutput(b); err != nil {
		return err
	}
	if err := z.unpackOutput(b); err != nil || !z.random {
		return err
	}
	for part := range elfParts(z.kernel, z.output) {
		err := z.mapExactly(b, sim.Step{Object: kernelName, Range: part.Range, Perm: part.perm, Why: "a segment gets the rights that it asks for", Source: mapsKernel})
		if err != nil {
			return err
		}
	}
	return nil
}

// mapOutput maps the place for the kernel. With nokaslr it may overlap the decompressor's
// own code, and was meant to be executable too.
func (z *decompressor) mapOutput(b *sim.Boot) error {
	out := sim.Step{Object: kernelName, Range: sized(z.output, z.kernel.NeededSize()), Perm: sim.RW, Why: "the kernel will be unpacked here", Source: mapsOutput}
	if !z.random && z.choices.Intent == asIntended {
		out.Perm, out.Why = sim.RWX, "the kernel will be unpacked here, perhaps over the code that does it"
	}
	return z.mapExactly(b, out)
}
