package lint

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"bootplan/memmap"
	"bootplan/rule"
)

// Finding is one thing that is odd in a map.
type Finding struct {
	Rule     string
	Severity rule.Severity
	Entries  []int        // indexes of the map's entries, ascending; empty for what is missing from a map or concerns two
	Range    memmap.Range // the bytes concerned; empty for an entry without length
	Message  string       // one line; it names the range
	Count    int          // 1; more where the finding stands for that many that are not listed
}

// Options are the facts about the machine that a map does not state.
type Options struct {
	PhysBits int  // physical address bits of the CPU, at most 63; 0 stands for 52, the most that x86 has
	Part     bool // the map is a part of the machine's map: nothing is said about what it lacks
}

// Rules lists all rules of the package.
func Rules() []rule.Rule {
	rules := slices.Clone(pairRules)
	for _, c := range checks {
		rules = append(rules, c.rule)
	}
	slices.SortFunc(rules, func(a, b rule.Rule) int { return cmp.Compare(a.ID, b.ID) })
	return rules
}

// Map returns what is odd in m: the worst first, then rule by rule, then by address.
// Of many findings that one rule makes with one severity, the lowest are listed, and
// one more stands for the others.
func Map(m *memmap.Map, opts Options) []Finding {
	if opts.PhysBits == 0 {
		opts.PhysBits = 52
	}
	s := &subject{Map: m, opts: opts, ram: m.RAM()}
	for _, i := range m.Order() {
		if r, err := m.Range(i); err == nil && !r.Empty() {
			s.order = append(s.order, i)
		}
	}
	var found []Finding
	for _, c := range checks {
		c.run(s, func(severity rule.Severity, r memmap.Range, message string, entries ...int) {
			slices.Sort(entries)
			found = append(found, Finding{c.rule.ID, severity, entries, r, message, 1})
		})
	}
	return abridge(found)
}

// A check applies one rule.
type check struct {
	rule rule.Rule
	run  func(*subject, report)
}

// report takes one finding of the rule that runs.
type report func(severity rule.Severity, r memmap.Range, message string, entries ...int)

// subject is a map with the views of it that several rules need.
type subject struct {
	*memmap.Map
	opts  Options
	order []int       // the entries that have a proper range with at least one byte, by start
	ram   *memmap.Set // what they offer as RAM
}

// usable reports whether entry i offers RAM.
func (s *subject) usable(i int) bool {
	if s.Kind == memmap.EFI {
		t, ok := s.Descriptors[i].E820Type(memmap.ConvertOptions{UnacceptedMemory: true})
		return ok && t == memmap.E820RAM
	}
	return s.Entries[i].Type == memmap.E820RAM
}

// proper returns the bytes of an entry of s.order.
func (s *subject) proper(i int) memmap.Range {
	r, _ := s.Range(i) // s.order holds no entry for which there is an error
	return r
}

var checks = []check{
	{emptyRule, empty},
	{singleRule, single},
	{wrapRule, wrap},
	{zeroLengthRule, zeroLength},
	{overlapRule, overlap},
	{noRAMRule, noRAM},
	{noRAMBelow4GRule, noRAMBelow4G},
	{noLowRAMRule, noLowRAM},
	{ramOnDeviceRule, ramOnDevice},
	{physicalWidthRule, physicalWidth},
	{unalignedRule, unaligned},
	{runtimeUnmappedRule, runtimeUnmapped},
	{runtimeAttributeRule, runtimeAttribute},
	{noWriteBackRule, noWriteBack},
	{unknownTypeRule, unknownType},
	{manyEntriesRule, manyEntries},
	{smallHoleRule, smallHole},
	{unsortedRule, unsorted},
}

// listed is how many findings of one rule and severity are listed.
const listed = 5

// abridge sorts found by severity, rule (in the order in which they come) and
// address, and replaces all but the lowest findings of a rule by one.
func abridge(found []Finding) []Finding {
	rank := map[string]int{}
	for _, f := range found {
		if _, ok := rank[f.Rule]; !ok {
			rank[f.Rule] = len(rank)
		}
	}
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(rank[a.Rule], rank[b.Rule]), cmp.Compare(a.Range.Start, b.Range.Start))
	})
	var list []Finding
	for len(found) > 0 {
		n := 1
		for n < len(found) && found[n].Rule == found[0].Rule && found[n].Severity == found[0].Severity {
			n++
		}
		if n > listed+1 {
			list = append(append(list, found[:listed]...), others(found[listed:n]))
		} else {
			list = append(list, found[:n]...)
		}
		found = found[n:]
	}
	return list
}

// others is the finding that stands for all of found, which are of one rule.
func others(found []Finding) Finding {
	hull := memmap.Range{Start: math.MaxUint64}
	for _, f := range found {
		hull.Start, hull.End = min(hull.Start, f.Range.Start), max(hull.End, f.Range.End)
	}
	return Finding{
		Rule: found[0].Rule, Severity: found[0].Severity, Range: hull,
		Message: fmt.Sprintf("%d more of this kind within %v", len(found), hull),
		Count:   len(found),
	}
}
