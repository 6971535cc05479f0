package design_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/sim"
)

// baskovBare boots the series on a BIOS, with choices.
func baskovBare(t *testing.T, sc *sim.Scenario, choices ...string) *sim.Result {
	t.Helper()
	return tell(t, withChoices(t, "baskov-v5-bios", choices...), sc)
}

// TestBaskovBIOSPlaces: everything is where it is without the series, but for the third
// page of the trampoline and what 33 more pages of decompressor move.
func TestBaskovBIOSPlaces(t *testing.T) {
	r := baskovBare(t, bios(t, "nokaslr"), "intent", "intended")
	want := map[string]memmap.Range{
		"kernel":            {Start: 0x1000000, End: 0x3c30000},
		"relocated_image":   {Start: 0x3c07000, End: 0x480f000},
		"stack":             {Start: 0x4789000, End: 0x478d000},
		"page_tables":       {Start: 0x47ce000, End: 0x480e000},
		"top_page_table":    {Start: 0x480e000, End: 0x480f000},
		"paging_trampoline": {Start: 0x9c000, End: 0x9f000},
	}
	if diff := cmp.Diff(want, places(r, want)); diff != "" || r.Outcome != sim.Boots {
		t.Errorf("%s %s, -worked out +simulated:\n%s", r.Outcome, r.Failure, diff)
	}
}

// TestBaskovBIOSRights: with KASLR nothing is writable and executable at the kernel's
// entry, and what nobody needs is not mapped.
func TestBaskovBIOSRights(t *testing.T) {
	sc := bios(t, "")
	sc.Random = sim.Fixed{PhysicalValue: 10, VirtualValue: 10}
	r := baskovBare(t, sc)
	if r.Outcome != sim.Boots {
		t.Fatalf("%s: %s", r.Outcome, r.Failure)
	}
	kernel, _ := r.Placement("kernel")
	self, _ := r.Placement("relocated_image")
	params, _ := r.Placement("boot_params")
	tables := r.After.Tables
	for what, probe := range map[string]struct {
		at   uint64
		want sim.Perm
	}{
		"kernel text":          {kernel.Range.Start, sim.RX},
		"kernel data":          {kernel.Range.Start + 0x1c00000, sim.RW},
		"kernel init text":     {kernel.Range.Start + 0x233a000, sim.RX},
		"decompressor's code":  {self.Range.Start + 0xb4a500, sim.RX},
		"decompressor's data":  {self.Range.Start + 0xb82000, sim.RW},
		"boot_params":          {params.Range.Start, sim.RW},
		"command line":         {0x20000, sim.R},
		"paging trampoline":    {0x9d000, 0},
		"below the kernel":     {kernel.Range.Start - 1, 0},
		"initrd":               {0x3fee4000, 0},
		"first mebibyte's end": {0xfffff, sim.R},
	} {
		if got := tables.Least(memmap.Range{Start: probe.at, End: probe.at + 1}); got != probe.want {
			t.Errorf("%s at %#x: mapped %s, expected %s", what, probe.at, got, probe.want)
		}
	}
	for _, s := range tables.Perm.All() {
		if s.Value.Has(sim.W | sim.X) {
			t.Errorf("%v is mapped %s", s.Range, s.Value)
		}
	}
	if wx, _ := r.Metric("wx_bytes_at_kernel_entry"); wx.Value != 0 {
		t.Errorf("%v bytes are writable and executable at the kernel's entry", wx.Value)
	}
}

// TestBaskovBIOSWithoutKASLR: as posted the kernel stays data and faults; as intended its
// place is writable and executable; without no-execute in the CPU both boot.
func TestBaskovBIOSWithoutKASLR(t *testing.T) {
	type facts struct {
		Outcome sim.Outcome
		WX      float64
	}
	const block = 0x3800000
	for name, test := range map[string]struct {
		intent string
		nx     bool
		want   facts
	}{
		"as posted":            {"as-posted", true, facts{sim.Faults, 0}},
		"as intended":          {"intended", true, facts{sim.Boots, block}},
		"as posted, CPU no NX": {"as-posted", false, facts{sim.Boots, block}},
	} {
		sc := bios(t, "nokaslr")
		sc.CPU.NX = test.nx
		r := baskovBare(t, sc, "intent", test.intent)
		kernel := memmap.Range{Start: 0x1000000, End: 0x1000000 + block}
		var wx float64
		r.After.Tables.Over(kernel, func(s memmap.Span[sim.Perm]) bool {
			if s.Value.Has(sim.W | sim.X) {
				wx += float64(s.Len())
			}
			return true
		})
		if diff := cmp.Diff(test.want, facts{r.Outcome, wx}); diff != "" {
			t.Errorf("%s: -expected +simulated (%s):\n%s", name, r.Failure, diff)
		}
	}
}

// TestBaskovBIOSNeedsNoHandler: all that the boot touches is mapped beforehand, so the
// handler has nothing to do, fatal or not.
func TestBaskovBIOSNeedsNoHandler(t *testing.T) {
	for mapping, onFault := range map[string]sim.Perm{"explicit": 0, "explicit-demand": sim.RW} {
		sc := bios(t, "")
		r := baskovBare(t, sc, "mapping", mapping)
		if r.Outcome != sim.Boots || r.After.Tables.OnFault != onFault {
			t.Errorf("%s: %s %s, what faults is mapped %s", mapping, r.Outcome, r.Failure, r.After.Tables.OnFault)
		}
		if slices.ContainsFunc(r.Steps, func(s sim.Step) bool { return s.By == sim.ByHandler }) {
			t.Errorf("%s: something was mapped on demand", mapping)
		}
	}
}

// TestBaskovBIOSMinimum: a kernel that its loader put above 64 MiB may still go down to
// 64 MiB, where without the series it goes down to its own place only.
func TestBaskovBIOSMinimum(t *testing.T) {
	for name, want := range map[string]uint64{"baskov-v5-bios": 0x4000000, "bzimage@v6.5": 0x4e00000} {
		r := boot(t, name, ovmf(t, "")) // on which GRUB finds room at 78 MiB
		if got := r.Randomness.Decompressor.Minimum; got != want {
			t.Errorf("%s: lowest address %#x, expected %#x", name, got, want)
		}
	}
}
