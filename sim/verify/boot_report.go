package verify

import "slices"

// Fact is one thing that a recording states of a boot, held against the simulation.
type Fact struct {
	Name      string `json:"fact"`      // "boot_params", "e820" …
	Predicted Value  `json:"predicted"` // nil: nothing
	Recorded  Value  `json:"recorded"`  // nil: nothing
	Equal     bool   `json:"equal"`
	// Probability is how likely the recorded outcome was, where the random number that
	// chose it was not recorded; 0 elsewhere.
	Probability float64 `json:"probability,omitempty"`
	Reason      string  `json:"reason,omitempty"` // why the fact is not predicted; empty: it is
}

// Differs reports whether the simulation predicts something else than was recorded.
func (f *Fact) Differs() bool { return f.Reason == "" && !f.Equal }

// BootReport is one verified boot.
type BootReport struct {
	Name         string   `json:"name"`
	Design       string   `json:"design,omitempty"` // the design that was run; empty: none
	Notes        []string `json:"notes,omitempty"`  // what was assumed, and what the recording lacks
	Facts        []Fact   `json:"facts"`
	Equal        int      `json:"equal"`
	Differ       int      `json:"differ"`
	NotPredicted int      `json:"not_predicted"`
}

// facts fills a report.
type facts struct {
	*BootReport
	blocked string // why nothing is predicted; empty: the boot was simulated
}

// fact compares what was recorded under a name with what predict says; nothing was
// recorded if recorded is nil. Where it predicts nothing, predict says why.
func (f *facts) fact(name string, recorded Value, predict func() (predicted Value, why string)) {
	if recorded == nil {
		return
	}
	if f.blocked != "" {
		f.add(Fact{Name: name, Recorded: recorded, Reason: f.blocked})
		return
	}
	predicted, why := predict()
	if why != "" {
		f.add(Fact{Name: name, Recorded: recorded, Reason: why})
		return
	}
	f.add(Fact{Name: name, Predicted: predicted, Recorded: recorded, Equal: same(predicted, recorded)})
}

// among compares what a random number chose that was not recorded: it must be one of
// the places that there were.
func (f *facts) among(name string, recorded Value, places uint64, probability float64) {
	if f.blocked != "" {
		f.add(Fact{Name: name, Recorded: recorded, Reason: f.blocked})
		return
	}
	f.add(Fact{Name: name, Predicted: Places{places}, Recorded: recorded, Equal: probability > 0, Probability: probability})
}

func (r *BootReport) add(f Fact) {
	switch {
	case f.Reason != "":
		r.NotPredicted++
	case f.Equal:
		r.Equal++
	default:
		r.Differ++
	}
	r.Facts = append(r.Facts, f)
}

// note adds a remark, once.
func (r *BootReport) note(text string) {
	if !slices.Contains(r.Notes, text) {
		r.Notes = append(r.Notes, text)
	}
}
