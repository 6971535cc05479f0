package design

import (
	"slices"

	"bootplan/image"
	"bootplan/memmap"
)

// packed is a kernel in one of the PE layouts, as EFI firmware loads it: the kernel as
// it is if it has that layout, else the same code and payload arranged otherwise.
type packed struct {
	kernel image.Kernel
	code   uint64 // where the decompressor's offset 0 lies, in bytes from the image's base

	setup        image.SetupHeader  // of kernel, where the layout changes them
	decompressor image.Decompressor //
	of           *image.Kernel      // the kernel that was arranged, and
	layout       string             // the layout
}

// PE section flags and facts of the header.
// Source: arch/x86/boot/header.S (v6.6, v6.12).
const (
	sectionCode     = 0x60000020 // r-x
	sectionData     = 0xc0000040 // rw-
	sectionInfo     = 0x42000040 // r--, may be discarded
	sectionOldCode  = 0x60500020 // r-x, aligned to 16 bytes
	sectionOldInfo  = 0x42100040
	oldAlignment    = 0x20
	fileAlignment   = 0x200
	promiseNXCompat = 0x0100
	oldImageBase    = 0x1000000 // LOAD_PHYSICAL_ADDR, a multiple of 64 KiB
)

// arrange packs kernel k in a layout.
func (p *packed) arrange(k *image.Kernel, layout string) {
	if p.of == k && p.layout == layout {
		return
	}
	p.kernel, p.of, p.layout, p.code = *k, k, layout, k.SetupBytes()
	switch {
	case layout == peZboot:
		p.zboot()
	case layout == peCompat:
		p.zboot()
		p.compat()
	case layout == peBaskov:
		p.baskov()
	case layout == peLegacy && splitLayout(k):
		p.legacy()
	case layout == peSplit && !splitLayout(k):
		p.split()
	}
}

// promise has an image in a layout that is not the kernel's own state, or not state, that
// it does without memory that is writable and executable. Linux does by an option since 5.19.
func (p *packed) promise(nxCompat bool) {
	switch pe := p.kernel.PE; {
	case pe == p.of.PE:
	case nxCompat:
		pe.DLLCharacteristics |= promiseNXCompat
	default:
		pe.DLLCharacteristics &^= promiseNXCompat
	}
}

// legacy is the layout before 6.7: one section from the decompressor to the end of
// the buffer into which it would unpack, and the wish to be loaded at 16 MiB.
// Source: arch/x86/boot/header.S, arch/x86/boot/tools/build.c (v6.5).
func (p *packed) legacy() {
	k, s := p.of, uint32(p.code)
	const info = 0x20 // bytes of .reloc and of .compat
	end := k.Setup.InitSize + uint32(image.MinKernelAlign)
	file := uint32(k.FileSize)
	p.kernel.PE = p.header(oldAlignment, fileHeader{headers: 0x200, base: oldImageBase, size: end, entry: k.PE.EntryRVA},
		image.Section{Name: ".setup", VirtualAddress: 0x200, VirtualSize: s - 2*info - 0x200, RawOffset: 0x200, RawSize: s - 2*info - 0x200, Characteristics: sectionOldCode},
		image.Section{Name: ".reloc", VirtualAddress: s - 2*info, VirtualSize: info, RawOffset: s - 2*info, RawSize: info, Characteristics: sectionOldInfo},
		image.Section{Name: ".compat", VirtualAddress: s - info, VirtualSize: info, RawOffset: s - info, RawSize: info, Characteristics: sectionOldInfo},
		image.Section{Name: ".text", VirtualAddress: s, VirtualSize: end - s, RawOffset: s, RawSize: file - s, Characteristics: sectionOldCode},
	)
}

// split is the layout since 6.7: code and data apart, and nothing beyond the
// decompressor's own memory.
// Source: arch/x86/boot/header.S (v6.12).
func (p *packed) split() {
	k := p.of
	p.code = memmap.AlignUp(p.code, memmap.PageSize)
	p.setup = *k.Setup
	p.setup.SetupSects = uint8(p.code/512 - 1)
	p.kernel.Setup = &p.setup
	s, data, end := uint32(p.code), uint32(p.dataStart()), uint32(k.Decompressor.End)
	p.kernel.FileSize = p.code + k.ProtectedModeBytes()
	const page = uint32(memmap.PageSize)
	grown := s - uint32(k.SetupBytes())
	p.kernel.PE = p.header(memmap.PageSize, fileHeader{headers: page, size: s + end, entry: k.PE.EntryRVA + grown},
		image.Section{Name: ".setup", VirtualAddress: page, VirtualSize: s - 2*page, RawOffset: page, RawSize: s - 2*page, Characteristics: sectionInfo},
		image.Section{Name: ".compat", VirtualAddress: s - page, VirtualSize: page, RawOffset: s - page, RawSize: page, Characteristics: sectionInfo},
		image.Section{Name: ".text", VirtualAddress: s, VirtualSize: data, RawOffset: s, RawSize: data, Characteristics: sectionCode},
		image.Section{Name: ".data", VirtualAddress: s + data, VirtualSize: end - data, RawOffset: s + data, RawSize: uint32(p.kernel.FileSize) - s - data, Characteristics: sectionData},
	)
	p.kernel.PE.Compat = slices.Clone(k.PE.Compat)
	for i := range p.kernel.PE.Compat {
		p.kernel.PE.Compat[i].EntryRVA += grown
	}
}

