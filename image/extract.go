package image

import "bootplan/memmap"

// Halt is how the decompressor gives up: it prints the text and stops for ever.
// Source: arch/x86/boot/compressed/error.c:error (v6.12).
type Halt struct{ Text string }

func (h *Halt) Error() string { return h.Text + " -- System halted" }

// NeededSize is what decompression and the running kernel need at the output address,
// in bytes: the larger of output_len and kernel_total_size, rounded up to MinKernelAlign.
// Source: arch/x86/boot/compressed/misc.c:extract_kernel (v6.12).
func NeededSize(outputLen, totalSize uint64) uint64 {
	return memmap.AlignUp(max(outputLen, totalSize), MinKernelAlign)
}

// Limits of CheckDestination, with CONFIG_RANDOMIZE_BASE.
const (
	kernelImageSize = memmap.GiB // KERNEL_IMAGE_SIZE: what the kernel's high mapping holds
	heapLimit       = 1<<46 - 1  // last address that the heap may have
)

// CheckDestination is what extract_kernel asks of the place that was chosen: output is
// the physical address, virt the offset in the kernel's high mapping, needed the bytes
// from both on, and heap the address of the decompressor's own heap (which the kernel's
// test for "too large" looks at, not at output). The error is a *Halt.
// Source: arch/x86/boot/compressed/misc.c:extract_kernel (v6.12).
func CheckDestination(output, virt, needed, heap uint64) error {
	switch {
	case output%MinKernelAlign != 0:
		return &Halt{"Destination physical address inappropriately aligned"}
	case virt%MinKernelAlign != 0:
		return &Halt{"Destination virtual address inappropriately aligned"}
	case heap > heapLimit:
		return &Halt{"Destination address too large"}
	case virt+needed > kernelImageSize:
		return &Halt{"Destination virtual address is beyond the kernel mapping area"}
	}
	return nil
}

// Move is one memmove: Size bytes from Src to Dst, which may overlap.
type Move struct{ Dst, Src, Size uint64 }

// programHeaderBytes is the size of an ELF64 program header.
const programHeaderBytes = 56

// MoveSegments is what the decompressor does with an ELF file that lies at output: it
// moves every PT_LOAD segment to where the kernel, linked for load (pref_address), has
// it, in file order; memory behind a segment's file bytes is not cleared. magic are the
// first bytes of the file, heap the free bytes for its program headers. It returns the
// moves, those before a *Halt included, and how far behind output the entry point is.
// Source: arch/x86/boot/compressed/misc.c:parse_elf (v6.12).
func MoveSegments(e *ELF, magic [4]byte, output, load, heap uint64) (moves []Move, entry uint64, err error) {
	if magic != [4]byte{0x7f, 'E', 'L', 'F'} {
		return nil, 0, &Halt{"Kernel is not a valid ELF file"}
	}
	if programHeaderBytes*uint64(len(e.Segments)) >= heap {
		return nil, 0, &Halt{"Failed to allocate space for phdrs"}
	}
	moves = make([]Move, 0, len(e.Segments))
	for s := range e.Loads {
		if s.Align%MinKernelAlign != 0 {
			return moves, 0, &Halt{"Alignment of LOAD segment isn't multiple of 2MB"}
		}
		moves = append(moves, Move{output + s.Paddr - load, output + s.Offset, s.Filesz})
	}
	return moves, e.Entry - load, nil
}
