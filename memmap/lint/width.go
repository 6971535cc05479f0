package lint

import (
	"fmt"

	"bootplan/rule"
)

var physicalWidthRule = rule.Rule{
	ID: "map-physical-width", Severity: rule.Error,
	Title: "an entry beyond the CPU's physical address bits",
	Text: "A CPU drives a fixed number of physical address bits, 52 at most; a page table entry with a higher bit set faults. " +
		"RAM out there is an error. Anything else out there is a warning: nothing can use it.",
	Example: "[mem 0x0010000000000000-0x001000000fffffff] usable",
	Sources: []string{"Intel SDM vol. 3, 4.1.4 (MAXPHYADDR)"},
}

func physicalWidth(s *subject, report report) {
	limit := uint64(1) << s.opts.PhysBits
	for _, i := range s.order {
		r := s.proper(i)
		if r.End <= limit {
			continue
		}
		severity := rule.Warning
		if s.usable(i) {
			severity = rule.Error
		}
		report(severity, r, fmt.Sprintf("%v %s needs more than %d address bits", r, s.TypeName(i), s.opts.PhysBits), i)
	}
}
