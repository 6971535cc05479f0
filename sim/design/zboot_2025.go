package design

import (
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
)

// Where the redesign says what its stub does.
const (
	elfZboot      = "drivers/firmware/efi/libstub/zboot-decompress-elf.c:"
	elfSnapshot   = " (ardb at 23543dc067)"
	elfDecompress = elfZboot + "efi_zboot_decompress_segments" + elfSnapshot
)

// zboot2025 is the later redesign of the x86 zboot image.
func zboot2025() *Design {
	return &Design{Version: linux.Of(6, 14), story: &elfZbootStory,
		Choices: Choices{
			PELayout: peZboot, BootParams: paramsPage, Initrd: initrdLast, Trampoline: switchBelow4G, Output: outputRandom,
			Physical: physicalStub, Virtual: virtualAlloc, NX: nxRX, Mapping: mapFirmware,
			SelfRelocation: relocateNever, Malloc: mallocFirmware, BSS: bssStub,
		},
		Info: Info{
			Name: "zboot-x86-2025", Identifier: "D12",
			Title: "the EFI zboot image for x86 with an ELF file in it, as redesigned in 2025",
			Text: "A thin front of the zboot image calls the EFI stub of the bzImage, which does what it always does, but for the unpacking: " +
				"the payload is an ELF file whose segments are decompressed one after the other to where they belong, whose BSS the stub " +
				"clears, and whose executable segments become read-only before they become executable. The work space of the " +
				"decompression library comes from the firmware.",
			Sources: []string{"drivers/firmware/efi/libstub/zboot-x86.c (ardb at 9757c4a154)", elfZboot + "*" + elfSnapshot, "drivers/firmware/efi/libstub/x86-stub.c (ardb at e74c2b0679)"},
			Lacks: []string{
				"boot without EFI firmware: a bzImage has to be shipped as well",
				"the EFI handover protocol",
				"32-bit firmware",
				noLimits,
				"kexec: no tool reads the format",
			},
		},
	}
}

// elfZbootStory is the story of a zboot image that carries an ELF file.
var elfZbootStory = story{tell: (*Design).bootELFZboot, offers: []offer{
	{"nx", []string{nxRX, nxNone}},
}}

// bootELFZboot is the story, in the order in which it happens.
func (d *Design) bootELFZboot(b *sim.Boot) error {
	s, err := startZboot(b, d)
	if err != nil {
		return err
	}
	s.size = s.kernel.ELF.LoadSpan().Len()
	s.ways.onlyRNG = true
	return perform(s, b,
		(*stub).load, (*stub).start, (*stub).preparePaging, (*stub).parseOptions, (*stub).extractELF, (*stub).loadInitrd,
		(*stub).collect, (*stub).exitBootServices, (*stub).switchPaging, (*stub).enterKernel, (*stub).handOver)
}

// extractELF brings the kernel to its place.
func (s *stub) extractELF(b *sim.Boot) error {
	window, err := s.takeWindow()
	if err != nil {
		return err
	}
	if err := s.placeKernel(b); err != nil || b.Stopped() {
		return err
	}
	b.Do(sim.Step{Op: sim.Write, Object: heapName, Range: window, Why: "what was unpacked last, for what follows to refer to", Source: elfDecompress})
	s.unpackSegments(b)
	s.fw.ReleasePages(heapName, window, elfDecompress)
	s.relocateELF(b)
	return s.protect(b)
}

// About what the decompression library needs, in bytes: for gzip its state and a window
// of 32 KiB, for zstd at level 19 its state, blocks to read and to write, and a window of 8 MiB.
// Source: lib/zlib_inflate/infutil.h:zlib_inflate_workspacesize,
// lib/zstd/decompress/zstd_decompress.c:ZSTD_estimateDStreamSize (v6.12).
const (
	gzipSpace = 44 * memmap.KiB
	zstdSpace = 8*memmap.MiB + 416*memmap.KiB
)

// takeWindow allocates the work space of the decompression library.
func (s *stub) takeWindow() (memmap.Range, error) {
	size := gzipSpace
	if s.kernel.Payload.Compression == "zstd" {
		size = zstdSpace
	}
	return s.fw.For(heapName, "work space of the decompression library, in pages of the firmware", elfDecompress).
		TakePages(memmap.EFILoaderData, size, s.maxAddress())
}

// unpackSegments decompresses each segment to where it belongs. What stands between the
// segments of the file is decompressed to the same place first, and overwritten.
func (s *stub) unpackSegments(b *sim.Boot) {
	lays := sim.KernelImage
	for g := range s.kernel.ELF.Loads {
		at := s.block.Start + g.Paddr - s.kernel.Setup.PrefAddress
		b.Do(sim.Step{Op: sim.Copy, Object: kernelName, Range: sized(at, g.Filesz), From: s.payload(), Lays: lays,
			Why: "a segment, unpacked to where it belongs", Source: elfDecompress})
		lays = sim.NoImage // the others are of the same copy
		if g.Memsz > g.Filesz {
			b.Do(sim.Step{Op: sim.Write, Object: kernelName, Range: sized(at+g.Filesz, g.Memsz-g.Filesz),
				Why: "what the file does not hold of it starts as zero", Source: elfDecompress})
		}
	}
	b.Release(payloadName, s.payload())
	b.Place("kernel", sized(s.block.Start, s.kernel.VO.TotalSize), kernelMap+s.virtual)
}

// relocateELF applies the relocations that the kernel carries in its own segments.
func (s *stub) relocateELF(b *sim.Boot) {
	if s.virtual == s.kernel.Setup.PrefAddress {
		return
	}
	b.Do(sim.Step{Op: sim.Write, Object: kernelName, Range: sized(s.block.Start, unpacking{kernel: s.kernel}.sitesEnd()),
		Why: "every absolute address in the kernel moves with its virtual address", Source: elfZboot + "handle_dynamic" + elfSnapshot})
}

// protectExecutable has each segment that is to be executed and not to be written made
// read-only, then executable; without the protocol nothing is done. Errors are warnings.
func (s *stub) protectExecutable() {
	if !s.fw.Attributes() {
		return
	}
	for part := range elfParts(s.kernel, s.block.Start) {
		if part.perm == sim.RX {
			r := part.Outward(memmap.PageSize)
			_ = s.fw.SetMemoryAttributes(kernelName, r, memmap.EFIRO)
			_ = s.fw.ClearMemoryAttributes(kernelName, r, memmap.EFIXP)
		}
	}
}
