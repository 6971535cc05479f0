package design_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/check"
	"bootplan/sim/design"
)

// damage is what a finding of one rule tells of a boot.
type damage struct {
	Rule          string
	Range         memmap.Range
	Object, Other string
}

// damages runs bzimage without randomness and keeps the findings of rules.
func damages(t *testing.T, sc *sim.Scenario, rules ...string) []damage {
	t.Helper()
	d, err := design.Named("bzimage")
	if err != nil {
		t.Fatal(err)
	}
	sc.Kernel, sc.Cmdline, sc.Random = debian612(t), "nokaslr", sim.Fixed{}
	r, err := sim.Run(d, sc, sim.Options{Checks: check.All()})
	if err != nil {
		t.Fatal(err)
	}
	var list []damage
	for _, f := range r.Findings {
		for _, rule := range rules {
			if f.Rule == rule {
				list = append(list, damage{f.Rule, f.Range, f.Object, f.Other})
			}
		}
	}
	return list
}

// TestInitrdInTheWindow: an initrd where the kernel will be unpacked, from 0x1000000
// to 0x46fa00c, is lost once for each object that is written over it, not at each step.
func TestInitrdInTheWindow(t *testing.T) {
	initrd := sim.Initrd{Addr: 0x2000000, Size: 0x200000}
	want := []damage{{"clobber", memmap.Range{Start: 0x2000000, End: 0x2200000}, "kernel", "initrd"}}
	if diff := cmp.Diff(want, damages(t, &sim.Scenario{Map: oneGiB(), Initrd: initrd}, "clobber")); diff != "" {
		t.Errorf("-expected +found:\n%s", diff)
	}
}

// TestHoleInTheWindow: a loader without firmware keeps addresses free, not memory. Where
// the map has a hole in them, the kernel is unpacked into it.
func TestHoleInTheWindow(t *testing.T) {
	m := oneGiB()
	m.Entries = append(m.Entries, memmap.E820Entry{Addr: 0x2000000, Size: 0x100000, Type: memmap.E820Reserved})
	want := []damage{{"not-ram", memmap.Range{Start: 0x2000000, End: 0x2100000}, "kernel", "reserved"}}
	if diff := cmp.Diff(want, damages(t, &sim.Scenario{Map: m}, "not-ram")); diff != "" {
		t.Errorf("-expected +found:\n%s", diff)
	}
}

// TestSmallHeap: a kernel packed with zstd, in a build whose heap is that of the other
// compressors, gets no further than its first request for memory.
func TestSmallHeap(t *testing.T) {
	kernel, space := *debian612(t), *debian612(t).Decompressor
	space.HeapSize = 0x10000
	kernel.Decompressor = &space
	for _, name := range []string{"bzimage", "efistub"} {
		r := boot(t, name, &sim.Scenario{Map: oneGiB(), Kernel: &kernel, Random: sim.Fixed{}})
		var rules []string
		for _, f := range r.Findings {
			if f.Rule == "heap-exhausted" || f.Rule == "no-memory" {
				rules = append(rules, f.Rule)
			}
		}
		if diff := cmp.Diff([]string{"heap-exhausted", "no-memory"}, rules); diff != "" || r.Outcome != sim.Fails {
			t.Errorf("%s: %s, -expected +found:\n%s", name, r.Outcome, diff)
		}
	}
}
