package alloc

import (
	"fmt"

	"bootplan/memmap"
)

// Facts of the table of unaccepted memory.
// Source: include/linux/efi.h:struct efi_unaccepted_memory, arch/x86/include/asm/efi.h (v6.12).
const (
	unacceptedVersion = 1
	unacceptedHead    = 24             // bytes in front of the bitmap
	unacceptedUnit    = 2 * memmap.MiB // EFI_UNACCEPTED_UNIT_SIZE
	bitsPerByte       = uint64(1) << 3 // BITS_PER_BYTE
)

// UnacceptedTable is the configuration table in which the EFI stub leaves to the
// kernel which memory of a confidential virtual machine (TDX, SEV-SNP) must be accepted
// before it is touched. One bit stands for UnitSize bytes. Addresses are 64-bit numbers
// that wrap around as in the real code.
// Source: include/linux/efi.h:struct efi_unaccepted_memory (v6.12).
type UnacceptedTable struct {
	Version  uint32
	UnitSize uint32     // bytes, a power of two
	PhysBase uint64     // address that bit 0 stands for
	Size     uint64     // of the bitmap, in bytes
	Bits     memmap.Set // numbers of the bits that are set
}

// NewUnacceptedTable returns the table that the stub makes before ExitBootServices, with
// no bit set yet and as large as the unaccepted memory of descs asks for; nil if there
// is none. The stub keeps it in an ACPIReclaim pool block of Bytes bytes.
// Source: drivers/firmware/efi/libstub/unaccepted_memory.c:allocate_unaccepted_bitmap (v6.12).
func NewUnacceptedTable(descs []memmap.EFIDescriptor) *UnacceptedTable {
	start, end := ^uint64(0), uint64(0)
	for i := range descs {
		if d := &descs[i]; d.Type == memmap.EFIUnaccepted {
			start, end = min(start, d.Phys), max(end, descEnd(d))
		}
	}
	if start == ^uint64(0) {
		return nil
	}
	start, end = memmap.AlignDown(start, unacceptedUnit), memmap.AlignUp(end, unacceptedUnit)
	const perByte = unacceptedUnit * bitsPerByte
	return &UnacceptedTable{
		Version: unacceptedVersion, UnitSize: uint32(unacceptedUnit), PhysBase: start, Size: (end - start + perByte - 1) / perByte,
	}
}

// Bytes is the size of table and bitmap together, in bytes.
func (t *UnacceptedTable) Bytes() uint64 { return unacceptedHead + t.Size }

// Process enters [start, end), one descriptor of unaccepted memory. What the bitmap
// cannot express is accepted at once, each piece with a call of accept, which may be
// empty: all of it when it is shorter than two units, else the parts of units at both
// ends, what lies below PhysBase, and what lies behind the bitmap.
//
// Memory that lies behind the bitmap as a whole, which takes a map that has grown since
// the table was made, is an error: the real code then accepts everything between the
// bitmap's end and the memory's, and sets bits outside of the bitmap.
// Source: drivers/firmware/efi/libstub/unaccepted_memory.c:process_unaccepted_memory (v6.12).
func (t *UnacceptedTable) Process(start, end uint64, accept func(memmap.Range)) error {
	unit := uint64(t.UnitSize)
	if end-start < 2*unit {
		accept(memmap.Range{Start: start, End: end})
		return nil
	}
	if up := memmap.AlignUp(start, unit); start != up {
		accept(memmap.Range{Start: start, End: up})
		start = up
	}
	if down := memmap.AlignDown(end, unit); end != down {
		accept(memmap.Range{Start: down, End: end})
		end = down
	}
	if start < t.PhysBase {
		accept(memmap.Range{Start: start, End: min(t.PhysBase, end)})
		start = t.PhysBase
	}
	if end < t.PhysBase {
		return nil
	}
	if limit := t.PhysBase + t.span(); end-t.PhysBase > t.span() {
		accept(memmap.Range{Start: limit, End: end})
		end = limit
	}
	if start-t.PhysBase > end-t.PhysBase {
		return fmt.Errorf("unaccepted memory from %#x on lies behind the bitmap, which ends at %#x: the stub writes outside of its table", start, end)
	}
	first := (start - t.PhysBase) / unit
	t.Bits.Add(memmap.Range{Start: first, End: first + (end-start)/unit})
	return nil
}

// Accept accepts all unaccepted memory that shares a unit with the size bytes from start
// on: it clears their bits, and calls accept for each run of them. Memory outside of the
// bitmap counts as accepted.
// Source: drivers/firmware/efi/libstub/unaccepted_memory.c:accept_memory (v6.12).
func (t *UnacceptedTable) Accept(start, size uint64, accept func(memmap.Range)) {
	unit, end := uint64(t.UnitSize), start+size
	if end < t.PhysBase {
		return
	}
	start = max(start, t.PhysBase) - t.PhysBase
	end = min(end-t.PhysBase, t.span())
	bits := memmap.Range{Start: start / unit, End: (end + unit - 1) / unit}
	for rest := bits; ; {
		run := t.Bits.Overlap(rest)
		if run.Empty() {
			break
		}
		accept(memmap.Range{Start: t.PhysBase + run.Start*unit, End: t.PhysBase + run.End*unit})
		rest.Start = run.End
	}
	t.Bits.Remove(bits)
}

// span is how many bytes of memory the bitmap stands for.
func (t *UnacceptedTable) span() uint64 { return t.Size * uint64(t.UnitSize) * bitsPerByte }
