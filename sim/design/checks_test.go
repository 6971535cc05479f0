package design_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/memmap"
	"bootplan/memmap/mapgen"
	"bootplan/rule"
	"bootplan/sim"
	"bootplan/sim/check"
	"bootplan/sim/design"
)

// saneBoot is any design on a generated map that a machine could have, under any policy.
func saneBoot(t *rapid.T) (*design.Design, *sim.Scenario) {
	d := rapid.SampledFrom(design.All()).Draw(t, "design")
	m := &memmap.Map{Kind: memmap.EFI, Descriptors: mapgen.RealisticEFI().Draw(t, "map")}
	if slices.Contains([]string{"D2", "D4b", "D9", "D10", "D11"}, d.Info.Identifier) && rapid.Bool().Draw(t, "bios") {
		m = &memmap.Map{Kind: memmap.E820, Entries: mapgen.RealisticE820().Draw(t, "e820")}
	}
	sc := options(t, &sim.Scenario{Map: m})
	sc.Policy = policy(t, rapid.SampledFrom(sim.Policies()).Draw(t, "policy"))
	return d, sc
}

// TestChecksOnlyWatch: turning a check off takes its findings away and changes nothing
// else, and the same scenario gives the same result with all of them.
func TestChecksOnlyWatch(t *testing.T) {
	kernel := debian612(t)
	rapid.Check(t, func(t *rapid.T) {
		d, sc := saneBoot(t)
		sc.Kernel = kernel
		all, err := sim.Run(d, sc, sim.Options{Trace: true, Checks: check.All()})
		if err != nil {
			t.Fatal(err)
		}
		checks := check.All()
		off := rapid.IntRange(0, len(checks)-1).Draw(t, "off")
		fewer, err := sim.Run(d, sc, sim.Options{Trace: true, Checks: slices.Delete(checks, off, off+1)})
		if err != nil {
			t.Fatal(err)
		}
		alone, err := sim.Run(d, sc, sim.Options{Trace: true, Checks: check.All()[off : off+1]})
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range []*sim.Result{fewer, alone} {
			if diff := cmp.Diff(all.Steps, other.Steps); diff != "" {
				t.Errorf("%s: steps with all checks and without check %d: %s", d.Name(), off, diff)
			}
			if all.Outcome != other.Outcome || all.Failure != other.Failure {
				t.Errorf("%s: %s %q, and %s %q", d.Name(), all.Outcome, all.Failure, other.Outcome, other.Failure)
			}
		}
		// What a design itself reports is in both of the others.
		none, err := sim.Run(d, sc, sim.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := len(fewer.Findings)+len(alone.Findings)-len(none.Findings), len(all.Findings); got != want {
			t.Errorf("%s: %d findings without check %d and by it alone, %d by all", d.Name(), got, off, want)
		}
	})
}

// TestDesignsFreeWhatIsTheirs: no design frees what it does not own or uses what it has
// freed, whatever the map.
func TestDesignsFreeWhatIsTheirs(t *testing.T) {
	kernel := debian612(t)
	rapid.Check(t, func(t *rapid.T) {
		d, sc := saneBoot(t)
		sc.Kernel = kernel
		r, err := sim.Run(d, sc, sim.Options{Checks: check.All()})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Findings {
			if slices.Contains([]string{"bad-free", "use-after-free", "bss-dirty", "above-4g", "stack-exhausted", "heap-exhausted"}, f.Rule) {
				t.Errorf("%s: %s at step %d: %s", d.Name(), f.Rule, f.Step+1, f.Message)
			}
		}
	})
}

// TestCleanDesigns: where the firmware offers the memory attribute protocol, the present
// EFI stubs and the redesign of zboot break no rule that is an error, however memory is
// laid out.
func TestCleanDesigns(t *testing.T) {
	kernel := debian612(t)
	rapid.Check(t, func(t *rapid.T) {
		stub, err := design.Named(rapid.SampledFrom([]string{"efistub", "efistub@v7.2", "zboot-x86-2025"}).Draw(t, "design"))
		if err != nil {
			t.Fatal(err)
		}
		m := &memmap.Map{Kind: memmap.EFI, Descriptors: mapgen.RealisticEFI().Draw(t, "map")}
		sc := options(t, &sim.Scenario{Map: m, Kernel: kernel})
		sc.Policy = policy(t, rapid.SampledFrom([]string{"ovmf-attr", "edk2-nx-attr", "edk2-nx-image-attr", "strict", "strict-block"}).Draw(t, "policy"))
		r, err := sim.Run(stub, sc, sim.Options{Checks: check.All()})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Findings {
			if f.Severity == rule.Error && r.Outcome == sim.Boots {
				t.Errorf("%s: %s at step %d: %s", stub.Name(), f.Rule, f.Step+1, f.Message)
			}
		}
	})
}

// owners watches that nobody is given what somebody else owns, but for blocks that are
// carved from the pages of a pool, and what a loader keeps free around its file.
type owners struct{ taken []string }

func (o *owners) Watches() sim.Ops                    { return sim.AllOps }
func (o *owners) Begin()                              { o.taken = nil }
func (o *owners) End(*sim.Machine, func(sim.Finding)) {}

func (o *owners) Step(m *sim.Machine, s *sim.Step, _ func(sim.Finding)) {
	if s.Op != sim.Alloc || s.Phase == sim.Loader || s.Phase == sim.Kernel {
		return
	}
	m.Owner.Over(s.Range, func(old memmap.Span[sim.Owner]) bool {
		if old.Value != (sim.Owner{}) && s.Range.Start%memmap.PageSize == 0 {
			o.taken = append(o.taken, s.Object+" from "+old.Value.Object)
		}
		return true
	})
}

// TestOneOwner: at each step every byte has one owner.
func TestOneOwner(t *testing.T) {
	kernel := debian612(t)
	boots := 0
	rapid.Check(t, func(t *rapid.T) {
		d, sc := saneBoot(t)
		sc.Kernel = kernel
		var watch owners
		r, err := sim.Run(d, sc, sim.Options{Checks: []sim.Check{&watch}})
		if err != nil {
			t.Fatal(err)
		}
		if r.Outcome == sim.Boots {
			boots++
		}
		if len(watch.taken) > 0 {
			t.Errorf("%s: %v", d.Name(), watch.taken)
		}
	})
	if boots == 0 {
		t.Error("none of the generated machines boots")
	}
	t.Logf("%d machines boot", boots)
}
