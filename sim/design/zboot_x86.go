package design

import (
	"fmt"

	"bootplan/image"
	"bootplan/kaslr"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

// Where the RFC says what its stub does.
const (
	rfcPatch1 = " ([RFC PATCH 1/3] 20230416120729.2470762-2-ardb@kernel.org)"
	rfcPatch2 = " ([RFC PATCH 2/3] 20230416120729.2470762-3-ardb@kernel.org)"
	rfcShared = "drivers/firmware/efi/libstub/x86.c:"
	rfcStub   = "drivers/firmware/efi/libstub/x86-zboot.c:"
	rfcEntry  = "drivers/firmware/efi/libstub/zboot.c:efi_zboot_entry" + rfcPatch2
	rfcSync   = rfcStub + "efi_cache_sync_image" + rfcPatch2
)

// relocsName is the object that the relocation table is behind a flat kernel.
const relocsName = "relocation table"

// zbootRFC is the EFI zboot image for x86 as proposed in April 2023, all patches applied.
func zbootRFC() *Design {
	return &Design{Version: linux.V6_3, story: &flatZboot,
		Choices: Choices{
			PELayout: peZboot, BootParams: paramsPage, Initrd: initrdLast, Trampoline: switchBelow4G, Output: outputRandom,
			Physical: physicalRNG, Virtual: virtualPosted, NX: nxPrefix, Mapping: mapFirmware,
			SelfRelocation: relocateNever, Malloc: mallocBSS, BSS: bssPadding,
		},
		Info: Info{
			Name: "zboot-x86-rfc", Identifier: "D3",
			Title: "the EFI zboot image for x86, as proposed in April 2023",
			Text: "The file is an EFI application and nothing else. Its stub takes a block of loader code at a random multiple of 2 MiB and " +
				"unpacks into it the kernel as it will lie in memory, BSS included, with the relocation table behind. It applies the " +
				"relocations, gives the table's pages back, has the code made executable, takes boot_params, loads the initrd, ends boot " +
				"services, switches paging levels from two pages below 4 GiB if the level is to change, and jumps to the kernel's first " +
				"byte. No decompressor runs, no page table is built, and nothing is used that the firmware did not give.",
			Sources: []string{
				"[RFC PATCH 0/3] efi: Implement generic zboot support (20230416120729.2470762-1-ardb@kernel.org)",
				rfcStub + "* (ardb at 9a8dcf1b47, 3dce040aee)",
			},
			Lacks: []string{
				"boot without EFI firmware: a bzImage has to be shipped as well",
				"the EFI handover protocol",
				"32-bit firmware, unless as the branch does that came after it: pe-layout=zboot-compat",
				"mem=, memmap= and hugepages= as limits: they are not looked at when the kernel is placed",
				noSRAT,
				"what the decompressor does for SEV-ES and SNP guests",
				"kexec: no tool reads the format",
			},
		},
	}
}

// flatZboot is the story of a zboot image that carries a flat kernel.
var flatZboot = story{tell: (*Design).bootFlatZboot, offers: []offer{
	{"pe-layout", []string{peZboot, peCompat}},
	{"trampoline", []string{switchBelow4G, switchLowEFI, switchLow, switchLowAlways}},
	{"virtual", []string{virtualPosted, virtualRevised}},
	{"nx", []string{nxPrefix, nxNone}},
}}

// bootFlatZboot is the story, in the order in which it happens.
func (d *Design) bootFlatZboot(b *sim.Boot) error {
	s, err := startZboot(b, d)
	if err != nil {
		return err
	}
	b.Cite(rfcSources)
	s.ways.noSlotSucceeds, s.ways.noInitrdMax, s.ways.alwaysToggles, s.ways.entry = true, true, true, ""
	s.size = memmap.AlignUp(s.kernel.Flat().Unpacked(), memmap.PageSize)
	reportOptions(b)
	return perform(s, b,
		(*stub).load, (*stub).enterFrom32Bits, (*stub).enterZboot, (*stub).convertCmdline, (*stub).parseOptions,
		(*stub).placeKernel, (*stub).unpackFlat, (*stub).relocateFlat, (*stub).prepareFlatPaging,
		(*stub).takeBootParams, (*stub).loadInitrd, (*stub).collect, (*stub).exitBootServices,
		(*stub).switchPaging, (*stub).enterFlat, (*stub).handOver)
}

// rfcSources are where the RFC has what it shares with the released stub.
var rfcSources = map[string]string{
	"drivers/firmware/efi/libstub/x86-stub.c:efi_pe_entry":            rfcShared + "efi_alloc_boot_params" + rfcPatch1,
	"drivers/firmware/efi/libstub/x86-stub.c:efi_decompress_kernel":   rfcEntry,
	"drivers/firmware/efi/libstub/x86-stub.c:setup_efi_pci":           rfcShared + "setup_efi_pci" + rfcPatch1,
	"drivers/firmware/efi/libstub/x86-stub.c:allocate_e820":           rfcShared + "allocate_e820" + rfcPatch1,
	"drivers/firmware/efi/libstub/x86-stub.c:exit_boot":               rfcShared + "exit_boot" + rfcPatch1,
	"drivers/firmware/efi/libstub/x86-stub.c:setup_e820":              rfcShared + "setup_e820" + rfcPatch1,
	"drivers/firmware/efi/libstub/x86-5lvl.c:efi_setup_5level_paging": rfcStub + "efi_setup_5level_paging" + rfcPatch2,
	"drivers/firmware/efi/libstub/x86-5lvl.c:efi_5level_switch":       rfcStub + "efi_5level_switch" + rfcPatch2,
}

// startZboot brings the firmware to life that a zboot image cannot do without.
func startZboot(b *sim.Boot, d *Design) (*stub, error) {
	if b.Scenario.Map.Kind != memmap.EFI {
		return nil, &sim.Failure{Rule: "unsupported", Message: "a zboot image is started by EFI firmware and by nothing else, and the map is an e820 table: " +
			"the machine has no EFI, or its log no EFI map, which efi=debug adds"}
	}
	if b.Scenario.Firmware.IA32 && d.Choices.PELayout != peCompat {
		return nil, &sim.Failure{Rule: "unsupported", Message: "the image has no entry point for 32-bit firmware"}
	}
	s, err := startStub(b, d)
	if err != nil {
		return nil, err
	}
	s.handover = b.Scenario.Loader == "handover" // 32-bit firmware that reads .compat loads the image itself
	b.Assume("nobody has built this kernel as a zboot image: its parts are taken from the bzImage, compressed to the same size")
	return s, nil
}

// reportOptions tells of options about memory that nobody reads before the kernel does.
func reportOptions(b *sim.Boot) {
	if option := linux.StubMemoryOverride(b.Scenario.Cmdline, linux.V6_3); option != "" {
		b.Find(sim.Finding{Rule: "unsupported", Severity: rule.Info, Object: stubName,
			Message: fmt.Sprintf("%s is on the command line, and the kernel is placed without regard to it", option)})
	}
}

// enterFrom32Bits is the entry point that 32-bit firmware finds in section .compat: two
// tables of its own on top of the firmware's, and long mode. It wants paging to be on,
// with PAE, which U-Boot does without.
func (s *stub) enterFrom32Bits(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/x86-zboot.c (ardb at 3dce040aee)"
	if !s.mixed() {
		return nil
	}
	if b.Scenario.Firmware.Kind == sim.UBoot {
		return unsupported("32-bit firmware without paging: the entry point returns an error")
	}
	b.In(sim.Stub)
	b.Do(sim.Step{Op: sim.Write, Object: pageTablesName, Range: sized(s.startup()+s.kernel.Decompressor.TrampSave, 2*memmap.PageSize), Keep: true,
		Why: "the firmware's four page directories become those of a third level, and that of a fourth: 4 GiB as before", Source: source})
	return nil
}

// enterZboot is the entry point of the image.
func (s *stub) enterZboot(b *sim.Boot) error {
	b.In(sim.Stub)
	b.MeasureWX(sim.WXAtStubEntry)
	b.Do(sim.Step{Op: sim.Exec, Object: stubName, Range: sized(s.image.Start+uint64(s.kernel.PE.EntryRVA), 64), NeedZero: s.ownBSS(),
		Why: "the firmware starts the image at its entry point", Source: rfcEntry})
	return nil
}

// unpackFlat decompresses the kernel into its block.
func (s *stub) unpackFlat(b *sim.Boot) error {
	b.Do(sim.Step{Op: sim.Write, Object: stubName, Range: heapAt(s.kernel, s.startup()),
		Pool: sim.Heap, Room: heapAt(s.kernel, s.startup()), Needs: image.WorkSpace(s.kernel.Payload.Compression), Why: "work space of the decompression library: 256 KiB of the image's own variables", Source: rfcEntry})
	b.Do(sim.Step{Op: sim.Copy, Object: kernelName, Range: sized(s.block.Start, s.kernel.Flat().Unpacked()), From: s.payload(), Lays: sim.KernelImage,
		Why: "the kernel as it lies in memory, with zeroes for its BSS, and the relocation table behind it", Source: rfcEntry})
	b.Release(payloadName, s.payload())
	return nil
}

// relocateFlat applies the relocations, gives the pages of their table back and has the
// code made executable: all of that or nothing. It is nothing if there is no table, or
// no EFI_RNG to choose a virtual address; nokaslr makes no difference.
func (s *stub) relocateFlat(b *sim.Boot) error {
	flat := s.kernel.Flat()
	b.Place("kernel", sized(s.block.Start, flat.Size), kernelMap+s.virtual)
	b.Place("kernel_output", sized(s.block.Start, flat.Unpacked()), 0)
	switch {
	case flat.Relocs == 0:
		return nil
	case !b.Scenario.Services.RNG:
		b.Assume("the firmware has no EFI_RNG protocol: nothing is random, the kernel is not relocated, and no memory is made executable; " +
			"--services rng adds it")
		return nil
	}
	table := sized(s.block.Start+flat.Size, flat.Relocs)
	b.Do(sim.Step{Op: sim.Read, Object: relocsName, Range: table, Why: "read backwards from the end of what was unpacked", Source: rfcSync})
	b.Do(sim.Step{Op: sim.Write, Object: kernelName, Range: sized(s.block.Start, unpacking{kernel: s.kernel}.sitesEnd()),
		Why: "every absolute address in the kernel moves with its virtual address", Source: rfcSync})
	s.reportBeyond(b)
	s.fw.ReleasePages(relocsName, table.Outward(memmap.PageSize), rfcSync)
	s.block.End = table.Start
	return s.protect(b)
}

// prepareFlatPaging provides for a switch of paging levels, if five are wanted or in use:
// the firmware could switch back when boot services end.
func (s *stub) prepareFlatPaging(b *sim.Boot) error {
	if !s.wants5Level(b) && !s.la57 {
		return nil
	}
	return s.preparePaging(b)
}

// enterFlat jumps to the first byte of the kernel.
func (s *stub) enterFlat(b *sim.Boot) error {
	const source = rfcStub + "efi_stub_common" + rfcPatch2
	b.MeasureWX(sim.WXAtKernelEntry)
	b.Do(sim.Step{Op: sim.Exec, Object: kernelName, Range: sized(s.block.Start, 64), Clears: kernelBSS(s.kernel, s.block.Start),
		Why: "the kernel's first instructions are its first bytes", Source: source})
	if s.beyond() {
		unmapItself(b, sized(s.block.Start, s.kernel.Flat().Size))
	}
	return nil
}

// beyond reports whether the kernel does not end within what its first page tables map.
func (s *stub) beyond() bool { return s.virtual+s.kernel.Flat().Size >= kaslr.KernelImageSize }

// reportBeyond tells of a virtual address that cannot work.
func (s *stub) reportBeyond(b *sim.Boot) {
	if s.beyond() {
		b.Find(sim.Finding{Rule: "out-of-range", Severity: rule.Error, Object: kernelName, Range: s.block,
			Message: fmt.Sprintf("the kernel ends %#x bytes behind the beginning of its mapping, which has room for 1 GiB, and nothing checks that",
				s.virtual+s.kernel.Flat().Size)})
	}
}

// unmapItself is what a kernel does that ends beyond the memory which its first page
// tables can map: the index of its last entry wraps around to one below that of its
// first, so that it takes every entry for one outside of it.
func unmapItself(b *sim.Boot, kernel memmap.Range) {
	const source = "arch/x86/kernel/head64.c:__startup_64 (v6.3)"
	b.In(sim.Kernel)
	b.SwitchTo(b.NewTables("kernel's first tables"), sim.Step{Object: pageTablesName,
		Why: "no entry is left: those of the kernel itself were cleared with those around it", Source: source})
	b.Do(sim.Step{Op: sim.Exec, Object: kernelName, Range: kernel, Why: "goes on at its virtual address", Source: source})
}
