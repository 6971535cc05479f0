package lint

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/rule"
)

var unalignedRule = rule.Rule{
	ID: "map-unaligned", Severity: rule.Error,
	Title: "an entry that does not begin and end at a page",
	Text: "EFI memory comes in pages of 4 KiB, so a descriptor that begins elsewhere is an error, and " +
		"every reader rounds it in its own way. An e820 table counts bytes: RAM that ends within a page is legal, common at the end of base memory " +
		"(not reported), and costs the part of a page, because Linux uses whole pages only. " +
		"It is reported as information, since code that rounds outward instead would touch what lies beside the RAM.",
	Example: "[mem 0x00100000-0x3f688bff] usable",
	Sources: []string{"UEFI 2.10, 7.2.3 (PhysicalStart is aligned on 4 KiB)", "mm/memblock.c:memblock_trim_memory (v6.12)"},
}

func unaligned(s *subject, report report) {
	for _, i := range s.order {
		r := s.proper(i)
		if s.Kind == memmap.EFI {
			if r.Start%memmap.PageSize != 0 {
				report(rule.Error, r, fmt.Sprintf("%v %s does not begin at a page", r, s.TypeName(i)), i)
			}
			continue
		}
		if lost := s.partialPages(i, r); lost > 0 {
			report(rule.Info, r, fmt.Sprintf("%v usable: %d bytes at its ends are less than a page and stay unused", r, lost), i)
		}
	}
}

// partialPages returns how many bytes r, entry i, loses where RAM begins or ends
// within a page above 1 MiB. RAM that goes on in the next entry loses nothing.
func (s *subject) partialPages(i int, r memmap.Range) (lost uint64) {
	if !s.usable(i) {
		return 0
	}
	if r.Start > memmap.MiB && !s.ram.Contains(r.Start-1) {
		lost += memmap.AlignUp(r.Start, memmap.PageSize) - r.Start
	}
	if r.End > memmap.MiB && !s.ram.Contains(r.End) {
		lost += r.End % memmap.PageSize
	}
	return min(lost, r.Len())
}
