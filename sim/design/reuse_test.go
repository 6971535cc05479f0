package design_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"bootplan/image"
	"bootplan/kaslr"
	"bootplan/memmap"
	"bootplan/memmap/mapgen"
	"bootplan/sim"
	"bootplan/sim/check"
	"bootplan/sim/design"
)

// TestRunnerForgets: whatever a runner has run before, a boot is the one of a new runner.
func TestRunnerForgets(t *testing.T) {
	kernels := kernelsNamed(t, "debian-5.10", "debian-6.1", "debian-6.12", "debian-7.2")
	rapid.Check(t, func(t *rapid.T) {
		trace := rapid.Bool().Draw(t, "trace")
		used := sim.NewRunner(sim.Options{Trace: trace, Checks: check.All()})
		for range rapid.IntRange(2, 6).Draw(t, "boots") {
			d := rapid.SampledFrom(design.All()).Draw(t, "design")
			sc := anyScenario(t, kernels)
			want, wantErr := sim.Run(d, sc, sim.Options{Trace: trace, Checks: check.All()})
			got, err := used.Run(d, sc)
			if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
				t.Fatalf("%s: %v, by a new runner: %v", d.Name(), err, wantErr)
			}
			if err != nil {
				continue
			}
			if diff := cmp.Diff(want, got, asTold); diff != "" {
				t.Fatalf("%s, traced: %v: - new runner, + used runner:\n%s", d.Name(), trace, diff)
			}
		}
	})
}

// asTold compares all that results tell, and nothing of the memory that they are kept in.
var asTold = cmp.Options{
	cmpopts.EquateEmpty(),
	cmpopts.IgnoreUnexported(sim.Result{}, sim.Tables{}, kaslr.Plan{}),
	cmpopts.IgnoreFields(sim.Tables{}, "Grow"),
	cmpopts.IgnoreFields(kaslr.Input{}, "Cmdline"), // part of the scenario
	asSpans[sim.Use](), asSpans[string](), asSpans[sim.Perm](),
}

func asSpans[T comparable]() cmp.Option {
	return cmp.Transformer("spans", func(s memmap.Spans[T]) []memmap.Span[T] { return s.All() })
}

// kernelsNamed are the profiles of those names.
func kernelsNamed(t *testing.T, names ...string) []*image.Kernel {
	t.Helper()
	var kernels []*image.Kernel
	for _, name := range names {
		kernels = append(kernels, profile(t, name))
	}
	return kernels
}

// anyScenario is a machine of any kind, now and then one that says nonsense.
func anyScenario(t *rapid.T, kernels []*image.Kernel) *sim.Scenario {
	m := &memmap.Map{Kind: memmap.E820}
	if rapid.Bool().Draw(t, "efi") {
		m.Kind = memmap.EFI
		m.Descriptors = rapid.OneOf(mapgen.OVMF(), mapgen.RealisticEFI(), mapgen.EFI(), mapgen.HostileEFI()).Draw(t, "descriptors")
	} else {
		m.Entries = rapid.OneOf(mapgen.SeaBIOS(), mapgen.RealisticE820(), mapgen.E820(), mapgen.HostileE820()).Draw(t, "entries")
	}
	sc := options(t, &sim.Scenario{Map: m, Kernel: rapid.SampledFrom(kernels).Draw(t, "kernel")})
	sc.AfterExit = rapid.Bool().Draw(t, "after exit")
	sc.Loader = rapid.SampledFrom([]string{"", "", "grub", "kexec64"}).Draw(t, "loader")
	sc.ROMs = rapid.SliceOfN(rapid.Uint64Range(0, 1<<20), 0, 3).Draw(t, "ROMs")
	sc.Firmware = sim.FirmwareProfile{
		Kind: rapid.SampledFrom([]sim.FirmwareKind{sim.EDK2Stable202211, sim.EDK2Stable202605, sim.EDK2Master20260806, sim.UBoot, sim.BottomUp}).Draw(t, "firmware"),
		IA32: rapid.Bool().Draw(t, "ia32"),
	}
	sc.Services = sim.Services{RNG: rapid.Bool().Draw(t, "rng"), EventLog: rapid.Uint64Range(0, 1<<16).Draw(t, "event log")}
	var err error
	if sc.Policy, err = sim.PolicyNamed(rapid.SampledFrom(sim.Policies()).Draw(t, "policy")); err != nil {
		t.Fatal(err)
	}
	return sc
}
