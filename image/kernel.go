package image

import (
	"bootplan/linux"
	"bootplan/memmap"
)

// Kind is the container of a kernel image.
type Kind string

// The containers that are read.
const (
	BzImage   Kind = "bzimage"   // x86 bzImage, with or without a PE header
	ZBoot     Kind = "zboot"     // EFI zboot: a PE image that carries a compressed kernel
	Vmlinux   Kind = "vmlinux"   // ELF
	Arm64     Kind = "arm64"     // uncompressed arm64 Image, with or without a PE header
	RISCV     Kind = "riscv"     // the same for RISC-V
	LoongArch Kind = "loongarch" // the same for LoongArch
)

// Kernel is everything that a boot and a reader need to know of a kernel image.
// Parts that the image does not have, or that were not read, are nil.
// All offsets and sizes are in bytes.
type Kernel struct {
	Name     string        `json:"name"` // file or profile name
	Kind     Kind          `json:"kind"`
	Release  string        `json:"release"` // "6.12.117+deb12-amd64"; empty when the image does not say
	Version  linux.Version `json:"-"`       // of Release; 0 when unknown
	Banner   string        `json:"banner"`  // the version text that Release begins, builder and date included
	FileSize uint64        `json:"file_size"`

	Setup        *SetupHeader  `json:"setup_header"` // bzImage
	KernelInfo   *KernelInfo   `json:"kernel_info"`  // bzImage, boot protocol 2.15
	PE           *PE           `json:"pe"`           // images with an EFI entry point
	ZBootHeader  *ZBootHeader  `json:"zboot_header"` // zboot
	ImageHeader  *ImageHeader  `json:"image_header"` // arm64, RISC-V, LoongArch
	Payload      *Payload      `json:"payload"`      // compressed images
	Inner        *Kernel       `json:"inner"`        // zboot: the image that comes out of the payload
	ELF          *ELF          `json:"elf"`          // the kernel inside a bzImage, or the vmlinux itself
	Relocs       *Relocs       `json:"relocs"`       // behind the ELF inside a bzImage
	Decompressor *Decompressor `json:"decompressor"` // bzImage
	VO           *VO           `json:"vo"`           // bzImage

	Notes []string `json:"notes"` // what could not be found, in words
}

// KernelInfo is the kernel_info structure of a bzImage.
// Source: arch/x86/boot/compressed/kernel_info.S (v6.12).
type KernelInfo struct {
	Offset       uint64 `json:"offset"` // from startup_32
	Size         uint32 `json:"size"`
	SizeTotal    uint32 `json:"size_total"`
	SetupTypeMax uint32 `json:"setup_type_max"`
}

// Payload is the compressed kernel inside an image.
type Payload struct {
	Offset       uint64 `json:"file_offset"`
	Size         uint64 `json:"compressed_size"`   // with the size trailer if the image counts it in (z_input_len)
	Compression  string `json:"compression"`       // "gzip", "bzip2", "lzma", "xz", "lzo", "lz4", "zstd"
	Stated       uint64 `json:"stated_size"`       // what the size trailer says will come out
	Uncompressed uint64 `json:"uncompressed_size"` // what came out (z_output_len), relocation table included; Stated if it was not read
	SHA256       string `json:"sha256"`            // of what came out; empty if it was not read
}

// Segment is one program header.
type Segment struct {
	Type   string `json:"type"`        // "PT_LOAD", "PT_NOTE", …
	Perm   string `json:"permissions"` // "r-x"
	Offset uint64 `json:"offset"`      // in the ELF file
	Vaddr  uint64 `json:"vaddr"`
	Paddr  uint64 `json:"paddr"`
	Filesz uint64 `json:"filesz"`
	Memsz  uint64 `json:"memsz"`
	Align  uint64 `json:"align"`
}

// ELF is the uncompressed kernel.
type ELF struct {
	Machine  uint16    `json:"machine"`
	Entry    uint64    `json:"entry"`
	PhOff    uint64    `json:"phoff"`
	FileEnd  uint64    `json:"file_end"` // size of the ELF file itself, section headers included
	Segments []Segment `json:"segments"`
}

// Loads calls yield for each PT_LOAD segment in file order.
func (e *ELF) Loads(yield func(Segment) bool) {
	for _, s := range e.Segments {
		if s.Type == "PT_LOAD" && !yield(s) {
			return
		}
	}
}

