package probe

import (
	"encoding/binary"
	"slices"

	"bootplan/tools/capture/internal/record"
)

// memory is a copy of what lay at an address, which is a multiple of 8.
type memory struct {
	start uint64
	bytes []byte
}

// word is the 64-bit number at addr; 0 outside.
func (m memory) word(addr uint64) uint64 {
	if addr < m.start || addr-m.start+8 > uint64(len(m.bytes)) {
		return 0
	}
	return little(m.bytes[addr-m.start:])
}

func little(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// words calls yield with the address of each 64-bit number.
func (m memory) words(yield func(addr uint64) bool) {
	for i := 0; i+8 <= len(m.bytes); i += 8 {
		if !yield(m.start + uint64(i)) {
			return
		}
	}
}

// avoidNames are what the entries of mem_avoid are for.
// Source: arch/x86/boot/compressed/kaslr.c:enum mem_avoid_index (v6.12).
var avoidNames = [...]string{
	"compressed kernel + run space (ZO)", "initrd", "command line", "boot_params",
	"memmap 1", "memmap 2", "memmap 3", "memmap 4",
}

// avoided finds mem_avoid, whose first entry begins at the compressed kernel and whose
// fourth is the page of boot_params, and returns the entries with a size; nil if it is not
// there.
func (m memory) avoided(payload, zeroPage uint64) []record.Avoided {
	for addr := range m.words {
		if m.word(addr) == payload && m.word(addr+3*spanBytes) == zeroPage {
			return m.avoidedAt(addr)
		}
	}
	return nil
}

func (m memory) avoidedAt(addr uint64) (list []record.Avoided) {
	for i, what := range avoidNames {
		if span := m.span(addr + spanBytes*uint64(i)); span.Size != 0 {
			list = append(list, record.Avoided{What: what, Span: span})
		}
	}
	return list
}

// spanBytes is the size of a struct mem_vector, and of a struct slot_area.
const spanBytes = 16

// span is a struct mem_vector.
func (m memory) span(addr uint64) record.Span {
	return record.Span{Start: record.Hex(m.word(addr)), Size: record.Hex(m.word(addr + 8))}
}

// areas finds slot_areas: places below limit that have the kernel's alignment, with
// numbers of slots that sum up to slot_max, the variable at slotMax; empty if there is no
// such table.
func (m memory) areas(slotMax, align, limit uint64) []record.SlotAreas {
	for addr := range m.words {
		list := m.areasAt(addr, m.word(slotMax), align, limit)
		end := addr + spanBytes*uint64(len(list))
		if list != nil && (slotMax < addr || slotMax >= end) { // the sum itself is no area's number
			return list
		}
	}
	return []record.SlotAreas{}
}

// areasAt is the table at addr whose numbers sum up to total, nil if what lies there is
// none.
func (m memory) areasAt(addr, total, align, limit uint64) (list []record.SlotAreas) {
	for sum := uint64(0); sum < total; addr += spanBytes {
		start, slots := m.word(addr), m.word(addr+8)
		if start == 0 || start >= limit || start%align != 0 || slots == 0 || slots > total-sum {
			return nil
		}
		list = append(list, record.SlotAreas{Addr: record.Hex(start), Slots: slots})
		sum += slots
	}
	return list
}

// immovable finds immovable_mem, which holds the ranges that an SRAT calls so in the
// order of the SRAT; empty if it is not there.
func (m memory) immovable(srat []record.Range) []record.Span {
	want := make([]record.Span, len(srat))
	for i, r := range srat {
		want[i] = record.Span{Start: r.Start, Size: r.End - r.Start + 1}
	}
	for addr := range m.words {
		got := make([]record.Span, len(want))
		for i := range got {
			got[i] = m.span(addr + spanBytes*uint64(i))
		}
		if slices.Equal(got, want) {
			return got
		}
	}
	return []record.Span{}
}
