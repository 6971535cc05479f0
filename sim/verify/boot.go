package verify

import (
	"errors"
	"fmt"

	"bootplan/image"
	"bootplan/sim"
	"bootplan/sim/check"
	"bootplan/sim/design"
)

// verification is one recorded boot while it is held against its simulation.
type verification struct {
	facts
	c      *Capture
	kernel *image.Kernel
	sc     *sim.Scenario
	result *sim.Result
	loaded *sim.Result // of the image loader, from the map before it; nil: not recorded
	watch  *stopwatch
	known  bool   // the kernel is, and one for x86-64
	chance chance // of the recorded place, where random numbers were not recorded
}

// Verify simulates the recorded boot and compares every fact that the recording states.
func (c *Capture) Verify(kernels *Kernels) BootReport {
	v := newVerification(c)
	if err := v.simulate(kernels); err != nil {
		v.blocked = err.Error()
	}
	for _, compare := range []func(){
		v.outcome, v.fault, v.messages, v.bootCode, v.kaslrTables, v.stubAllocation, v.kernelPlace, v.earlyKernel, v.permissions,
	} {
		compare()
	}
	return *v.BootReport
}

func newVerification(c *Capture) *verification {
	return &verification{c: c, facts: facts{BootReport: &BootReport{Name: c.Name, Notes: c.Lacks, Facts: []Fact{}}}}
}

// ofKernel are facts that need the kernel, but no boot code: why is what stands
// against their prediction, if anything does.
func (v *verification) ofKernel(why string) *facts {
	f := &facts{v.BootReport, why}
	if !v.known {
		f.blocked = v.blocked
	}
	return f
}

// simulate runs the boot twice: to learn what its random numbers chose from, and with
// the numbers that were recorded, or that lead to where the kernel was found.
func (v *verification) simulate(kernels *Kernels) error {
	if a := v.c.Architecture; a != "" {
		return fmt.Errorf("the boot is of architecture %s: the designs are for x86-64", a)
	}
	if !v.c.started() {
		return errors.New("nothing in the recording shows that firmware started the kernel: only a boot that got that far can be predicted")
	}
	var err error
	if v.kernel, err = kernels.find(v.c); err != nil {
		return err
	}
	if v.kernel.Kind != image.BzImage {
		return fmt.Errorf("the kernel is of the kind %s: the designs are for x86-64", v.kernel.Kind)
	}
	v.known = true
	d, err := v.design()
	if err != nil {
		return err
	}
	v.Design = d.Name()
	if v.sc, err = v.c.scenario(v.kernel, v.note); err != nil {
		return err
	}
	first, err := sim.Run(d, v.sc, sim.Options{})
	if err != nil {
		return err
	}
	v.sc.Random = v.random(first)
	if v.loaded, err = v.load(d); err != nil {
		return err
	}
	v.watch = &stopwatch{}
	v.result, err = sim.Run(d, v.sc, sim.Options{Trace: true, Checks: append(check.All(), v.watch)})
	return err
}

// load runs the boot from the map that the firmware printed before it loaded the
// kernel, if that was recorded. Only where the image goes is of interest.
func (v *verification) load(d sim.Design) (*sim.Result, error) {
	if !v.c.runsStub() || len(v.c.Before) == 0 {
		return nil, nil
	}
	sc := *v.sc
	sc.Map, sc.AfterExit = efiMap(v.c.Before), false
	return sim.Run(d, &sc, sim.Options{})
}

// design is the one that is the recorded kernel's own boot code.
func (v *verification) design() (sim.Design, error) {
	return design.Named(design.Fitting(v.kernel, v.c.runsStub()))
}

// placed predicts what a placement of the run is, of which what tells the part that
// was recorded.
func (v *verification) placed(name string, what func(sim.Placement) Value) func() (Value, string) {
	return v.where(v.whyNotStub, name, what)
}

// where is placed, unless why tells a reason why not.
func (v *verification) where(why func() string, name string, what func(sim.Placement) Value) func() (Value, string) {
	return func() (Value, string) {
		if text := why(); text != "" {
			return nil, text
		}
		p, ok := v.result.Placement(name)
		if !ok {
			return Text("nowhere"), ""
		}
		return what(p), ""
	}
}

func noReason() string { return "" }

// whyNotStub is why what the stub allocated is not predicted; empty if it is. Between
// the last map that was recorded before and the stub, others take memory too: the
// driver of the file system, for one, takes its buffers.
func (v *verification) whyNotStub() string {
	switch {
	case !v.c.runsStub():
		return ""
	case len(v.c.After) == 0:
		return "no map at the end of boot services was recorded: what was free when the stub asked is not known"
	}
	return v.c.whyUnknownMachine()
}

// whyUnknownMachine is why a machine is not known well enough to predict what a stub
// allocates on it; empty if it is.
func (c *Capture) whyUnknownMachine() string {
	if c.CPU == "" {
		return "a log does not tell whether the CPU knows 5-level paging and whether the firmware is a 32-bit one, on which the stub's allocations depend"
	}
	return ""
}

func startOf(p sim.Placement) Value { return Address(p.Range.Start) }

func rangeOf(p sim.Placement) Value { return Range{Range: p.Range} }

// address is a recorded address; nil if there is none.
func address(a *hex) Value {
	if a == nil {
		return nil
	}
	return Address(*a)
}

// between is a recorded range; nil if an end of it is missing.
func between(start, end *hex) Value {
	if start == nil || end == nil {
		return nil
	}
	r := Range{}
	r.Start, r.End = uint64(*start), uint64(*end)
	return r
}

// whole is a recorded range; nil if it is empty.
func whole(r lastRange) Value {
	if r.Empty() {
		return nil
	}
	return Range{Range: r.Range}
}
