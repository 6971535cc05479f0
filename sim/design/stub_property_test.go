package design_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"bootplan/memmap"
	"bootplan/memmap/mapgen"
	"bootplan/sim"
	"bootplan/sim/check"
	"bootplan/sim/design"
)

// TestAnyChoicesOfTheStub: whatever combination of choices, on whatever firmware, the stub
// uses the memory that the firmware gave it and no other, as long as it does not borrow low
// memory, and frees nothing that is not its own. It may fail or fault.
func TestAnyChoicesOfTheStub(t *testing.T) {
	kernel := debian612(t)
	borrows := []string{"low-memory", "low-memory-always"}
	forbidden := []string{
		"clobber", "not-ram", "not-owned", "firmware-touched", "low-memory", "stale-exec", "unmapped", "use-after-free", "bad-free", "unaccepted", "above-4g",
	}
	rapid.Check(t, func(t *rapid.T) {
		d, err := design.Named(rapid.SampledFrom([]string{"efistub@v6.6", "efistub", "efistub@v7.2"}).Draw(t, "design"))
		if err != nil {
			t.Fatal(err)
		}
		for _, choice := range d.Offers() {
			value := rapid.SampledFrom(choice.Values).Draw(t, choice.Name)
			if slices.Contains(borrows, value.Name) {
				continue
			}
			if d, err = d.With(choice.Name, value.Name); err != nil {
				t.Fatal(err)
			}
		}
		if d.Get("boot-params") == "copied-header" && d.Get("pe-layout") == "zboot" {
			return // a contradiction, which is an error
		}
		sc := options(t, &sim.Scenario{Kernel: kernel, Map: &memmap.Map{Kind: memmap.EFI, Descriptors: mapgen.RealisticEFI().Draw(t, "map")}})
		if sc.Policy, err = sim.PolicyNamed(rapid.SampledFrom(sim.Policies()).Draw(t, "policy")); err != nil {
			t.Fatal(err)
		}
		sc.Firmware.IA32 = rapid.Bool().Draw(t, "ia32")
		sc.Loader = rapid.SampledFrom([]string{"", "image", "handover"}).Draw(t, "loader")
		sc.Services.RNG = rapid.Bool().Draw(t, "rng")
		r, err := sim.Run(d, sc, sim.Options{Trace: true, Checks: check.All()})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Findings {
			if slices.Contains(forbidden, f.Rule) {
				t.Errorf("%s at step %d: %s", f.Rule, f.Step+1, f.Message)
			}
		}
	})
}
