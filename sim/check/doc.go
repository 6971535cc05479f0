// Package check holds the checks that watch a simulated boot, one file per rule or
// family of rules. A check sees each step just before it takes effect and reports
// what is wrong with it; it never changes anything.
package check

import (
	"bootplan/rule"
	"bootplan/sim"
)

// All returns a fresh set of every check. Checks keep state, so a set serves one runner.
func All() []sim.Check {
	return []sim.Check{
		&clobber{},
		&overrun{},
		&staleExec{},
		&notRAM{},
		&firmwareTouched{},
		&notOwned{},
		&lowMemory{},
		&trapped{kind: sim.NotMapped, rule: unmappedRule},
		&trapped{kind: sim.NoExecute, rule: nxExecRule},
		&trapped{kind: sim.WriteProtected, rule: roWriteRule},
		&trapped{kind: sim.NotAccepted, rule: unacceptedRule},
		&nxStripped{},
		&wxMapped{},
		&wxUsed{},
		&selfRelocated{},
		&demandMap{},
		&pePromise{},
		&useAfterFree{},
		&badFree{},
		&above4G{},
		&outOfRange{},
		&footprint{},
		&exhausted{pool: sim.Heap, rule: heapExhaustedRule, spare: 1},
		&exhausted{pool: sim.Stack, rule: stackExhaustedRule},
		&bssDirty{},
	}
}

// Rules are the rules that simulated boots can break, sorted by identifier.
func Rules() []rule.Rule {
	return []rule.Rule{
		above4GRule, badFreeRule, bssDirtyRule, clobberRule, demandMapRule, firmwareIgnoredRule, firmwareRefusedRule, firmwareTouchedRule,
		footprintRule, heapExhaustedRule, imageRefusedRule, lowMemoryRule, neverReturnsRule, noMemoryRule, notOwnedRule,
		notRAMRule, nxExecRule, nxStrippedRule, outOfRangeRule, overrunRule, pageTablesExhaustedRule, pePromiseRule,
		policyIgnoredRule, roWriteRule, selfRelocatedRule, stackExhaustedRule, staleExecRule, unacceptedRule, unmappedRule,
		unsupportedRule, useAfterFreeRule, wxMappedRule, wxUsedRule,
	}
}

// atOnce checks say what they find at the step that shows it.
type atOnce struct{}

// End does nothing.
func (atOnce) End(*sim.Machine, func(sim.Finding)) {}

// stateless checks have nothing to forget either.
type stateless struct{ atOnce }

// Begin does nothing.
func (stateless) Begin() {}

// once remembers for what a rule has fired, so that a rule says a thing once and
// not at every step that shows it.
type once struct {
	atOnce
	seen map[[2]string]bool
}

// Begin forgets the last boot.
func (o *once) Begin() { clear(o.seen) }

// first reports whether what object did to other is new, and remembers it.
func (o *once) first(object, other string) bool {
	key := [2]string{object, other}
	if o.seen[key] {
		return false
	}
	if o.seen == nil {
		o.seen = map[[2]string]bool{}
	}
	o.seen[key] = true
	return true
}

// found makes a finding of r about s.
func found(r rule.Rule, s *sim.Step) sim.Finding {
	return sim.Finding{Rule: r.ID, Severity: r.Severity, Range: s.Range, Object: s.Object}
}
