package design_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/memmap"
	"bootplan/memmap/gallery"
	"bootplan/sim"
	"bootplan/sim/check"
	"bootplan/sim/design"
)

// withChoices is a design with choices overridden: names and values in turn.
func withChoices(t *testing.T, name string, choices ...string) *design.Design {
	t.Helper()
	d, err := design.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(choices); i += 2 {
		if d, err = d.With(choices[i], choices[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// tell runs a design, traced and checked.
func tell(t *testing.T, d *design.Design, sc *sim.Scenario) *sim.Result {
	t.Helper()
	r, err := sim.Run(d, sc, sim.Options{Trace: true, Checks: check.All()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// policy is a known policy.
func policy(t rapid.TB, name string) sim.Policy {
	t.Helper()
	p, err := sim.PolicyNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// told is what a boot shows of a choice.
type told struct {
	Steps  []sim.Step
	Places []sim.Placement
}

// TestEveryChoiceOfTheStub: each value that the stub offers changes what it does or where
// things go, on firmware that protects data and has the protocol to change that.
func TestEveryChoiceOfTheStub(t *testing.T) {
	scenario := func() *sim.Scenario {
		sc := ovmf(t, "")
		sc.Policy, sc.Initrd.Size = policy(t, "edk2-nx-attr"), 20*memmap.MiB
		return sc
	}
	stub, err := design.Named("efistub")
	if err != nil {
		t.Fatal(err)
	}
	usual := tell(t, stub, scenario())
	for _, choice := range stub.Offers() {
		for _, value := range choice.Values {
			if value.Name == stub.Get(choice.Name) {
				continue
			}
			r := tell(t, withChoices(t, "efistub", choice.Name, value.Name), scenario())
			if cmp.Equal(told{usual.Steps, usual.Placements}, told{r.Steps, r.Placements}) {
				t.Errorf("%s=%s changes nothing", choice.Name, value.Name)
			}
		}
	}
}

// TestTrampolineOfTheStub: where the switch of paging levels goes and whether it runs, for
// each choice, with and without a CPU that can switch. Low memory ends at 0xa0000; what the
// firmware allocates ends there, what the decompressor's search finds at 0x9f000.
func TestTrampolineOfTheStub(t *testing.T) {
	type answer struct {
		Placed   memmap.Range
		Executed bool
	}
	r := func(start, end uint64) memmap.Range { return memmap.Range{Start: start, End: end} }
	type row struct {
		Value string
		LA57  bool
	}
	want := map[row]answer{
		{"below-4g", true}: {r(0x7de40000, 0x7de42000), true}, {"below-4g", false}: {},
		{"low-allocated", true}: {r(0x9d000, 0xa0000), true}, {"low-allocated", false}: {r(0x9d000, 0xa0000), true},
		{"low-memory", true}: {r(0x9d000, 0x9f000), true}, {"low-memory", false}: {},
		{"low-memory-always", true}: {r(0x9d000, 0x9f000), true}, {"low-memory-always", false}: {r(0x9d000, 0x9f000), true},
	}
	got := map[row]answer{}
	for at := range want {
		sc := ovmf(t, "nokaslr")
		sc.CPU.LA57 = at.LA57
		result := tell(t, withChoices(t, "efistub", "trampoline", at.Value), sc)
		if result.Outcome != sim.Boots {
			t.Errorf("%+v: %s", at, result.Failure)
		}
		p, _ := result.Placement("paging_trampoline")
		_, executed := switched(result)
		got[at] = answer{p.Range, executed}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
}

// TestTrampolineInLowMemoryFaults: where data may not be executed, the stub that borrows
// low memory dies there, as kernels before 5.19 were recorded to.
func TestTrampolineInLowMemoryFaults(t *testing.T) {
	sc := ovmf(t, "")
	sc.Policy = policy(t, "edk2-nx-attr")
	r := tell(t, withChoices(t, "efistub", "trampoline", "low-memory"), sc)
	last := r.Findings[len(r.Findings)-1]
	if r.Outcome != sim.Faults || last.Rule != "nx-exec" || last.Range.Start != 0x9e000 {
		t.Errorf("%s: %+v", r.Outcome, last)
	}
}

// TestPlaceOfTheStub: what decides the physical address. The map has room from 0x1600000
// to 0x7bb75000, and in smaller pieces above: the highest place for 56 MiB is 0x78200000.
func TestPlaceOfTheStub(t *testing.T) {
	const highest = 0x78200000
	type row struct{ Choice, Value, Cmdline string }
	for at, want := range map[row]uint64{
		{"physical", "none", ""}:                  0x1600000,
		{"physical", "stub", "nokaslr"}:           0x1600000,
		{"physical", "stub", "memmap=1M$1M"}:      0x1600000,
		{"physical", "rng", ""}:                   highest, // no EFI_RNG
		{"physical", "rng", "nokaslr"}:            highest,
		{"physical", "decompressor", "nokaslr"}:   0, // the address that it was linked for is taken: see below
		{"output", "low-alloc-above", "nokaslr"}:  0x1600000,
		{"output", "low-alloc-above", "mem=512M"}: 0x1600000,
	} {
		r := tell(t, withChoices(t, "efistub", at.Choice, at.Value), ovmf(t, at.Cmdline))
		p, _ := r.Placement("kernel")
		if p.Range.Start != want {
			t.Errorf("%+v: kernel at %#x, expected %#x", at, p.Range.Start, want)
		}
	}
	r := tell(t, withChoices(t, "efistub", "physical", "decompressor"), ovmf(t, "nokaslr"))
	if r.Outcome != sim.Fails {
		t.Errorf("16 MiB belongs to the firmware, but: %s", r.Outcome)
	}
}

// TestRNGOfTheStub: with EFI_RNG the seed decides, and the kernel gets a table of random
// bytes in memory that it keeps.
func TestRNGOfTheStub(t *testing.T) {
	sc := ovmf(t, "")
	sc.Services.RNG, sc.Random = true, sim.Fixed{}
	r := tell(t, withChoices(t, "efistub", "physical", "rng"), sc)
	if p, _ := r.Placement("kernel"); p.Range.Start != 0x1600000 {
		t.Errorf("kernel at %#x, the seed 0 chooses 0x1600000", p.Range.Start)
	}
	taken := allocations(r)
	if got := taken["RNG seed"]; got != (taking{"ACPI Reclaim", 36}) {
		t.Errorf("the seed table: %+v, expected 32 bytes behind a length of 4", got)
	}
}

// taking is a pool block or pages that were taken for an object.
type taking struct {
	Memory string
	Bytes  uint64 // written
}

// allocations are the memory types that the stub asked for, and how much it wrote there.
func allocations(r *sim.Result) map[string]taking {
	list := map[string]taking{}
	for _, s := range r.Steps {
		switch {
		case s.Op == sim.Alloc && s.Phase == sim.Stub:
			list[s.Object] = taking{Memory: s.Memory}
		case s.Op == sim.Write && list[s.Object].Memory != "":
			list[s.Object] = taking{list[s.Object].Memory, s.Range.Len()}
		}
	}
	return list
}

// TestTablesOfTheStub: what a TPM and Apple's firmware leave: an event log, temporary
// events, and a setup_data node.
func TestTablesOfTheStub(t *testing.T) {
	sc := ovmf(t, "quiet")
	sc.Initrd.Size = memmap.MiB
	sc.Services = sim.Services{EventLog: 3000, AppleProperties: 500}
	taken := allocations(tell(t, withChoices(t, "efistub", "nx", "text-ro"), sc))
	want := map[string]taking{
		"measured event":   {Memory: "Loader Data"},
		"TPM event log":    {"ACPI Reclaim", 3012},
		"Apple properties": {"Loader Data", 516},
	}
	got := map[string]taking{}
	for object := range want {
		got[object] = taken[object]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
}

// TestNoHeaderToCopy: contradictory choices are the user's mistake.
func TestNoHeaderToCopy(t *testing.T) {
	d := withChoices(t, "efistub", "pe-layout", "zboot")
	if d, err := d.With("boot-params", "copied-header"); err != nil {
		t.Fatal(err)
	} else if _, err := sim.Run(d, &sim.Scenario{Map: gallery.OVMF2G(), Kernel: debian612(t), Random: sim.Fixed{}}, sim.Options{}); err == nil {
		t.Error("expected an error: a zboot image has no setup header")
	}
}

// TestZbootInLowMemory: the question that the thread asked: zboot, but with the trampoline
// in low memory. It borrows the two pages below 0x9f000, keeps what lies there in its own
// variables, and dies there where data may not be executed.
func TestZbootInLowMemory(t *testing.T) {
	d := withChoices(t, "zboot-x86-rfc", "trampoline", "low-memory")
	for protection, want := range map[string]sim.Outcome{"ovmf": sim.Boots, "edk2-nx-attr": sim.Faults} {
		sc := ovmf(t, "")
		sc.Policy = policy(t, protection)
		r := tell(t, d, sc)
		p, _ := r.Placement("paging_trampoline")
		if r.Outcome != want || p.Range != (memmap.Range{Start: 0x9d000, End: 0x9f000}) {
			t.Errorf("%s: %s (%s), trampoline at %v", protection, r.Outcome, r.Failure, p.Range)
		}
		for _, f := range r.Findings {
			if f.Rule == "clobber" || f.Rule == "pe-promise" {
				t.Errorf("%s: %s", protection, f.Message)
			}
		}
	}
}
