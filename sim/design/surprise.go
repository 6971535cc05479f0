package design

import (
	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

// surprise is odd behaviour of the real code that a boot shows, as the packages that
// decide placements find it.
type surprise struct {
	Rule     string
	Severity rule.Severity
	Range    memmap.Range
	Message  string
}

// report tells of s; object is what it happened to.
func (s surprise) report(b *sim.Boot, object string) {
	b.Find(sim.Finding{Rule: s.Rule, Severity: s.Severity, Range: s.Range, Object: object, Message: s.Message})
}
