package design

import (
	"fmt"

	"bootplan/alloc"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
)

// legacyStubs are the EFI stub of the generations that hand over to the bare-metal
// decompressor, and the series that cleaned up its paging switch.
func legacyStubs() []*Design {
	old := Choices{
		PELayout: peLegacy, BootParams: paramsCopied, Initrd: initrdFirst, Trampoline: switchLowAlways, Output: outputWindow,
		Physical: physicalDecompressor, Virtual: virtualDecompressor, NX: nxNone, Mapping: mapDemandRWX,
		SelfRelocation: relocateToEnd, Malloc: mallocBSS, BSS: bssKernel,
	}
	strips := old
	strips.NX = nxStrip
	clean := old
	clean.Trampoline, clean.NX = switchBelow4G, nxImage
	return []*Design{
		legacyStubOf("efistub@v6.5", linux.V6_5, strips,
			" Since 5.19 the stub has the DXE services lift all restrictions from the low memory in which that may lie, "+
				"whoever owns it, and from the image if it has moved."),
		legacyStubOf("efistub@v5.15", linux.V5_15, old, ""),
		legacyStubOf("efistub@v5.10", linux.V5_10, old, ""),
		la57Cleanup(clean),
	}
}

// handsOver is the story of a bzImage started as an EFI application, before Linux 6.6:
// its stub ends boot services and enters the bare-metal decompressor.
var handsOver = story{tell: (*Design).bootHandingOver, offers: append([]offer{
	{"pe-layout", []string{peLegacy, peSplit}},
	{"boot-params", []string{paramsCopied, paramsPage}},
	{"trampoline", []string{switchLowAlways, switchLow, switchBelow4G}},
	{"nx", []string{nxNone, nxStrip, nxImage}},
}, decompressorOffers...)}

func legacyStubOf(name string, v linux.Version, c Choices, more string) *Design {
	return &Design{Version: v, Choices: c, story: &handsOver, Info: Info{
		Name:       name,
		Identifier: "D1",
		Title:      fmt.Sprintf("the EFI stub of Linux %s, which hands over to the bare-metal decompressor", v),
		Text: "The firmware loads the file as a PE image, with room for the whole buffer that the decompressor wants. The stub allocates " +
			"boot_params and the command line, moves the image if it lies below 16 MiB or was not loaded by the firmware, loads the " +
			"initrd and ends boot services. From then on the decompressor runs as on a BIOS machine: through two pages of low memory " +
			"that nobody allocated, under the firmware's page tables; to the end of its buffer; then under its own tables, in which " +
			"everything that it touches can be written and executed, to a place in memory that the EFI map shows as free." + more,
		Sources: []string{"drivers/firmware/efi/libstub/x86-stub.c (" + v.String() + ")", "arch/x86/boot/compressed/ (" + v.String() + ")"},
		Lacks:   legacyLacks(v, c),
	}}
}

// legacyLacks is what these stubs do not do.
func legacyLacks(v linux.Version, c Choices) []string {
	lacks := []string{
		"the memory attribute protocol",
		"an allocation for the kernel: its place is chosen when boot services have ended",
	}
	if c.NX == nxNone {
		lacks = append(lacks, "anything against firmware that maps memory without execute permission")
	}
	if v < linux.V6_5 {
		lacks = append(lacks, "unaccepted memory: the firmware of a confidential guest has to accept all of it")
	}
	return lacks
}

// la57Cleanup is the decompressor with nothing changed but its paging switch.
func la57Cleanup(c Choices) *Design {
	return &Design{Version: linux.V6_5, Choices: c, story: &handsOver, Info: Info{
		Name:  "la57-cleanup",
		Title: "the EFI stub before 6.6 with the paging switch cleaned up",
		Text: "As efistub@v6.5, but the paging level is only switched if it has to change, and then by the stub when boot services " +
			"have ended, from two pages below 4 GiB that the firmware allocated. No page below 1 MiB is touched, and restrictions are " +
			"lifted from the code page of the switch and from an image that has moved, from nothing else. Without EFI the switch " +
			"borrows low memory as before, also only if the level changes: see bzimage.",
		Sources: []string{
			"[PATCH v2 01/20] to [PATCH v2 09/20] of efi/x86: Avoid bare metal decompressor during EFI boot (20230508070330.582131-1-ardb@kernel.org)",
			"branch efi-x86-cleanup-la57, announced on 2023-05-03",
		},
		Lacks: legacyLacks(linux.V6_5, c),
	}}
}

// legacyStub is one run of an EFI stub that hands over to the decompressor.
type legacyStub struct {
	*stub
	design *Design
	at     uint64       // startup_32 of the image that will go on
	offset uint64       // of startup_32 in the PE image; 0: not loaded by the firmware
	moved  memmap.Range // where the image was moved to; empty: it stays
}

// bootHandingOver is the story, in the order in which it happens.
func (d *Design) bootHandingOver(b *sim.Boot) error {
	s, err := startStub(b, d)
	if err != nil {
		return err
	}
	l := sim.Scratch[legacyStub](b)
	*l = legacyStub{stub: s, design: d}
	return perform(l, b,
		(*legacyStub).load, (*legacyStub).start, (*legacyStub).preparePaging, (*legacyStub).relocate,
		(*legacyStub).parseOptions, (*legacyStub).loadInitrd, (*legacyStub).collect, (*legacyStub).protect,
		(*legacyStub).exitBootServices, (*legacyStub).switchPaging, (*legacyStub).enterDecompressor)
}

