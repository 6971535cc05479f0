package sim

import (
	"errors"
	"fmt"
	"reflect"

	"bootplan/rule"
)

// Options say what a run records.
type Options struct {
	Trace  bool // record every step; without it only the outcome is kept
	Checks []Check
}

// A Runner runs boots one after another in the same memory, so that a search over
// many machines makes no garbage. It serves one goroutine.
type Runner struct {
	boot    Boot
	machine Machine
	result  Result
	tables  []*Tables
	scratch map[reflect.Type]any
}

// NewRunner returns a runner that records what o says. The checks belong to it from now on.
func NewRunner(o Options) *Runner {
	r := &Runner{scratch: map[reflect.Type]any{}}
	r.boot = Boot{Machine: &r.machine, checks: o.Checks, trace: o.Trace, result: &r.result, runner: r}
	for _, c := range o.Checks {
		for op := range r.boot.watchers {
			if c.Watches().Has(Op(op)) {
				r.boot.watchers[op] = append(r.boot.watchers[op], c)
			}
		}
	}
	r.boot.heed, r.boot.closing = r.boot.report, r.boot.findAtEnd
	return r
}

// Run drives one boot to its end. The result is valid until the next run. The error is
// one of the scenario's: a boot that fails is a result.
func (r *Runner) Run(d Design, sc *Scenario) (*Result, error) {
	r.begin(sc)
	b, result := &r.boot, &r.result
	result.Design = d.Name()
	err := d.Boot(b)
	for _, c := range b.checks {
		c.End(b.Machine, b.closing)
	}
	b.settle()
	b.meter.report(b)
	m := &r.machine
	result.After = Picture{Use: m.Use, Content: m.Content, Needed: m.Needed, Tables: m.Tables}
	if b.left != nil {
		result.After.Tables, result.KernelTables = b.left, m.Tables
	}
	failure, gaveUp := errors.AsType[*Failure](err)
	switch {
	case b.stopped:
		result.Outcome = Faults
	case gaveUp:
		result.Outcome, result.Failure = Fails, failure.Message
		b.Find(Finding{Rule: failure.Rule, Severity: rule.Error, Message: failure.Message})
	case err != nil:
		return nil, fmt.Errorf("%s: %w", d.Name(), err)
	}
	return result, nil
}

// begin makes everything new, in the memory of the last run.
func (r *Runner) begin(sc *Scenario) {
	for _, t := range r.tables {
		t.taken = false
	}
	r.machine.reset(sc.Map, r.newTables("no paging"))
	if bits := sc.CPU.PhysBits; bits != 0 {
		r.machine.PhysBits = bits
	}
	r.result.reset()
	r.result.Before.Use.CopyFrom(&r.machine.Use)
	r.boot.reset(sc)
	for _, c := range r.boot.checks {
		c.Begin()
	}
}

// newTables returns empty tables, if possible used ones of an earlier run.
func (r *Runner) newTables(name string) *Tables {
	for _, t := range r.tables {
		if !t.taken {
			t.reset(name)
			return t
		}
	}
	t := &Tables{Name: name, taken: true}
	r.tables = append(r.tables, t)
	return t
}

// Run drives one boot to its end, as a [Runner] does.
func Run(d Design, sc *Scenario, o Options) (*Result, error) {
	return NewRunner(o).Run(d, sc)
}

// Scratch returns memory of type T that a design keeps from one boot of a runner to
// the next; it is the design's task to reset what it finds there.
func Scratch[T any](b *Boot) *T {
	key := reflect.TypeFor[T]()
	if kept, ok := b.runner.scratch[key]; ok {
		return kept.(*T)
	}
	fresh := new(T)
	b.runner.scratch[key] = fresh
	return fresh
}
