package lint

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/rule"
)

var smallHoleRule = rule.Rule{
	ID: "map-small-hole", Severity: rule.Info,
	Title: "a small hole beside RAM that no entry describes",
	Text: "RAM is decoded in large blocks, so a hole of less than 1 MiB beside it is RAM that firmware took away without a word, " +
		"or a rounding slip between two entries. The operating system may take undescribed addresses for free device space. " +
		"Holes below 1 MiB are usual and are not reported.",
	Example: "[mem 0x00100000-0xbf78ffff] usable\n[mem 0xbf79e000-0xbf79ffff] ACPI data",
	Sources: []string{"arch/x86/kernel/e820.c:e820__setup_pci_gap (v6.12)"},
}

func smallHole(s *subject, report report) {
	for _, gap := range s.Gaps() {
		if gap.Start >= memmap.MiB && gap.Len() < memmap.MiB && (s.ram.Contains(gap.Start-1) || s.ram.Contains(gap.End)) {
			report(rule.Info, gap, fmt.Sprintf("%v beside RAM is not described", gap))
		}
	}
}