// LoadSpan is the physical range from the lowest to the highest byte of the
// PT_LOAD segments in memory.
func (e *ELF) LoadSpan() memmap.Range {
	span := memmap.Range{Start: ^uint64(0)}
	for s := range e.Loads {
		span.Start = min(span.Start, s.Paddr)
		span.End = max(span.End, s.Paddr+s.Memsz)
	}
	if span.Empty() {
		return memmap.Range{}
	}
	return span
}

// Relocs is the relocation table that follows the ELF file in the payload: lists
// of 32-bit words, each ended by a zero, read backwards from the end.
// Source: arch/x86/tools/relocs.c (v6.12).
type Relocs struct {
	Offset    uint64 `json:"offset"` // in the uncompressed payload
	Bytes     uint64 `json:"bytes"`
	Count32   int    `json:"relocs_32"`
	Inverse32 int    `json:"inverse_relocs_32"` // until 6.14; 0 in tables of two lists
	Count64   int    `json:"relocs_64"`
}

// Decompressor holds offsets from startup_32 inside the protected-mode part.
// Source: arch/x86/boot/compressed/vmlinux.lds.S (v6.12).
type Decompressor struct {
	Relocated    uint64 `json:"relocated"`       // .Lrelocated, which is _text: first code that runs in the copy
	Trampoline   uint64 `json:"trampoline"`      // trampoline_32bit_src
	BSS          uint64 `json:"bss"`             // _bss: what lies before it is copied
	BootStackEnd uint64 `json:"boot_stack_end"`  // top of the stack
	BootHeap     uint64 `json:"boot_heap"`       // boot_heap; 0 when unknown
	HeapSize     uint64 `json:"heap_size"`       // BOOT_HEAP_SIZE
	TrampSave    uint64 `json:"trampoline_save"` // trampoline_save; 0 when unknown
	EBSS         uint64 `json:"ebss"`            // _ebss; 0 when unknown
	PgTable      uint64 `json:"pgtable"`         // _pgtable
	TopPgTable   uint64 `json:"top_pgtable"`     // top_pgtable
	End          uint64 `json:"end"`             // _end
}

// VO holds the link-time facts of the kernel proper that the decompressor knows as
// constants (VO_… in its build).
type VO struct {
	TotalSize      uint64 `json:"total_size"`      // kernel_total_size = _end - _text
	TextSize       uint64 `json:"text_size"`       // kernel_text_size = __start_rodata - _text; 0 where the version has none
	BSSOffset      uint64 `json:"bss_offset"`      // __bss_start - _text; 0 when unknown
	InitTextOffset uint64 `json:"inittext_offset"` // kernel_inittext_offset (since 6.17); 0 where the version has none
	InitTextSize   uint64 `json:"inittext_size"`

	Layout *Layout `json:"layout"` // nil where the image has no section headers
}

// setVersion reads Version out of Release; a release without one leaves it 0.
func (k *Kernel) setVersion() {
	if v, err := linux.ParseVersion(k.Release); err == nil {
		k.Version = v
	}
	if k.Inner != nil {
		k.Inner.setVersion()
	}
}

// SetupBytes is the size of the real-mode part: (setup_sects+1)*512.
func (k *Kernel) SetupBytes() uint64 {
	sects := uint64(k.Setup.SetupSects)
	if sects == 0 {
		sects = 4
	}
	return (sects + 1) * 512
}

// ProtectedModeBytes is the part of the file that is loaded at code32_start.
func (k *Kernel) ProtectedModeBytes() uint64 { return k.FileSize - k.SetupBytes() }

// EntryOffset is how far behind its load address the kernel proper is entered.
func (k *Kernel) EntryOffset() uint64 { return k.ELF.Entry - k.Setup.PrefAddress }

// NeededSize is what decompression and the running kernel need at the output
// address: max(output_len, kernel_total_size), rounded up to MIN_KERNEL_ALIGN.
// Source: arch/x86/boot/compressed/misc.c:extract_kernel (v6.12).
func (k *Kernel) NeededSize() uint64 {
	return NeededSize(k.Payload.Uncompressed, k.VO.TotalSize)
}

// MinKernelAlign is MIN_KERNEL_ALIGN on x86-64.
const MinKernelAlign = 2 * memmap.MiB
