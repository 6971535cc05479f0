package trampoline

import (
	"fmt"

	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/rule"
)

// Walk is a placement together with the way to it.
type Walk struct {
	Placement
	Version linux.Version
	Bound   Bound
	Visits  []Visit // from the last entry of the table to where the search ended; none before v4.19
	input   *Input
}

// Explain does what Find does, and records every step.
func Explain(in *Input, v linux.Version) *Walk {
	w := &Walk{}
	w.Explain(in, v)
	return w
}

// Explain makes w the walk of another search, in the same memory.
func (w *Walk) Explain(in *Input, v linux.Version) {
	*w = Walk{Version: v, Bound: bound(in, v), Visits: w.Visits[:0], input: in}
	w.Placement = search(in.Table, v, w.Bound.Limit, Size, &w.Visits)
}

// Found reports whether an entry of the table was taken. If not, the place is just
// below the limit, whatever is there.
func (w *Walk) Found() bool {
	n := len(w.Visits)
	return n > 0 && w.Visits[n-1].Verdict == Taken
}

// Finding is a rule that a placement breaks.
type Finding struct {
	Rule     string
	Severity rule.Severity
	Range    memmap.Range // of memory, may be empty
	Message  string
}

// ruleNotRAM is the identifier of the check on any access outside RAM, which is not
// among the Rules of this package.
const ruleNotRAM = "not-ram"

// Findings are what is wrong with the placement, the most important first: rules of
// this package, and "not-ram".
func (w *Walk) Findings() []Finding {
	pages, err := w.Range()
	if err != nil {
		return w.Surprises()
	}
	var list []Finding
	if missing := usable(w.input.Table).Missing(pages); !missing.Empty() {
		list = append(list, Finding{ruleNotRAM, rule.Error, missing,
			fmt.Sprintf("the trampoline at %v lies %s", pages, w.where(missing.Start))})
	}
	return append(list, w.Surprises()...)
}

// Surprises are the findings of this package's own rules.
func (w *Walk) Surprises() []Finding {
	pages, err := w.Range()
	if err != nil {
		return []Finding{finding(wraps, pages, "%#x lies two pages below %#x: the subtraction wrapped around",
			w.Start, w.Start+Size)}
	}
	var list []Finding
	if w.Start == 0 {
		list = append(list, finding(pageZero, pages, "page 0 holds the interrupt vectors and the BIOS data area"))
	}
	if w.Version >= linux.V4_19 && !w.Found() {
		list = append(list, finding(guessed, pages, "no usable entry below %#x holds two pages", pages.End))
	}
	return append(list, w.searchFindings()...)
}

// searchFindings are those about the steps of the search.
func (w *Walk) searchFindings() []Finding {
	var list []Finding
	limit := w.Bound.Limit
	for _, v := range w.Visits {
		r, _ := v.E820.Range()
		switch {
		case v.Verdict == GivesUp:
			list = append(list, finding(givesUp, r, "entry %d ends the search: it ends below 8 KiB", v.Entry))
		case v.Verdict == TooSmall && v.Limit < limit:
			list = append(list, finding(lowered, r, "entry %d is too small, and lowers the limit from %#x to %#x",
				v.Entry, limit, v.Limit))
		}
		limit = v.Limit
	}
	return list
}

// where says what the table knows about an address that is not usable.
func (w *Walk) where(addr uint64) string {
	for _, e := range w.input.Table {
		if r, err := e.Range(); err == nil && e.Type != memmap.E820RAM && r.Contains(addr) {
			return fmt.Sprintf("in memory that the e820 map states as %v", e.Type)
		}
	}
	return "where the e820 map states no memory"
}

// usable returns the RAM of a table that no entry of another type covers.
func usable(table []memmap.E820Entry) *memmap.Set {
	ram := &memmap.Set{}
	for _, e := range table {
		if r, err := e.Range(); err == nil && e.Type == memmap.E820RAM {
			ram.Add(r)
		}
	}
	for _, e := range table {
		if r, err := e.Range(); err == nil && e.Type != memmap.E820RAM {
			ram.Remove(r)
		}
	}
	return ram
}
