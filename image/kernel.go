package image

import (
	"bootplan/linux"
	"bootplan/memmap"
)

// Kind is the container of a kernel image.
type Kind string

const (
	BzImage Kind = "bzimage" // x86 bzImage, with or without a PE header
	ZBoot   Kind = "zboot"   // EFI zboot: a PE image that carries a compressed kernel
	Vmlinux Kind = "vmlinux" // ELF
	Arm64   Kind = "arm64"   // uncompressed arm64 or RISC-V Image with a PE header
)

// Kernel is everything that a boot and a reader need to know of a kernel image.
// Parts that the image does not have, or that were not read, are nil.
// All offsets and sizes are in bytes.
type Kernel struct {
	Name     string // file or profile name
	Kind     Kind
	Release  string        // "6.12.117+deb12-amd64"; empty when the image does not say
	Version  linux.Version // of Release; 0 when unknown
	FileSize uint64

	Setup        *SetupHeader  // bzImage
	KernelInfo   *KernelInfo   // bzImage, boot protocol 2.15
	PE           *PE           // images with an EFI entry point
	ZBootHeader  *ZBootHeader  // zboot
	Payload      *Payload      // compressed images
	ELF          *ELF          // the kernel inside, or the vmlinux itself
	Relocs       *Relocs       // behind the ELF inside a bzImage
	Decompressor *Decompressor // bzImage
	VO           *VO           // bzImage
}

// KernelInfo is the kernel_info structure of a bzImage.
// Source: arch/x86/boot/compressed/kernel_info.S (v6.12).
type KernelInfo struct {
	Offset       uint64 // from startup_32
	Size         uint32
	SizeTotal    uint32
	SetupTypeMax uint32
}

// Payload is the compressed kernel inside an image.
type Payload struct {
	Offset       uint64 // in the file
	Size         uint64 // compressed, with the size trailer where there is one (z_input_len)
	Compression  string // "gzip", "bzip2", "lzma", "xz", "lzo", "lz4", "zstd", "none"
	Uncompressed uint64 // bytes that come out, relocation table included (z_output_len)
	SHA256       string // of the uncompressed bytes; empty unless they were read
}

// Segment is one program header.
type Segment struct {
	Type   string // "PT_LOAD", "PT_NOTE", …
	Perm   string // "r-x"
	Offset uint64 // in the ELF file
	Vaddr  uint64
	Paddr  uint64
	Filesz uint64
	Memsz  uint64
	Align  uint64
}

// ELF is the uncompressed kernel.
type ELF struct {
	Machine  uint16
	Entry    uint64
	PhOff    uint64
	FileEnd  uint64 // size of the ELF file itself, section headers included
	Segments []Segment
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
	Offset    uint64 // in the uncompressed payload
	Bytes     uint64
	Count32   int
	Inverse32 int // until 6.14; 0 in tables of two lists
	Count64   int
}

// Decompressor holds offsets from startup_32 inside the protected-mode part.
// Source: arch/x86/boot/compressed/vmlinux.lds.S (v6.12).
type Decompressor struct {
	Relocated    uint64 // .Lrelocated, which is _text: first code that runs in the copy
	Trampoline   uint64 // trampoline_32bit_src
	BSS          uint64 // _bss: what lies before it is copied
	BootStackEnd uint64 // top of the stack
	BootHeap     uint64 // boot_heap; 0 when unknown
	HeapSize     uint64 // BOOT_HEAP_SIZE
	TrampSave    uint64 // trampoline_save; 0 when unknown
	EBSS         uint64 // _ebss; 0 when unknown
	PgTable      uint64 // _pgtable
	TopPgTable   uint64 // top_pgtable
	End          uint64 // _end
}

// VO holds the link-time facts of the kernel proper that the decompressor knows as
// constants (VO_… in its build).
type VO struct {
	TotalSize      uint64 // kernel_total_size = _end - _text
	TextSize       uint64 // kernel_text_size = __start_rodata - _text; 0 where the version has none
	BSSOffset      uint64 // __bss_start - _text; 0 when unknown
	InitTextOffset uint64 // kernel_inittext_offset (since 6.17); 0 where the version has none
	InitTextSize   uint64
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
	return memmap.AlignUp(max(k.Payload.Uncompressed, k.VO.TotalSize), MinKernelAlign)
}

// MinKernelAlign is MIN_KERNEL_ALIGN on x86-64.
const MinKernelAlign = 2 * memmap.MiB
