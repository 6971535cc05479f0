package check

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

var footprintRule = rule.Rule{
	ID: "footprint", Severity: rule.Error,
	Title: "a loader that allocates what the header states is overrun",
	Text: "A loader knows the size of a kernel from its header alone: init_size and pref_address of a bzImage, SizeOfImage of a PE " +
		"image. It keeps that much memory free and may use what lies behind it. Boot code that writes on past the end of that " +
		"memory overwrites something of the loader's or of the firmware's.",
	Example: "a kernel of 64 MiB whose header says init_size = 56 MiB",
	Sources: []string{"Documentation/arch/x86/boot.rst (v6.12), init_size", "requirement R6 of the April 2023 thread: the header describes the real footprint"},
}

// footprint watches writes that begin in memory that a loader or the firmware has given
// and end beyond it.
type footprint struct{ once }

func (*footprint) Watches() sim.Ops { return sim.Writes }

func (c *footprint) Step(m *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	if s.Phase <= sim.Loader {
		return
	}
	inside := sim.Owner{}
	m.Owner.Over(s.Range, func(o memmap.Span[sim.Owner]) bool {
		if o.Value != (sim.Owner{}) && o.Value.Phase <= sim.Loader {
			inside = o.Value
			return true
		}
		if inside == (sim.Owner{}) || !c.first(s.Object, inside.Object) {
			return inside == sim.Owner{}
		}
		f := found(footprintRule, s)
		f.Range, f.Other = o.Range, inside.Object
		f.Message = fmt.Sprintf("%s is written past the end of %s, up to %#x", s.Object, inside.Object, s.Range.End)
		report(f)
		return false
	})
}
