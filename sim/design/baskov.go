package design

import (
	"fmt"

	"bootplan/alloc"
	"bootplan/image"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
)

// Where the patches of Baskov's series say what they do.
const (
	baskovDirect = "drivers/firmware/efi/libstub/x86-extract-direct.c:"
	baskovPatch  = " ([PATCH v5 15/27] efi/x86: Support extracting kernel from libstub)"
)

// baskov is the EFI boot of "x86_64: Improvements at compressed kernel stage", version 5.
func baskov() *Design {
	return &Design{Version: linux.V6_3, story: &baskovEFI,
		Choices: Choices{
			PELayout: peBaskov, BootParams: paramsStatic, Initrd: initrdFirst, Trampoline: switchLowEFI, Output: outputAbove,
			Physical: physicalDecompressor, Virtual: virtualDecompressor, NX: nxExact, Mapping: mapFirmware,
			SelfRelocation: relocateNever, Malloc: mallocBSS, BSS: bssKernel, Intent: asPosted,
		},
		Info: Info{
			Name: "baskov-v5", Identifier: "D4e",
			Title: "Evgeniy Baskov's series of March 2023, started by EFI firmware",
			Text: "The bzImage gets a PE header that says what it is, and its stub calls the decompressor's code while boot services are alive. " +
				"The initrd is loaded first. Three pages below 640 KiB are allocated for a switch of paging levels, through which every boot " +
				"goes. The decompressor's own code chooses a place from the firmware's map, the firmware gives the lowest block of loader data " +
				"from there on, the kernel is unpacked and relocated in it, and every segment gets the rights that it needs and no more. " +
				"Not so with nokaslr: the block was to stay executable then, but the test that says so was posted with the wrong right.",
			Sources: []string{"[PATCH v5 00/27] x86_64: Improvements at compressed kernel stage (cover.1678785672.git.baskov@ispras.ru)"},
			Lacks: []string{
				"random numbers of EFI_RNG, which is not asked",
				"32-bit firmware: its entry point is stated right only if the setup code happens to have three pages",
				"what the decompressor hands over to the kernel of an SNP guest",
			},
		},
	}
}

// baskovEFI is the story of the series on EFI firmware.
var baskovEFI = story{tell: (*Design).bootBaskov, offers: []offer{
	{"intent", []string{asPosted, asIntended}},
}}

// bootBaskov is the story, in the order in which it happens.
func (d *Design) bootBaskov(b *sim.Boot) error {
	s, err := startStub(b, d)
	if err != nil {
		return err
	}
	b.Cite(baskovSources)
	s.minimumCap = baskovMinimum
	return perform(s, b,
		(*stub).load, (*stub).findEntry, (*stub).start, (*stub).clearVariables, (*stub).parseOptions, (*stub).loadInitrd, (*stub).collect,
		(*stub).preparePaging, (*stub).extractDirect,
		(*stub).exitBootServices, (*stub).switchPaging, (*stub).enterKernel, (*stub).handOver)
}

// baskovSources are where the series has what it shares with the released stub.
var baskovSources = map[string]string{
	"drivers/firmware/efi/libstub/x86-stub.c:efi_decompress_kernel": baskovDirect + "do_map_range" + baskovPatch,
	"drivers/firmware/efi/libstub/x86-stub.c:enter_kernel":          "arch/x86/boot/compressed/head_64.S:efi64_stub_entry" + baskovPatch,
	"arch/x86/boot/compressed/misc.c:decompress_kernel":             "arch/x86/boot/compressed/misc.c:efi_extract_kernel ([PATCH v5 14/27] x86/boot: Add EFI kernel extraction interface)",
}

// findEntry tells where 32-bit firmware jumps to: as posted, section .compat states the
// offset in the file, and code lies three pages behind the beginning of the image.
func (s *stub) findEntry(*sim.Boot) error {
	const code = 3 * memmap.PageSize
	if off := s.kernel.SetupBytes() - code; s.mixed() && !s.handover && off != 0 && s.choices.Intent == asPosted {
		return unsupported(fmt.Sprintf("the entry point for 32-bit firmware is stated %#x bytes too high: it would be right for setup code of three pages", off))
	}
	return nil
}

// clearVariables zeroes the stub's BSS, for loaders that enter by the handover protocol
// and did not.
func (s *stub) clearVariables(b *sim.Boot) error {
	s.clearBSS(b, "arch/x86/boot/compressed/head_64.S:efi_stub_entry"+baskovPatch)
	return nil
}

// extractDirect is the decompressor's work, done by the stub in the firmware's memory.
func (s *stub) extractDirect(b *sim.Boot) error {
	const source = baskovDirect + "extract_kernel_direct" + baskovPatch
	buffer, err := s.fetchMap(b, memmap.EFILoaderData, "the map from which the decompressor's code chooses a place")
	if err != nil {
		return err
	}
	if err := perform(s, b, (*stub).placeAbove, (*stub).restrictBlock, (*stub).unpack); err != nil || b.Stopped() {
		return err
	}
	if !s.decompressor.Disabled {
		s.restrictSegments()
	}
	s.fw.ReleasePool(mapName, buffer, source)
	return nil
}

// placeAbove takes the lowest block from the chosen address on.
func (s *stub) placeAbove(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/x86-stub.c:efi_decompress_kernel"
	s.countPlaces()
	wish, err := s.choosePlace(b)
	if err != nil {
		return err
	}
	addr, status := s.allocateBlock(wish, source)
	if status != alloc.Success {
		return &sim.Failure{Rule: "no-memory", Message: fmt.Sprintf("Unable to allocate memory for uncompressed kernel: %v", alloc.NoMemory(s.places.Map, s.places.Request))}
	}
	s.block = sized(addr, s.size)
	b.Place("kernel_block", s.block, 0)
	needed := max(s.kernel.Payload.Uncompressed, s.kernel.VO.TotalSize)
	if err := image.CheckDestination(addr, s.virtual, needed, addr); err != nil {
		return halted(err)
	}
	return nil
}

// restrictBlock asks that the block can be written and not be executed. With nokaslr it
// was meant to be executable too, since it may overlap the code that fills it.
func (s *stub) restrictBlock(*sim.Boot) error {
	attr := memmap.EFIXP
	if s.decompressor.Disabled && s.choices.Intent == asIntended {
		attr = 0
	}
	s.restrict(blockName, s.block, attr)
	return nil
}
