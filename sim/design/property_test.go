package design_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/memmap/mapgen"
	"bootplan/sim"
	"bootplan/sim/check"
	"bootplan/sim/design"
)

// draws are the random numbers of a boot.
func draws(t *rapid.T) sim.Fixed {
	return sim.Fixed{
		PhysicalValue: rapid.Uint64().Draw(t, "physical"),
		VirtualValue:  rapid.Uint64().Draw(t, "virtual"),
		Seed:          [2]uint32{rapid.Uint32().Draw(t, "seed0"), rapid.Uint32().Draw(t, "seed1")},
	}
}

func options(t *rapid.T, sc *sim.Scenario) *sim.Scenario {
	sc.CPU = sim.CPU{LA57: rapid.Bool().Draw(t, "la57"), NX: rapid.Bool().Draw(t, "nx")}
	sc.Cmdline = rapid.SampledFrom([]string{"", "nokaslr", "no5lvl", "mem=2G quiet"}).Draw(t, "cmdline")
	sc.Initrd.Size = rapid.SampledFrom([]uint64{0, 1, 64 * memmap.MiB}).Draw(t, "initrd")
	sc.Random = draws(t)
	return sc
}

// TestStubStaysInItsMemory: whatever the map, the stub uses memory that the
// firmware gave it and nothing else, and the kernel lies in what was free.
func TestStubStaysInItsMemory(t *testing.T) {
	kernel := debian612(t)
	stub, err := design.Named("efistub")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		m := &memmap.Map{Kind: memmap.EFI, Descriptors: rapid.OneOf(mapgen.EFI(), mapgen.RealisticEFI()).Draw(t, "map")}
		sc := options(t, &sim.Scenario{Map: m, Kernel: kernel})
		r, err := sim.Run(stub, sc, sim.Options{Trace: true, Checks: check.All()})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Findings {
			if slices.Contains([]string{"clobber", "not-ram", "not-owned", "firmware-touched", "low-memory", "stale-exec", "unmapped"}, f.Rule) {
				t.Errorf("%s at step %d: %s", f.Rule, f.Step+1, f.Message)
			}
		}
		block, placed := r.Placement("kernel_block")
		if !placed {
			return
		}
		free := &memmap.Set{}
		for _, d := range m.Descriptors {
			if r, err := d.Range(); err == nil && d.Type == memmap.EFIConventional {
				free.Add(r)
			}
		}
		if !free.Covers(block.Range) || block.Range.Start%(2*memmap.MiB) != 0 || block.Range.Start < 16*memmap.MiB {
			t.Errorf("kernel block %v: not free, not aligned, or too low", block.Range)
		}
	})
}

// TestHostileMaps: nonsense gives a result or an error, never a panic or a hang,
// and the same nonsense gives the same result, traced or not.
func TestHostileMaps(t *testing.T) {
	kernel := debian612(t)
	rapid.Check(t, func(t *rapid.T) {
		m := &memmap.Map{Kind: memmap.E820, Entries: mapgen.HostileE820().Draw(t, "e820")}
		if rapid.Bool().Draw(t, "efi") {
			m = &memmap.Map{Kind: memmap.EFI, Descriptors: mapgen.HostileEFI().Draw(t, "map")}
		}
		sc := options(t, &sim.Scenario{Map: m, Kernel: kernel})
		for _, d := range design.All() {
			traced, err := sim.Run(d, sc, sim.Options{Trace: true, Checks: check.All()})
			again, againErr := sim.Run(d, sc, sim.Options{Checks: check.All()})
			if (err == nil) != (againErr == nil) {
				t.Fatalf("%s: %v, then %v", d.Name(), err, againErr)
			}
			if err != nil {
				if errors.Is(err, alloc.ErrNoMemory) {
					t.Errorf("%s: %v: expected a result", d.Name(), err)
				}
				continue
			}
			if diff := cmp.Diff(traced.Findings, again.Findings); diff != "" {
				t.Errorf("%s: the trace changes the findings:\n%s", d.Name(), diff)
			}
			if traced.StepCount() != len(traced.Steps) || again.StepCount() != traced.StepCount() {
				t.Errorf("%s: %d steps, %d traced, then %d", d.Name(), traced.StepCount(), len(traced.Steps), again.StepCount())
			}
		}
	})
}
