package main

import (
	"strings"

	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/design"
	"bootplan/sim/report"
)

// trials are boots of the same kernel on a slightly different machine, by which a
// comparison finds out what a design can do.
var trials = []struct {
	name   string
	change func(*sim.Scenario)
}{
	{report.TrialHandover, func(sc *sim.Scenario) { sc.Loader = "handover" }},
	{report.TrialMixedMode, func(sc *sim.Scenario) { sc.Firmware.IA32, sc.CPU.LA57 = true, false }},
	{report.TrialLimit, func(sc *sim.Scenario) {
		sc.Cmdline = strings.TrimSpace(sc.Cmdline + " mem=1G")
		sc.Random = sim.Fixed{Seed: [2]uint32{^uint32(0), ^uint32(0)}, PhysicalValue: 1 << 20} // as high as it gets
	}},
}

// try boots d on each of the other machines. Without EFI firmware they would tell
// nothing, and a design that has nothing to do on one has no result.
func try(sc *sim.Scenario, d *design.Design) map[string]*sim.Result {
	if sc.Map.Kind != memmap.EFI {
		return nil
	}
	results := map[string]*sim.Result{}
	for _, trial := range trials {
		other := *sc
		other.Policy = sim.Policy{}
		trial.change(&other)
		if r, err := sim.Run(d, &other, sim.Options{}); err == nil {
			results[trial.name] = r
		}
	}
	return results
}
