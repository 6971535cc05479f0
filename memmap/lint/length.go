package lint

import (
	"fmt"
	"math"

	"bootplan/memmap"
	"bootplan/rule"
)

var zeroLengthRule = rule.Rule{
	ID: "map-zero-length", Severity: rule.Warning,
	Title: "entries without a byte",
	Text: "An entry of length zero describes nothing. Linux drops it: silently from an e820 table, with the remark " +
		"\"Invalid EFI memory map entries\" from an EFI map. In firmware it often is an array element that was counted but never filled.",
	Sources: []string{
		"arch/x86/kernel/e820.c:e820__update_table (v6.12)",
		"arch/x86/platform/efi/efi.c:efi_memmap_entry_valid (v6.12)",
	},
}

func zeroLength(s *subject, report report) {
	var entries []int
	for i := range s.Len() {
		if r, err := s.Range(i); err == nil && r.Empty() {
			entries = append(entries, i)
		}
	}
	switch len(entries) {
	case 0:
	case 1:
		start := s.Start(entries[0])
		report(rule.Warning, memmap.Range{Start: start, End: start}, fmt.Sprintf("the entry at %#x has no length", start), entries...)
	default:
		start := s.Start(entries[0])
		report(rule.Warning, memmap.Range{Start: start, End: start}, fmt.Sprintf("%d entries have no length, the first at %#x", len(entries), start), entries...)
	}
}

var wrapRule = rule.Rule{
	ID: "map-wrap", Severity: rule.Error,
	Title: "an entry reaches or passes the end of the 64-bit address space",
	Text: "Start plus length does not fit in 64 bits. Code that adds the two without a check sees an end below the start, " +
		"or at 0. Linux gives up on an e820 table that holds such an entry, or leaves it unsorted with its overlaps, and drops it from an EFI map; " +
		"the decompressor's KASLR does not check at all.",
	Example: "[mem 0xfffffffffffff000, 0x2000 bytes] usable",
	Sources: []string{
		"arch/x86/kernel/e820.c:__append_e820_table, e820__update_table (v6.12)",
		"arch/x86/platform/efi/efi.c:efi_memmap_entry_valid (v6.12)",
	},
}

func wrap(s *subject, report report) {
	for i := range s.Len() {
		if _, err := s.Range(i); err != nil {
			start := s.Start(i)
			report(rule.Error, memmap.Range{Start: start, End: math.MaxUint64},
				fmt.Sprintf("the entry at %#x (%s, %s) reaches or passes the end of the 64-bit address space", start, s.TypeName(i), s.length(i)), i)
		}
	}
}

// wraps reports whether any entry does.
func (s *subject) wraps() bool {
	for i := range s.Len() {
		if _, err := s.Range(i); err != nil {
			return true
		}
	}
	return false
}

// length is the length of entry i in the unit in which it is stated.
func (s *subject) length(i int) string {
	if s.Kind == memmap.EFI {
		return fmt.Sprintf("%#x pages", s.Descriptors[i].Pages)
	}
	return fmt.Sprintf("%#x bytes", s.Entries[i].Size)
}
