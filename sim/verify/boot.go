package verify

import (
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
	watch  *stopwatch
	known  bool   // the kernel is, and one for x86-64
	chance chance // of the recorded place, where random numbers were not recorded
}

// Verify simulates the recorded boot and compares every fact that the recording states.
func (c *Capture) Verify(kernels *Kernels) BootReport {
	v := &verification{c: c, facts: facts{BootReport: &BootReport{Name: c.Name, Notes: c.Lacks, Facts: []Fact{}}}}
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
	v.watch = &stopwatch{}
	v.result, err = sim.Run(d, v.sc, sim.Options{Trace: true, Checks: append(check.All(), v.watch)})
	return err
}

// design is the one that is the recorded kernel's own boot code.
func (v *verification) design() (sim.Design, error) {
	if v.c.MixedMode != nil {
		return nil, fmt.Errorf("a 64-bit kernel on 32-bit firmware: no design tells mixed mode")
	}
	return design.Named(design.Fitting(v.kernel, v.c.runsStub()))
}

// placed predicts what a placement of the run is, of which what tells the part that
// was recorded. Places that the stub asked firmware for depend on the map before.
func (v *verification) placed(name string, what func(sim.Placement) Value) func() (Value, string) {
	return func() (Value, string) {
		if why := v.unknownPlaces(); why != "" {
			return nil, why
		}
		p, ok := v.result.Placement(name)
		if !ok {
			return Text("nowhere"), ""
		}
		return what(p), ""
	}
}

// unknownPlaces is why the places of the stub's allocations cannot be predicted; empty
// if they can.
func (v *verification) unknownPlaces() string {
	if v.c.runsStub() && v.sc.AfterExit {
		return onlyMapAfter
	}
	if v.c.runsStub() && len(v.c.Before) == 0 {
		return "the firmware's map was not recorded before the stub began"
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
