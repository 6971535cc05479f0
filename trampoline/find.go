package trampoline

import (
	"bootplan/linux"
	"bootplan/memmap"
)

// Size is the size of the paging trampoline in bytes: two pages.
// Source: arch/x86/boot/compressed/pgtable.h:TRAMPOLINE_32BIT_SIZE (v6.12).
const Size = 2 * memmap.PageSize

// Limits of what the decompressor believes of the BIOS data area, in bytes.
// Source: arch/x86/boot/compressed/pgtable_64.c (v6.12).
const (
	lowest  = 0x20000 // BIOS_START_MIN
	highest = 0x9f000 // BIOS_START_MAX
)

// Input is all that the place of the paging trampoline depends on.
type Input struct {
	BIOS linux.BIOSWords
	EFI  bool // boot_params carries an EFI loader signature ("EL32" or "EL64")
	// Table is the e820 table of boot_params. Entries behind the 128th are in an
	// extension that the decompressor does not read.
	Table []memmap.E820Entry
}

// Placement is where the paging trampoline goes.
type Placement struct {
	Start uint64
}

// Range returns the two pages. It fails with memmap.ErrWrap when the search of old
// kernels subtracted below 0.
func (p Placement) Range() (memmap.Range, error) { return memmap.Sized(p.Start, Size) }

// PageTable is the address of the top-level page table, the first page.
func (p Placement) PageTable() uint64 { return p.Start }

// Code is the address of the code, the second page.
func (p Placement) Code() uint64 { return p.Start + memmap.PageSize }

// Find returns where version v of the decompressor puts the paging trampoline.
// There is no failure: where nothing fits, a place is taken all the same.
//
// What changed: v4.17 and v4.18 believe the BIOS alone. Since v4.19 the e820 table
// is searched from its last entry to its first. Before v5.1 the BIOS data area is
// read on EFI machines too. Before v5.3 an entry that is too small lowers the limit
// for all that follow, and a limit below 8 KiB makes the result wrap around.
// Source: arch/x86/boot/compressed/pgtable_64.c:find_trampoline_placement (v6.12).
func Find(in *Input, v linux.Version) Placement {
	return FindSized(in, v, Size)
}

// FindSized is Find for a trampoline of another size, in bytes: Baskov's series of 2023
// has a third page, for the stack.
func FindSized(in *Input, v linux.Version, size uint64) Placement {
	return search(in.Table, v, bound(in, v).Limit, size, nil)
}

// Bound is how the decompressor finds the end of the memory that it may use.
type Bound struct {
	Read       bool   // the BIOS words were read
	BaseMemory uint64 // end of base memory as the BIOS states it, in bytes
	EBDA       uint64 // address of the extended BIOS data area as the BIOS states it
	Capped     bool   // BaseMemory was not believed; 0x9f000 took its place
	AtEBDA     bool   // the EBDA is lower, and became the limit
	Limit      uint64 // what came out, a multiple of 4096
}

func bound(in *Input, v linux.Version) Bound {
	var b Bound
	if !in.EFI || v < linux.V5_1 {
		b.Read = true
		b.BaseMemory = uint64(in.BIOS.BaseKiB) * memmap.KiB
		b.EBDA = uint64(in.BIOS.EBDASegment) * 16
	}
	b.Limit = b.BaseMemory
	if b.Limit < lowest || b.Limit > highest {
		b.Capped = true
		b.Limit = highest
	}
	if b.EBDA > lowest && b.EBDA < b.Limit {
		b.AtEBDA = true
		b.Limit = b.EBDA
	}
	b.Limit = memmap.AlignDown(b.Limit, memmap.PageSize)
	return b
}

// Verdict is what the search makes of one entry of the table.
type Verdict uint8

// The verdicts; the last two end the search.
const (
	Above    Verdict = iota // starts at or above the limit
	NotRAM                  // another type than usable memory
	TooSmall                // two pages below the limit would begin before the entry
	GivesUp                 // ends below 8 KiB: the subtraction wraps, and the search ends
	Taken                   // the trampoline goes to the entry's end, or to the limit
)

// String is "above", "not-ram", "too-small", "gives-up" or "taken".
func (v Verdict) String() string {
	return [...]string{"above", "not-ram", "too-small", "gives-up", "taken"}[v]
}

// Visit is one step of the search.
type Visit struct {
	Entry   int // index in the table
	E820    memmap.E820Entry
	Verdict Verdict
	Limit   uint64 // from now on
}

// search walks the table and returns the place for size bytes. Steps are appended to
// visits unless it is nil.
func search(table []memmap.E820Entry, v linux.Version, limit, size uint64, visits *[]Visit) Placement {
	if v < linux.V4_19 {
		return Placement{limit - size}
	}
	for i := min(len(table), memmap.MaxE820Table) - 1; i >= 0; i-- {
		verdict, next := judge(&table[i], v, limit, size)
		if visits != nil {
			*visits = append(*visits, Visit{i, table[i], verdict, next})
		}
		limit = next
		if verdict >= GivesUp {
			break
		}
	}
	return Placement{limit - size}
}

// judge looks at one entry and returns the limit that is in force after it. The
// arithmetic is the decompressor's: unsigned and unchecked.
func judge(e *memmap.E820Entry, v linux.Version, limit, size uint64) (Verdict, uint64) {
	if limit <= e.Addr {
		return Above, limit
	}
	if e.Type != memmap.E820RAM {
		return NotRAM, limit
	}
	top := memmap.AlignDown(min(limit, e.Addr+e.Size), memmap.PageSize)
	if v < linux.V5_3 {
		limit = top
	}
	switch start := top - size; {
	case start < e.Addr:
		return TooSmall, limit
	case start > limit && v >= linux.V5_3:
		return GivesUp, limit
	}
	return Taken, top
}
