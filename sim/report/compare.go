package report

import (
	"bootplan/sim"
	"bootplan/sim/design"
)

// A Boot is one design on the machine that a comparison is about, and on others like it.
type Boot struct {
	Design *design.Design
	Result *sim.Result
	Trials map[string]*sim.Result // by the names below; none where there is nothing to try
}

// name is what a table calls the boot.
func (b Boot) name() string {
	if b.Design.Info.Proposal {
		return b.Result.Design + " (proposal)"
	}
	return b.Result.Design
}

// The trials, from which a comparison learns what a design can do.
const (
	TrialHandover  = "handover protocol" // a boot loader enters the kernel by it
	TrialMixedMode = "32-bit firmware"
	TrialLimit     = "obeys mem=" // mem=1G, and random numbers that choose the highest place
)

// Comparison is several designs on one machine.
type Comparison struct {
	Schema string     `json:"schema"`
	Runs   []Run      `json:"runs"`
	Matrix []Property `json:"matrix"`
}

// Property is one line of a comparison: what it asks, and each design's answer.
type Property struct {
	Group    string            `json:"group"`
	Property string            `json:"property"`
	Stated   bool              `json:"stated,omitempty"` // the design says so; nothing is computed
	Policy   string            `json:"policy,omitempty"` // under which it holds, where several are compared
	Values   map[string]string `json:"values"`
}

// Compare makes the comparison of boots.
func Compare(boots []Boot) Comparison {
	c := Comparison{Schema: Schema, Runs: []Run{}, Matrix: []Property{}}
	for _, b := range boots {
		c.Runs = append(c.Runs, NewRun(b.Result))
	}
	for _, g := range groups {
		for _, q := range g.questions {
			line := Property{Group: g.name, Property: q.name, Stated: q.stated, Values: map[string]string{}}
			for _, b := range boots {
				line.Values[b.Result.Design] = q.answer(b)
			}
			c.Matrix = append(c.Matrix, line)
		}
	}
	return c
}
