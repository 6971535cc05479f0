package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/design"
)

// TestLane: one column per step where there are as many, the most of several where there
// are more, and one mark where boot services end, or the kernel begins, however wide the
// step is drawn.
func TestLane(t *testing.T) {
	step := func(p sim.Phase, op sim.Op, wx uint64) sim.Step { return sim.Step{Phase: p, Op: op, WX: wx} }
	repeat := func(s sim.Step, n int) []sim.Step {
		var steps []sim.Step
		for range n {
			steps = append(steps, s)
		}
		return steps
	}
	firmware, kernel := step(sim.Firmware, sim.Alloc, memmap.GiB), step(sim.Kernel, sim.Map, memmap.MiB)
	none, some, much := step(sim.Stub, sim.Alloc, 0), step(sim.Stub, sim.Alloc, 1), step(sim.Stub, sim.Map, 2*memmap.GiB)
	tests := []struct {
		steps []sim.Step
		want  string
	}{
		{nil, ""},
		{[]sim.Step{firmware}, ""},
		{[]sim.Step{firmware, much, kernel}, strings.Repeat("▇", laneWidth/2) + "║" + strings.Repeat("▂", laneWidth/2-1)},
		{append(append(repeat(none, laneWidth/2), repeat(some, laneWidth/4)...), repeat(much, laneWidth/4)...),
			strings.Repeat("·", laneWidth/2) + strings.Repeat("▁", laneWidth/4) + strings.Repeat("▇", laneWidth/4)},
		{append(repeat(none, 2*laneWidth-1), some), strings.Repeat("·", laneWidth-1) + "▁"},
		{[]sim.Step{some, step(sim.Stub, sim.Exit, memmap.MiB)}, strings.Repeat("▁", laneWidth/2) + "│" + strings.Repeat("▂", laneWidth/2-1)},
	}
	for _, test := range tests {
		if got := lane(&sim.Result{Steps: test.steps}); got != test.want {
			t.Errorf("%d steps: got %q, want %q", len(test.steps), got, test.want)
		}
	}
}

// booted is a boot of a design that ends so.
func booted(t *testing.T, name string, outcome sim.Outcome, failure string) Boot {
	t.Helper()
	d, err := design.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	return Boot{Design: d, Result: &sim.Result{Design: name, Outcome: outcome, Failure: failure, After: sim.Picture{Tables: &sim.Tables{}}}}
}

// TestEqualFailures: boots that fail for the same reason share its number.
func TestEqualFailures(t *testing.T) {
	fails, other := booted(t, "efistub", sim.Faults, "here\n  because"), booted(t, "efistub", sim.Fails, "there")
	var out bytes.Buffer
	err := PoliciesText(&out, []UnderPolicy{{"a", []Boot{fails, fails}}, {"b", []Boot{other, booted(t, "efistub", sim.Boots, "")}}}, "a machine", Style{})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	want := []string{"how it ends  a           b", "  efistub    FAULTS (1)  FAILS (2)", "  efistub    FAULTS (1)  boots"}
	if diff := cmp.Diff(want, lines[:3]); diff != "" {
		t.Error(diff)
	}
	for _, reason := range []string{"\n(1) here\n", "\n(2) there\n"} {
		if !strings.Contains(out.String(), reason) {
			t.Errorf("no line %q in\n%s", reason, out.String())
		}
	}
}

// TestMatrixIsWhole: every question has an answer of every design, and a design that did
// not get to the kernel claims nothing about what it did not do.
func TestMatrixIsWhole(t *testing.T) {
	c := Compare([]Boot{booted(t, "efistub", sim.Faults, "x"), booted(t, "bzimage", sim.Boots, "")})
	stated := 0
	for _, p := range c.Matrix {
		if len(p.Values) != 2 || p.Values["efistub"] == "" || p.Values["bzimage"] == "" {
			t.Errorf("%s: %v", p.Property, p.Values)
		}
		if p.Stated {
			stated++
		}
		if p.Group == "the four weaknesses" && (p.Values["efistub"] != unknown || p.Values["bzimage"] != "no") {
			t.Errorf("%s: %v", p.Property, p.Values)
		}
	}
	if stated == 0 || stated == len(c.Matrix) {
		t.Errorf("%d of %d properties are stated", stated, len(c.Matrix))
	}
}

// TestTrials: what a trial boot says of a design, and that a design which no firmware
// starts has nothing to say of firmware.
func TestTrials(t *testing.T) {
	placed := func(end uint64) *sim.Result {
		return &sim.Result{Outcome: sim.Boots, Placements: []sim.Placement{{Name: "kernel", Range: memmap.Range{Start: memmap.MiB, End: end}}}}
	}
	type answers struct{ Handover, Mixed, Limit string }
	for _, test := range []struct {
		design string
		trials map[string]*sim.Result
		want   answers
	}{
		{"efistub", nil, answers{"–", "–", "–"}},
		{"efistub", map[string]*sim.Result{TrialHandover: placed(0), TrialMixedMode: {Outcome: sim.Fails}, TrialLimit: placed(memmap.GiB)}, answers{"yes", "no", "yes"}},
		{"efistub", map[string]*sim.Result{TrialLimit: placed(memmap.GiB + 1)}, answers{"–", "–", "no"}},
		{"efistub", map[string]*sim.Result{TrialLimit: {Outcome: sim.Fails}}, answers{"–", "–", "gives up"}},
		{"bzimage", map[string]*sim.Result{TrialMixedMode: placed(0)}, answers{"–", "–", "–"}},
	} {
		b := booted(t, test.design, sim.Boots, "")
		b.Trials = test.trials
		if diff := cmp.Diff(test.want, answers{tried(TrialHandover)(b), tried(TrialMixedMode)(b), limited(b)}); diff != "" {
			t.Errorf("%s: %s", test.design, diff)
		}
	}
}

// TestRunsInData: only what is executed in memory of the data type counts, while it is
// allocated, and each object once.
func TestRunsInData(t *testing.T) {
	at := func(op sim.Op, object, memory string, start uint64) sim.Step {
		return sim.Step{Op: op, Object: object, Memory: memory, Range: memmap.Range{Start: start, End: start + 0x1000}}
	}
	b := booted(t, "efistub", sim.Boots, "")
	b.Result.Steps = []sim.Step{
		at(sim.Alloc, "a", "Loader Data", 0x1000), at(sim.Alloc, "b", "Loader Code", 0x2000), at(sim.Alloc, "c", "Loader Data", 0x3000),
		at(sim.Exec, "a", "", 0x1000), at(sim.Exec, "a", "", 0x1000), at(sim.Exec, "b", "", 0x2000),
		at(sim.Free, "c", "", 0x3000), at(sim.Exec, "c", "", 0x3000),
	}
	if got := runsInData(b); got != "a" {
		t.Errorf("got %q", got)
	}
	b.Result.Allocations = []sim.Allocations{
		{Where: sim.Below, Limit: 0xa0000, Bytes: 0x3000}, {Where: sim.Below, Limit: 4 * memmap.GiB, Bytes: 0x2000},
		{Where: sim.Below, Limit: 8 * memmap.GiB, Bytes: 0x1000}, {Where: sim.Anywhere, Bytes: 0x1000},
	}
	if got := below4G(b); got != "8 KiB" {
		t.Errorf("below 4 GiB: %q", got)
	}
}
