package lint

import (
	"fmt"

	"bootplan/rule"
)

var overlapRule = rule.Rule{
	ID: "map-overlap", Severity: rule.Error,
	Title: "two entries describe the same bytes",
	Text: "Where one of the two entries offers RAM and the other does not, this is an error: what happens depends on who reads the map. " +
		"The kernel sorts its e820 table and lets the higher type number win, which is the safe side. " +
		"The decompressor reads the entries one by one, so KASLR may put the kernel into memory that another entry reserves. " +
		"Entries that agree on whether the bytes are RAM are reported as a warning: KASLR counts such memory twice.",
	Example: "[mem 0x00100000-0x7fffffff] usable\n[mem 0x70000000-0x70ffffff] reserved",
	Sources: []string{
		"arch/x86/kernel/e820.c:e820__update_table (v6.12)",
		"arch/x86/boot/compressed/kaslr.c:process_e820_entries (v6.12)",
	},
}

// overlap compares each entry with the farthest reaching one of those that start
// before it, among those that offer RAM and among the others. Comparing all pairs
// would be quadratic, and would say the same many times.
func overlap(s *subject, report report) {
	type far struct {
		index int
		end   uint64
	}
	reach := map[bool]far{}
	for _, j := range s.order {
		r, usable := s.proper(j), s.usable(j)
		if other := reach[!usable]; other.end > r.Start {
			s.shared(report, rule.Error, other.index, j)
		} else if same := reach[usable]; same.end > r.Start {
			s.shared(report, rule.Warning, same.index, j)
		}
		if r.End > reach[usable].end {
			reach[usable] = far{j, r.End}
		}
	}
}

func (s *subject) shared(report report, severity rule.Severity, i, j int) {
	r := s.proper(i).Intersect(s.proper(j))
	message := fmt.Sprintf("%v is %s in one entry and %s in another", r, s.TypeName(i), s.TypeName(j))
	if s.TypeName(i) == s.TypeName(j) {
		message = fmt.Sprintf("%v is %s in two entries", r, s.TypeName(i))
	}
	report(severity, r, message, i, j)
}