// baskov is the layout of Baskov's series: like the split one, without the setup code,
// so that addresses and file offsets differ, and with the wish to be loaded at 16 MiB.
// Source: [PATCH v5 24/27] x86/build: Make generated PE more spec compliant.
func (p *packed) baskov() {
	k, setup := p.of, uint32(p.of.SetupBytes())
	const page = uint32(memmap.PageSize)
	const text = 3 * page // behind headers, .reloc and .compat
	p.code = uint64(text)
	p.setup, p.decompressor = *k.Setup, enlarged(k.Decompressor)
	p.kernel.Setup, p.kernel.Decompressor = &p.setup, &p.decompressor
	p.setup.InitSize = max(k.Setup.InitSize, uint32(p.kernel.RequiredInitSize()))
	data, end := uint32(p.dataStart()), uint32(p.decompressor.End)
	p.kernel.PE = p.header(memmap.PageSize, fileHeader{headers: page, base: oldImageBase, size: text + end, entry: text + k.PE.EntryRVA - setup},
		image.Section{Name: ".reloc", VirtualAddress: page, VirtualSize: page, RawOffset: page, RawSize: fileAlignment, Characteristics: sectionInfo},
		image.Section{Name: ".compat", VirtualAddress: 2 * page, VirtualSize: page, RawOffset: page + fileAlignment, RawSize: fileAlignment, Characteristics: sectionInfo},
		image.Section{Name: ".text", VirtualAddress: text, VirtualSize: data, RawOffset: setup, RawSize: data, Characteristics: sectionCode},
		image.Section{Name: ".data", VirtualAddress: text + data, VirtualSize: end - data, RawOffset: setup + data, RawSize: uint32(k.ProtectedModeBytes()) - data, Characteristics: sectionData},
	)
}

// A zboot image holds, besides the compressed kernel, this much code and read-only
// data, and data with a heap of 256 KiB. No x86 kernel was released as one: the sizes
// are a little above those of a real loong64 zboot image.
const (
	zbootCode = 0x1d000
	zbootData = 0x43000
	zbootHeap = 0x40000
)

// zboot is the layout of an EFI zboot image: no setup code and no decompressor, but a
// stub that carries the compressed kernel among its read-only data.
// Source: drivers/firmware/efi/libstub/zboot-header.S, zboot.lds (v6.12).
func (p *packed) zboot() {
	const page = uint32(memmap.PageSize)
	const scratch = zbootData - zbootHeap // in front of the heap: a page of variables, and two for a switch of paging levels
	payload := p.of.Setup.PayloadLength
	text := uint32(memmap.AlignUp(uint64(zbootCode+payload), memmap.PageSize))
	p.code = memmap.PageSize
	p.setup, p.decompressor = *p.of.Setup, image.Decompressor{
		BSS: uint64(text) + memmap.PageSize, EBSS: uint64(text) + zbootData, End: uint64(text) + zbootData,
		TrampSave: uint64(text) + memmap.PageSize, BootHeap: uint64(text) + scratch, HeapSize: zbootHeap,
		TopPgTable: uint64(text) + scratch, // the heap is not in use any more when paging is switched
	}
	p.setup.PayloadOffset = zbootCode
	p.kernel.Setup, p.kernel.Decompressor = &p.setup, &p.decompressor
	p.kernel.FileSize = uint64(page + text + fileAlignment)
	p.kernel.PE = p.header(memmap.PageSize, fileHeader{headers: page, size: page + text + zbootData, entry: page},
		image.Section{Name: ".text", VirtualAddress: page, VirtualSize: text, RawOffset: page, RawSize: text, Characteristics: sectionCode},
		image.Section{Name: ".data", VirtualAddress: page + text, VirtualSize: zbootData, RawOffset: page + text, RawSize: fileAlignment, Characteristics: sectionData},
	)
	p.kernel.PE.Compat = nil
}

// isZboot reports whether a layout is that of a zboot image.
func isZboot(layout string) bool { return layout == peZboot || layout == peCompat }

// compat adds an entry point for 32-bit firmware to a zboot image.
// Source: mixed mode in the branch of the RFC (ardb at 3dce040aee); which page of the image
// the section takes is assumed.
func (p *packed) compat() {
	const page = uint32(memmap.PageSize)
	const ia32 = 0x14c // IMAGE_FILE_MACHINE_I386
	pe := p.kernel.PE
	end, file := pe.SizeOfImage, uint32(p.kernel.FileSize)
	pe.Sections = append(pe.Sections, image.Section{Name: ".compat", VirtualAddress: end, VirtualSize: page, RawOffset: file, RawSize: fileAlignment, Characteristics: sectionInfo})
	pe.SizeOfImage += page
	p.kernel.FileSize += fileAlignment
	pe.Compat = []image.CompatEntry{{Type: 1, Size: 8, Machine: ia32, EntryRVA: pe.EntryRVA}}
}

// dataStart is where the decompressor's data begin, in bytes from its offset 0: two
// pages in front of the BSS, as in every Debian kernel since 6.1.
func (p *packed) dataStart() uint64 {
	return memmap.AlignDown(p.of.Decompressor.BSS, memmap.PageSize) - 2*memmap.PageSize
}

// fileHeader is what the headers of the layouts differ in, in bytes.
type fileHeader struct {
	headers uint32 // SizeOfHeaders
	base    uint64 // ImageBase; 0: anywhere
	size    uint32 // SizeOfImage
	entry   uint32
}

// header is the kernel's own PE header with another layout.
func (p *packed) header(align uint32, h fileHeader, sections ...image.Section) *image.PE {
	pe := *p.of.PE
	pe.SectionAlignment, pe.FileAlignment = align, min(align, fileAlignment)
	pe.SizeOfHeaders, pe.ImageBase, pe.SizeOfImage, pe.EntryRVA = h.headers, h.base, h.size, h.entry
	pe.DLLCharacteristics |= promiseNXCompat
	pe.Sections = sections
	return &pe
}
