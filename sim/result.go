package sim

import "bootplan/memmap"

// Outcome is how a boot ends.
type Outcome string

// The ways in which a boot ends.
const (
	Boots  Outcome = "boots"
	Fails  Outcome = "fails"  // the boot code gives up
	Faults Outcome = "faults" // the processor stops it
)

// Placement is where something ended up.
type Placement struct {
	Name    string // "kernel", "relocated_image", "paging_trampoline", "boot_params", "initrd" …
	Range   memmap.Range
	Virtual uint64 // 0: no address of its own
}

// Metric is a figure of a run.
type Metric struct {
	Name  string
	Value float64
	Unit  string // "bytes", "bits", ""
}

// Picture is the state of memory at one moment, for views that draw it.
type Picture struct {
	Use     memmap.Spans[Use]
	Content memmap.Spans[string]
	Needed  memmap.Spans[string]
	Tables  *Tables
}

// Result is one boot.
type Result struct {
	Design      string
	Outcome     Outcome
	Failure     string // why not Boots
	Placements  []Placement
	Steps       []Step // when the run was traced
	Findings    []Finding
	Metrics     []Metric
	Allocations []Allocations // by type and limit, the kernel's own left out
	Randomness  Randomness
	Messages    []string // what the boot code prints
	Assumptions []string // what the scenario left open and the design assumed
	KernelLog   []string // when the run was traced: what the kernel prints about memory, without time stamps
	IOMem       []string // when the run was traced: RAM and the kernel in /proc/iomem
	Before      Picture
	After       Picture // with the page tables that boot code leaves to the kernel

	KernelTables *Tables // those in force in the end, the kernel's own; nil: its own code did not run

	count int // steps done
}

// reset forgets a run, and keeps the memory that it took.
func (r *Result) reset() {
	*r = Result{
		Outcome: Boots, Placements: r.Placements[:0], Steps: r.Steps[:0], Findings: r.Findings[:0], Metrics: r.Metrics[:0], Allocations: r.Allocations[:0],
		Messages: r.Messages[:0], Assumptions: r.Assumptions[:0], Before: Picture{Use: r.Before.Use},
	}
}

// StepCount is the number of steps done, traced or not.
func (r *Result) StepCount() int { return r.count }

// Placement returns where name ended up; ok is false if the run did not get there.
func (r *Result) Placement(name string) (p Placement, ok bool) {
	for _, p := range r.Placements {
		if p.Name == name {
			return p, true
		}
	}
	return Placement{}, false
}

// Metric returns the figure called name; ok is false if the run has none.
func (r *Result) Metric(name string) (m Metric, ok bool) {
	for _, m := range r.Metrics {
		if m.Name == name {
			return m, true
		}
	}
	return Metric{}, false
}
