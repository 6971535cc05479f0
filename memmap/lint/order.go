package lint

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/rule"
)

var unsortedRule = rule.Rule{
	ID: "map-unsorted", Severity: rule.Info,
	Title: "an e820 table that is not sorted by address",
	Text: "The kernel sorts its table. The decompressor takes the table as it comes: KASLR numbers its slots in the table's order and stops after 100 areas, " +
		"and the search for the paging trampoline takes the last entry that fits, not the highest. " +
		"EFI maps are commonly unsorted and are not reported.",
	Sources: []string{
		"arch/x86/boot/compressed/kaslr.c:process_e820_entries, store_slot_info (v6.12)",
		"arch/x86/boot/compressed/pgtable_64.c:find_trampoline_placement (v6.12)",
	},
}

func unsorted(s *subject, report report) {
	if s.Kind != memmap.E820 {
		return
	}
	var late []int
	for i := 1; i < s.Len(); i++ {
		if s.Start(i) < s.Start(i-1) {
			late = append(late, i)
		}
	}
	if len(late) == 0 {
		return
	}
	i := late[0]
	r, err := s.Range(i)
	if err != nil {
		r = memmap.Range{Start: s.Start(i), End: s.Start(i)}
	}
	message := fmt.Sprintf("%v comes after the entry at %#x", r, s.Start(i-1))
	if len(late) > 1 {
		message += fmt.Sprintf(", the first of %d that step back", len(late))
	}
	report(rule.Info, r, message, late...)
}