// start is what the stub does first, at the entry point that the loader chose.
func (l *legacyStub) start(b *sim.Boot) error {
	l.at, l.offset = l.startup(), l.code
	if l.handover {
		return l.enterHandedOver(b)
	}
	return perform(l, b, (*legacyStub).enterImage, (*legacyStub).noteOffset, (*legacyStub).takeBootParams, (*legacyStub).convertCmdline)
}

// noteOffset keeps for the decompressor how far into the PE image it begins.
func (l *legacyStub) noteOffset(b *sim.Boot) error {
	b.Do(sim.Step{Op: sim.Write, Object: stubName, Range: dataOf(l.kernel, l.at),
		Why: "its own variables: where it lies in the PE image, for one", Source: "drivers/firmware/efi/libstub/x86-stub.c:efi_pe_entry"})
	return nil
}

// preparePaging provides for a switch of paging levels by the stub, if that does it.
func (l *legacyStub) preparePaging(b *sim.Boot) error {
	err := l.stub.preparePaging(b)
	if err == nil && l.choices.NX != nxNone {
		l.fw.LiftRestrictions(switchName, l.paging.code)
	}
	return err
}

// maxImageEnd is where the buffer of an image that stays where it was loaded may end
// (MAXMEM_X86_64_4LEVEL).
// Source: drivers/firmware/efi/libstub/x86-stub.c:efi_main (v6.5).
const maxImageEnd = 1 << 46

// relocate moves the image if the buffer around it does not lie where the kernel may
// run, or if there may be no buffer: a loader that uses the handover protocol promises none.
func (l *legacyStub) relocate(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/x86-stub.c:efi_main"
	k := l.kernel.Setup
	start := memmap.AlignUp(l.at-l.offset, uint64(k.KernelAlignment))
	if start >= k.PrefAddress && start+uint64(k.InitSize) <= maxImageEnd && l.offset != 0 {
		return nil
	}
	r := alloc.Relocation{
		Image: l.at, ImageSize: l.relocatedBytes(), AllocSize: uint64(k.InitSize),
		Preferred: k.PrefAddress, Align: uint64(k.KernelAlignment), Min: k.PrefAddress, SoftReserve: true,
	}
	l.fw.For("relocated image", "the image lies where the kernel cannot run, or in too little room: at 16 MiB, or as low as possible above", source)
	addr, status := alloc.RelocateKernel(l.fw, r)
	if status != alloc.Success {
		l.say(b, levelError, "EFI stub: ERROR: Failed to allocate usable memory for kernel.")
		q := alloc.Request{Size: r.AllocSize, Align: r.Align, Min: r.Min, Max: ^uint64(0)}
		return l.givesUp(b, "efi_relocate_kernel() failed!", &sim.Failure{Rule: "no-memory", Message: alloc.NoMemory(l.fw.Map(), q).Error()})
	}
	b.Do(sim.Step{Op: sim.Copy, Object: decompressorName, Range: sized(addr, r.ImageSize), From: sized(l.at, r.ImageSize), Lays: sim.CompressedImage,
		Why: "code, payload and data, to where the decompressor will start", Source: "drivers/firmware/efi/libstub/relocate.c:efi_relocate_kernel"})
	b.Machine.Needed.Set(sized(addr, l.kernel.ProtectedModeBytes()), decompressorName)
	b.Release(payloadName, l.payload())
	l.moved, l.at = sized(addr, r.AllocSize), addr
	b.Place("moved_image", l.moved, 0)
	return nil
}

// relocatedBytes is how much of the image is moved: all of its buffer until 5.10.
func (l *legacyStub) relocatedBytes() uint64 {
	if l.ways.release < linux.Of(5, 11) {
		return uint64(l.kernel.Setup.InitSize)
	}
	return l.kernel.Decompressor.BSS
}

// lowWindow is where the stub expects the decompressor to borrow low memory.
// Source: drivers/firmware/efi/libstub/x86-stub.c:TRAMPOLINE_PLACEMENT_BASE, TRAMPOLINE_PLACEMENT_SIZE (v6.5).
var lowWindow = memmap.Range{Start: 0x1e000, End: 0xa0000}

// protect has restrictions lifted from memory in which code will run.
// Source: drivers/firmware/efi/libstub/x86-stub.c:setup_memory_protection (v6.5).
func (l *legacyStub) protect(*sim.Boot) error {
	if l.choices.NX == nxStrip {
		l.fw.LiftRestrictions("low memory", lowWindow)
	}
	if l.choices.NX != nxNone && !l.moved.Empty() {
		l.fw.LiftRestrictions("relocated image", l.moved)
	}
	return nil
}

// switchPaging turns 5-level paging on if the stub does that itself.
func (l *legacyStub) switchPaging(b *sim.Boot) error {
	if l.choices.Trampoline != switchBelow4G {
		return nil
	}
	return l.stub.switchPaging(b)
}

// enterDecompressor goes on at the 64-bit entry of the decompressor, under the
// firmware's page tables.
func (l *legacyStub) enterDecompressor(b *sim.Boot) error {
	z := l.design.decompressor(b)
	z.kernel, z.entry, z.image = l.kernel, enterLong, stubName
	if !l.moved.Empty() {
		z.image = decompressorName
	}
	z.loaded, z.offset, z.root = l.at, l.offset, l.root
	z.loaderType = l.loaderType()
	z.bootParams, z.cmdline, z.initrd, z.e820 = l.bootParams, l.cmdline, l.initrd, l.e820.Entries
	z.setupData = append(z.setupData, l.allSetupData()...)
	z.passed = l.passedEFI()
	z.efi = &z.passed
	z.la57, z.unaccepted, z.bitmap = l.la57, l.unaccepted, l.bitmap
	z.geometry()
	return z.decompress(b)
}
