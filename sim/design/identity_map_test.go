package design_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/design"
)

// TestDemandMapping: the tables of the 32-bit entry end at 4 GiB. A kernel above is
// mapped when the decompressor writes it: the 2 MiB pages that its 0x36fa00c bytes of
// output touch, and no more.
func TestDemandMapping(t *testing.T) {
	const low, above = 0xbfee0000, 4 * memmap.GiB // RAM from 1 MiB, and where it goes on
	sc := bios(t, "")
	sc.Map = &memmap.Map{Kind: memmap.E820, Entries: []memmap.E820Entry{
		{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM},
		{Addr: 0x9fc00, Size: 0x400, Type: memmap.E820Reserved},
		{Addr: 0x100000, Size: low, Type: memmap.E820RAM},
		{Addr: above, Size: memmap.GiB, Type: memmap.E820RAM},
	}}
	sc.Random = sim.Fixed{PhysicalValue: boot(t, "bzimage", sc).Randomness.Decompressor.Slots - 1} // the highest place
	r := boot(t, "bzimage", sc)

	mapped := memmap.Range{Start: above + memmap.GiB - 0x3800000, End: above + memmap.GiB}
	var got []memmap.Range
	for _, s := range r.Steps {
		if s.Op == sim.Map && s.By == sim.ByHandler {
			got = append(got, s.Range)
		}
	}
	if diff := cmp.Diff([]memmap.Range{mapped}, got); diff != "" {
		t.Errorf("mapped on demand, -worked out +simulated:\n%s", diff)
	}
	if wx, _ := r.Metric("wx_bytes_at_kernel_entry"); wx.Value != 0xa0000+low+0x3800000 {
		t.Errorf("%#x bytes W+X at kernel entry", uint64(wx.Value))
	}
}

// TestNoFaultsBelow4G: the tables of the 32-bit entry serve a kernel below 4 GiB.
func TestNoFaultsBelow4G(t *testing.T) {
	for _, d := range design.All() {
		if !strings.HasPrefix(d.Name(), "bzimage") {
			continue // not entered in 32-bit mode, or replaces these tables
		}
		for _, s := range boot(t, d.Name(), bios(t, "nokaslr")).Steps {
			if s.By == sim.ByHandler {
				t.Errorf("%s: %s of %v", d.Name(), s.Op, s.Range)
			}
		}
	}
}

// TestHighPreference: an image that prefers a place above 4 GiB does not survive its own
// 32-bit entry, whose stack then lies where nothing is mapped.
func TestHighPreference(t *testing.T) {
	kernel := *debian612(t)
	setup := *kernel.Setup
	setup.PrefAddress = 8 * memmap.GiB
	kernel.Setup = &setup
	sc := bios(t, "nokaslr")
	sc.Kernel = &kernel
	if r := boot(t, "bzimage", sc); r.Outcome != sim.Faults || r.Findings[len(r.Findings)-1].Rule != "unmapped" {
		t.Errorf("%s: %s", r.Outcome, r.Failure)
	}
	d, err := design.Named("bzimage")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sim.Run(d, sc, sim.Options{}); err != nil { // nobody watches: it goes on, and must not panic
		t.Error(err)
	}
}
