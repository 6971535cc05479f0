package design_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/sim"
)

// release is a release of the stub: a design, and a kernel that carries it.
type release struct{ Design, Profile string }

// The releases that differ in details: 6.6.0, Debian's 6.1 and 6.12, and 7.2.
var (
	first   = release{"efistub@v6.6", "debian-6.12"}
	stable  = release{"efistub", "debian-6.1"}
	current = release{"efistub", "debian-6.12"}
	newest  = release{"efistub@v7.2", "debian-7.2"}
)

// on boots a release on the firmware of a scenario.
func (r release) on(t *testing.T, sc *sim.Scenario) *sim.Result {
	t.Helper()
	sc.Kernel = profile(t, r.Profile)
	return tell(t, withChoices(t, r.Design), sc)
}

// each boots every release on scenarios that make returns, and asks what it shows.
func each[T any](t *testing.T, scenario func() *sim.Scenario, show func(*sim.Result) T) map[release]T {
	t.Helper()
	got := map[release]T{}
	for _, r := range []release{first, stable, current, newest} {
		got[r] = show(r.on(t, scenario()))
	}
	return got
}

// did reports whether the stub did op to object.
func did(r *sim.Result, op sim.Op, object string) bool {
	for _, s := range r.Steps {
		if s.Phase == sim.Stub && s.Op == op && s.Object == object {
			return true
		}
	}
	return false
}

