package design_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/sim"
)

// TestFirmwareWithFiveLevels: firmware that uses 5-level paging itself, to the end or until
// boot services end, under a kernel that wants it and one that does not. Each design gives
// its kernel what it wants, but for the RFC, which runs its switch unless five levels are
// wanted and there, and so turns on what nobody wants.
func TestFirmwareWithFiveLevels(t *testing.T) {
	type facts struct{ Taken, Run, Five bool }
	all := func(five bool) facts { return facts{true, true, five} }
	present := [4]facts{{true, false, true}, {true, true, false}, {true, true, true}, {true, false, false}}
	always := [4]facts{all(true), all(false), all(true), all(false)}
	want := map[string][4]facts{ // la57; la57 and no5lvl; la57-boot; la57-boot and no5lvl
		"efistub":        present,
		"efistub@v6.6":   present,
		"zboot-x86-2025": present,
		"middle-ground":  present,
		"la57-cleanup":   present,
		"efistub@v6.5":   always,
		"efistub@v5.10":  always,
		"baskov-v5":      always,
		"zboot-x86-rfc":  {{true, false, true}, {true, true, false}, {true, true, true}, {true, true, true}},
	}
	got := map[string][4]facts{}
	for name := range want {
		var row [4]facts
		for i := range row {
			r := contender{design: name}.on(t, "ovmf", func(sc *sim.Scenario) {
				sc.Firmware.Paging = []sim.Paging{sim.FiveLevels, sim.FiveLevelsUntilExit}[i/2]
				sc.Cmdline = []string{"nokaslr", "nokaslr no5lvl"}[i%2]
			})
			direct, _ := r.Placement("direct_map")
			row[i].Taken, row[i].Run = switched(r)
			row[i].Five = direct.Virtual == 0xff11000000000000 // not 0xffff888000000000
		}
		got[name] = row
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-expected +simulated:\n%s", diff)
	}
}

// TestSwitchBackInLowMemory: the decompressor that finds five levels on, as the firmware
// left them, goes back to four through the same pages.
func TestSwitchBackInLowMemory(t *testing.T) {
	r := contender{design: "efistub@v6.5"}.on(t, "ovmf", func(sc *sim.Scenario) {
		sc.Firmware.Paging, sc.Cmdline = sim.FiveLevels, "no5lvl"
	})
	top, _ := r.Placement("top_page_table")
	var moved []memmap.Range
	for _, s := range r.Steps {
		if s.Op == sim.Copy && s.Object == "page tables" {
			moved = append(moved, s.Range)
		}
	}
	if diff := cmp.Diff([]memmap.Range{top.Range}, moved); diff != "" || r.Outcome != sim.Boots {
		t.Errorf("%s: page tables that are moved out of low memory, -expected +simulated:\n%s", r.Outcome, diff)
	}
}

// TestFirmwareBeyondCPU: page tables of five levels need a CPU that has them.
func TestFirmwareBeyondCPU(t *testing.T) {
	sc := threadScenario(t, "ovmf", "")
	sc.Firmware.Paging, sc.CPU.LA57 = sim.FiveLevels, false
	const want = "efistub: the firmware uses 5-level paging, which the CPU does not have: expected la57=on"
	if _, err := sim.Run(withChoices(t, "efistub", "nx", "text-ro"), sc, sim.Options{}); err == nil || err.Error() != want {
		t.Errorf("%v, expected: %s", err, want)
	}
}
