package alloc

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/rule"
)

// Finding is one surprise in one allocation.
type Finding struct {
	Rule     string // one of Rules
	Severity rule.Severity
	Range    memmap.Range // of memory; empty, for none of them is about one place
	Message  string       // one sentence
}

// RandomAllocFindings tells which of Rules show when RandomAlloc, asked for q on a
// map, answers with status.
func RandomAllocFindings(q Request, descs []memmap.EFIDescriptor, status Status) []Finding {
	var list []Finding
	report := func(id, format string, args ...any) {
		list = append(list, Finding{Rule: id, Severity: rule.SeverityOf(Rules(), id), Message: fmt.Sprintf(format, args...)})
	}
	s := q.rule()
	total, _ := s.count(descs)
	if q.Size != 0 && s.size == 0 {
		report(ruleSizeWraps, "%#x bytes, rounded up to pages, are none", q.Size)
	}
	if total > 1<<32 {
		report(ruleSlotsOverflow, "%#x slots are more than a 32-bit seed can choose from: the product loses its high bits", total)
	}
	switch {
	case status == Success:
	case status == NoAddress:
		report(ruleNoAddress, "no place was found, and the caller is told of success")
	case total > 1:
		report(ruleOneTry, "the firmware refused what it was asked for: 1 of the %d places that the map shows; the others are not tried", total)
	}
	return list
}