// TestWhatStubsDoFirst: the first release copies the setup header out of the image, that of
// Debian's 6.1 clears its variables, between _bss and _ebss: 0x228e0 bytes.
func TestWhatStubsDoFirst(t *testing.T) {
	type start struct{ Copies, Clears bool }
	want := map[release]start{first: {Copies: true}, stable: {Clears: true}, current: {}, newest: {}}
	got := each(t, func() *sim.Scenario { return ovmf(t, "") }, func(r *sim.Result) start {
		s := start{Copies: did(r, sim.Copy, "boot_params")}
		for _, step := range r.Steps {
			s.Clears = s.Clears || step.Phase == sim.Stub && step.Op == sim.Write && step.Object == "EFI stub" && step.Range.Len() == 0x228e0
		}
		return s
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
}

// lowRoom is a map with 60 MiB of room from 4 MiB on, and 128 MiB from 1 GiB on.
func lowRoom() *memmap.Map {
	return &memmap.Map{Kind: memmap.EFI, Descriptors: []memmap.EFIDescriptor{
		{Type: memmap.EFIConventional, Phys: 0x400000, Pages: 0x3c00, Attr: memmap.EFIWB},
		{Type: memmap.EFIConventional, Phys: 0x40000000, Pages: 0x8000, Attr: memmap.EFIWB},
	}}
}

// TestLowestPlace: the first release goes below 16 MiB, the others do not; what is left of
// the first piece is too small for them.
func TestLowestPlace(t *testing.T) {
	want := map[release]uint64{first: 0x400000, stable: 0x40000000, current: 0x40000000, newest: 0x40000000}
	got := each(t, func() *sim.Scenario {
		sc := ovmf(t, "nokaslr")
		sc.Map = lowRoom()
		return sc
	}, kernelAt)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
}

func kernelAt(r *sim.Result) uint64 {
	p, _ := r.Placement("kernel_block")
	return p.Range.Start
}

// TestWhatTakesRandomnessAway: options that limit memory, and firmware that is known to
// hang. 0x1600000 is the first place, which Debian's 6.1 knows another option for.
func TestWhatTakesRandomnessAway(t *testing.T) {
	type answers struct{ Mem, FakeMem, Hugepages, AMI bool }
	want := map[release]answers{
		first: {}, stable: {true, true, true, true}, current: {true, false, true, true}, newest: {true, false, true, true},
	}
	got := map[release]answers{}
	for r := range want {
		lowest := func(cmdline string, services sim.Services) bool {
			sc := ovmf(t, cmdline)
			sc.Services = services
			return kernelAt(r.on(t, sc)) == 0x1600000
		}
		got[r] = answers{
			lowest("mem=1G", sim.Services{}), lowest("efi_fake_mem=1G@4G:0x10000", sim.Services{}), lowest("hugepages=1", sim.Services{}),
			lowest("", sim.Services{Vendor: "American Megatrends", Revision: 2 << 16}),
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
}

// TestIgnoredOptions: whatever the seed, no stub looks where mem= ends memory, or what
// memmap= reserves: it says nothing of the kind, so that this has to.
func TestIgnoredOptions(t *testing.T) {
	for cmdline, want := range map[string]string{
		"mem=64M nokaslr":           "mem= or memmap= takes this memory away",
		"memmap=8M$0x2000000":       "memmap= reserves this memory",
		"mem=1G memmap=8M$1G quiet": "",
	} {
		r := current.on(t, ovmf(t, cmdline))
		var found string
		for _, f := range r.Findings {
			if f.Rule == "policy-ignored" {
				_, found, _ = strings.Cut(f.Message, "this: ")
			}
		}
		if found != want {
			t.Errorf("%s: found %q, expected %q", cmdline, found, want)
		}
	}
}

// TestNoPlace: free memory in pieces of 38 MiB, as on a recorded machine of 128 MiB.
// Debian's 6.1 does not notice that no place was found, and crashes; 6.12 gives up, with
// these words. The image of the first release has 58 MiB and cannot even be loaded.
func TestNoPlace(t *testing.T) {
	type end struct {
		Outcome  sim.Outcome
		Rule     string
		Messages []string
	}
	gaveUp := end{sim.Fails, "no-memory", []string{"EFI stub: ERROR: Failed to decompress kernel", "EFI stub: ERROR: efi_stub_entry() failed!"}}
	want := map[release]end{first: {sim.Fails, "no-memory", nil}, stable: {sim.Faults, "alloc-no-address", nil}, current: gaveUp, newest: gaveUp}
	got := each(t, func() *sim.Scenario {
		sc := ovmf(t, "")
		sc.Map = &memmap.Map{Kind: memmap.EFI, Descriptors: []memmap.EFIDescriptor{
			{Type: memmap.EFIConventional, Phys: 0x1500000, Pages: 0x2675, Attr: memmap.EFIWB},
			{Type: memmap.EFIConventional, Phys: 0x4000000, Pages: 0x2675, Attr: memmap.EFIWB},
			{Type: memmap.EFIConventional, Phys: 0x7000000, Pages: 0x2000, Attr: memmap.EFIWB},
		}}
		return sc
	}, func(r *sim.Result) end {
		return end{r.Outcome, r.Findings[len(r.Findings)-1].Rule, append([]string(nil), r.Messages...)}
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
}

// TestWhoTellsTheKernel: without KASLR_FLAG the kernel leaves the direct map where 5-level
// paging has it by default.
func TestWhoTellsTheKernel(t *testing.T) {
	want := map[release]bool{first: false, stable: true, current: true, newest: true}
	got := each(t, func() *sim.Scenario {
		sc := ovmf(t, "")
		sc.Random = sim.Fixed{Seed: [2]uint32{1 << 31, 1 << 31}, MemoryValue: 0x123456789abcdef}
		return sc
	}, func(r *sim.Result) bool {
		p, _ := r.Placement("direct_map")
		return p.Virtual != 0xff11000000000000
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
}

// manyEntries is a map with room, and n descriptors of runtime services behind it.
func manyEntries(n int) *memmap.Map {
	m := lowRoom()
	for i := range uint64(n) {
		m.Descriptors = append(m.Descriptors, memmap.EFIDescriptor{Type: memmap.EFIRuntimeServicesData, Phys: 0x80000000 + i*0x2000, Pages: 1, Attr: memmap.EFIWB | memmap.EFIRuntime})
	}
	return m
}

// TestWhoExtendsTheTable: from how many descriptors on an extension of the e820 table is
// allocated: more than 128 less the slack, which was 8 and became 32.
func TestWhoExtendsTheTable(t *testing.T) {
	want := map[release]int{first: 121, current: 97, newest: 97}
	slack := map[release]int{first: 8, current: 32, newest: 32}
	got := map[release]int{}
	for r := range want {
		for n := 60; n < 140 && got[r] == 0; n++ {
			sc := ovmf(t, "nokaslr")
			sc.Map = manyEntries(n)
			result := r.on(t, sc)
			if _, extended := result.Placement("e820_extension"); extended {
				got[r] = countedDescriptors(result) - slack[r]
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
}

// countedDescriptors is for how many descriptors the second buffer has room that the stub
// fills with the memory map: the one that is made to count them. 40 bytes stand before
// them, and each has 48.
func countedDescriptors(r *sim.Result) int {
	var sizes []int
	for _, s := range r.Steps {
		if s.Op == sim.Write && s.Object == "EFI memory map" {
			sizes = append(sizes, int(s.Range.Len()-40)/48)
		}
	}
	return sizes[1]
}
