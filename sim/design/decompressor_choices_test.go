package design_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/design"
)

// TestEveryChoiceOfTheDecompressor: each value that a design with the decompressor offers
// changes what it does or where things go.
func TestEveryChoiceOfTheDecompressor(t *testing.T) {
	for name, scenario := range map[string]func(choice string) *sim.Scenario{
		"bzimage": func(string) *sim.Scenario { // a CPU that cannot switch
			sc := bios(t, "")
			sc.CPU.LA57 = false
			sc.Random = sim.Fixed{PhysicalValue: 10, VirtualValue: 10}
			return sc
		},
		"efistub@v5.10": func(choice string) *sim.Scenario {
			sc := oldStub(t, "ovmf", "")
			sc.CPU.LA57 = false
			sc.Random = sim.Fixed{PhysicalValue: 10, VirtualValue: 10}
			if choice == "nx" { // under a policy, and with an image that moves
				sc.Policy, sc.Loader = policy(t, "edk2-nx"), "handover"
			}
			return sc
		},
	} {
		d, err := design.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, choice := range d.Offers() {
			usual := tell(t, d, scenario(choice.Name))
			for _, value := range choice.Values {
				if value.Name == d.Get(choice.Name) {
					continue
				}
				r := tell(t, withChoices(t, name, choice.Name, value.Name), scenario(choice.Name))
				if cmp.Equal(told{usual.Steps, usual.Placements}, told{r.Steps, r.Placements}) {
					t.Errorf("%s: %s=%s changes nothing", name, choice.Name, value.Name)
				}
			}
		}
	}
}

// TestNothingRandom: with physical=none the kernel is where it would be with nokaslr, with
// virtual=none at the address that it was linked for; the other is drawn as ever.
func TestNothingRandom(t *testing.T) {
	type place struct{ Physical, Virtual uint64 }
	run := func(choice string) place {
		sc := bios(t, "")
		sc.Random = sim.Fixed{PhysicalValue: 10, VirtualValue: 10}
		d, err := design.Named("bzimage")
		if choice != "" {
			d, err = d.With(choice, "none")
		}
		if err != nil {
			t.Fatal(err)
		}
		p, _ := tell(t, d, sc).Placement("kernel")
		return place{p.Range.Start, p.Virtual}
	}
	drawn := run("")
	want := [2]place{{0x1000000, drawn.Virtual}, {drawn.Physical, 0xffffffff81000000}}
	if diff := cmp.Diff(want, [2]place{run("physical"), run("virtual")}); diff != "" || drawn == want[0] || drawn == want[1] {
		t.Errorf("drawn: %#x\n-worked out +simulated:\n%s", drawn, diff)
	}
}

// TestApartFromInput: a decompressor that does not move needs a place for the kernel, of
// 0x3800000 bytes, that shares nothing with its own 0xbe7000 bytes.
func TestApartFromInput(t *testing.T) {
	ram := func(end uint64) *memmap.Map {
		return &memmap.Map{Kind: memmap.E820, Entries: []memmap.E820Entry{
			{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM}, {Addr: memmap.MiB, Size: end - memmap.MiB, Type: memmap.E820RAM},
		}}
	}
	for name, test := range map[string]struct {
		Map    *memmap.Map
		Loader string
		Want   uint64 // 0: no room
	}{
		"loaded at 1 MiB":          {oneGiB(), "qemu", 0x1000000},
		"loaded at 16 MiB":         {oneGiB(), "grub", 0x1c00000}, // it ends at 0x1be7000
		"as much RAM as it takes":  {ram(0x1c00000 + 0x3800000), "grub", 0x1c00000},
		"a page less":              {ram(0x1c00000 + 0x3800000 - memmap.PageSize), "grub", 0},
		"loaded low, a page less":  {ram(0x1000000 + 0x3800000 - memmap.PageSize), "qemu", 0},
		"loaded low, just so much": {ram(0x1000000 + 0x3800000), "qemu", 0x1000000},
	} {
		sc := bios(t, "nokaslr")
		sc.Map, sc.Loader, sc.Initrd = test.Map, test.Loader, sim.Initrd{}
		r := tell(t, withChoices(t, "bzimage", "self-relocation", "never"), sc)
		kernel, placed := r.Placement("kernel")
		file, _ := r.Placement("compressed_kernel")
		if _, moved := r.Placement("relocated_image"); moved || placed != (test.Want != 0) || kernel.Range.Start != test.Want {
			t.Errorf("%s: kernel at %#x, worked out %#x; moved: %v; %s", name, kernel.Range.Start, test.Want, moved, r.Failure)
		}
		if test.Want == 0 && r.Findings[len(r.Findings)-1].Rule != "no-memory" {
			t.Errorf("%s: %s", name, r.Failure)
		}
		if placed && kernel.Range.Overlaps(memmap.Range{Start: file.Range.Start, End: file.Range.Start + 0xbe7000}) {
			t.Errorf("%s: %v shares memory with the decompressor at %v", name, kernel.Range, file.Range)
		}
	}
}

// TestDataOnDemand: where only data is mapped on demand, the kernel's text, 0x1000000 bytes,
// and the decompressor's, 0x36000, can be executed when the kernel starts, nothing that can
// be executed can be written, and an instruction fetch from anywhere else ends the boot.
func TestDataOnDemand(t *testing.T) {
	r := boot(t, "decompressor-nx", bios(t, "nokaslr"))
	wx, measured := r.Metric("wx_bytes_at_kernel_entry")
	if r.Outcome != sim.Boots || !measured || wx.Value != 0 {
		t.Errorf("%s %s: %#x bytes W+X", r.Outcome, r.Failure, uint64(wx.Value))
	}
	var code memmap.Set
	for _, s := range r.After.Tables.Perm.All() {
		if s.Value.Has(sim.X) {
			code.Add(s.Range)
		}
	}
	want := []memmap.Range{{Start: 0x1000000, End: 0x2000000}, {Start: 0x4751000, End: 0x4787000}}
	if diff := cmp.Diff(want, code.Ranges()); diff != "" {
		t.Errorf("executable, -worked out +simulated:\n%s", diff)
	}
	for name, test := range map[string]struct {
		Offset uint64 // of the entry point
		Rule   string
		Perm   sim.Perm
	}{
		"data":              {0x2c00000, "nx-exec", sim.RW},
		"nothing is mapped": {0x10000000, "unmapped", 0},
	} {
		sc := bios(t, "nokaslr")
		kernel := *sc.Kernel
		elf := *kernel.ELF
		elf.Entry = kernel.Setup.PrefAddress + test.Offset
		kernel.ELF, sc.Kernel = &elf, &kernel
		r := boot(t, "decompressor-nx", sc)
		found := slices.ContainsFunc(r.Findings, func(f sim.Finding) bool { return f.Rule == test.Rule && f.Range.Start == 0x1000000+test.Offset })
		if perm := r.Steps[len(r.Steps)-1].Perm; r.Outcome != sim.Faults || !found || perm != test.Perm {
			t.Errorf("%s: %s, mapped %s: %s", name, r.Outcome, perm, r.Failure)
		}
	}
}
