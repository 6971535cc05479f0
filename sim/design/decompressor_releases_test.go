package design_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
)

// brokenTable is the e820 map of a machine whose firmware says nothing about low memory
// but its first page, with 1 GiB of RAM from 1 MiB on.
func brokenTable() *memmap.Map {
	return &memmap.Map{Kind: memmap.E820, Entries: []memmap.E820Entry{
		{Addr: 0, Size: 0x1000, Type: memmap.E820RAM},
		{Addr: 0xf0000, Size: 0x10000, Type: memmap.E820Reserved},
		{Addr: 0x100000, Size: memmap.GiB, Type: memmap.E820RAM},
	}}
}

// TestSearchesOfReleases: the three searches for low memory on that machine, whose BIOS
// states 639 KiB. The first believes the BIOS; the second takes two pages off the first
// page of RAM, so that it wraps around to the last page below 2^64, which nothing maps;
// the third leaves RAM alone that has no room. The kernel itself then lacks low memory.
func TestSearchesOfReleases(t *testing.T) {
	type facts struct{ Place, Fault uint64 } // where the boot ended, if it did there
	for name, want := range map[string]facts{
		"bzimage@v4.18": {0x9d000, 0},
		"bzimage@v5.3":  {0, 0xfffffffffffff000},
		"bzimage@v5.10": {0x9d000, 0},
		"bzimage":       {0x9d000, 0},
	} {
		sc := &sim.Scenario{
			Map: brokenTable(), Kernel: debian612(t), Cmdline: "nokaslr", CPU: sim.CPU{LA57: true, NX: true},
			BIOS: linux.BIOSWords{BaseKiB: 639, EBDASegment: 0x9fc0}, Random: sim.Fixed{},
		}
		r := boot(t, name, sc)
		var got facts
		if r.Outcome == sim.Faults {
			got.Fault = r.Findings[len(r.Findings)-1].Range.Start
		} else {
			p, _ := r.Placement("paging_trampoline")
			got.Place = p.Range.Start
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s\n-worked out +simulated:\n%s", name, r.Failure, diff)
		}
	}
}

// TestMappedBeforehand: a kernel above 4 GiB, where the tables of the 32-bit entry end, is
// mapped before it is unpacked until 5.9, and when it is touched since.
func TestMappedBeforehand(t *testing.T) {
	const above = 4 * memmap.GiB
	type mapping struct {
		Range   memmap.Range
		OnFault bool
	}
	window := memmap.Range{Start: above + memmap.GiB - 0x3800000, End: above + memmap.GiB}
	for name, onFault := range map[string]bool{"bzimage@v4.18": false, "bzimage@v5.3": false, "bzimage@v5.10": true, "bzimage": true} {
		sc := bios(t, "")
		sc.Map.Entries = append(sc.Map.Entries, memmap.E820Entry{Addr: above, Size: memmap.GiB, Type: memmap.E820RAM})
		sc.Random = sim.Fixed{PhysicalValue: boot(t, name, sc).Randomness.Decompressor.Slots - 1} // the highest place
		r := boot(t, name, sc)
		var got []mapping
		for _, s := range r.Steps {
			if s.Op == sim.Map && s.Range.Start >= above && s.Phase == sim.Decompressor {
				got = append(got, mapping{s.Range, s.By == sim.ByHandler})
			}
		}
		if diff := cmp.Diff([]mapping{{window, onFault}}, got); r.Outcome != sim.Boots || diff != "" {
			t.Errorf("%s: %s %s\n-worked out +simulated:\n%s", name, r.Outcome, r.Failure, diff)
		}
	}
}
