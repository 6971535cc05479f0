package sim

import (
	"bootplan/memmap"
	"bootplan/rule"
)

// Finding is one thing that a check objects to.
type Finding struct {
	Rule     string
	Severity rule.Severity
	Step     int          // index into Result.Steps, or AtEnd
	Range    memmap.Range // where
	Object   string       // what did it
	Other    string       // what it was done to, may be empty
	Message  string       // one sentence for a person
	Fault    bool         // the processor stops the boot here
}

// AtEnd is the Step of a finding about a boot as a whole.
const AtEnd = -1

// Failure is why a boot cannot complete.
type Failure struct {
	Rule    string // the rule it breaks: "no-memory"
	Message string // what the boot code itself says, or what happens
}

func (f *Failure) Error() string { return f.Rule + ": " + f.Message }

// report keeps f; checks call it for the step that is about to be recorded.
func (b *Boot) report(f Finding) {
	f.Step = b.result.count
	b.result.Findings = append(b.result.Findings, f)
}

// findAtEnd keeps what a check says when the boot has ended.
func (b *Boot) findAtEnd(f Finding) {
	f.Step = AtEnd
	b.result.Findings = append(b.result.Findings, f)
}

// Find lets a design report what no check can see, such as a surprise in an algorithm.
func (b *Boot) Find(f Finding) {
	f.Step = max(0, b.result.count-1)
	b.result.Findings = append(b.result.Findings, f)
}
