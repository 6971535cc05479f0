package design_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/image"
	"bootplan/memmap"
	"bootplan/memmap/gallery"
	"bootplan/sim"
	"bootplan/sim/check"
	"bootplan/sim/design"
)

// checkTrampolineFault: every recorded boot of this kernel under an NX policy ends at the
// first instruction of the trampoline, under the firmware's page tables, when boot
// services are over.
func checkTrampolineFault(t *testing.T, r *sim.Result) {
	t.Helper()
	last := r.Findings[len(r.Findings)-1]
	type facts struct {
		Rule, Object, Tables string
		Address              uint64
	}
	want := facts{"nx-exec", "paging trampoline", "firmware", 0x9e000}
	if diff := cmp.Diff(want, facts{last.Rule, last.Object, r.After.Tables.Name, last.Range.Start}); diff != "" {
		t.Errorf("%s: %s\n%s", r.Outcome, r.Failure, diff)
	}
}

func debian510(t *testing.T) *image.Kernel { return profile(t, "debian-5.10") }

// oldStub is a boot of kernel 5.10 on QEMU's OVMF with 2 GiB.
func oldStub(t *testing.T, protection, cmdline string) *sim.Scenario {
	return &sim.Scenario{
		Map: gallery.OVMF2G(), Kernel: debian510(t), Cmdline: cmdline, Policy: policy(t, protection),
		CPU: sim.CPU{LA57: true, NX: true}, Random: sim.Fixed{},
	}
}

// TestFaultTellsTheStory: the finding names the page, the permission, the tables and what
// set it so; the last step is the fetch, after boot services have ended.
func TestFaultTellsTheStory(t *testing.T) {
	r := boot(t, "efistub@v5.10", oldStub(t, "edk2-nx", "nokaslr"))
	checkTrampolineFault(t, r)
	exited := false
	for _, s := range r.Steps {
		exited = exited || s.Op == sim.Exit
	}
	last := r.Steps[len(r.Steps)-1]
	if !exited || last.Op != sim.Exec || last.Range.Start != 0x9e000 || last.Perm != sim.RW {
		t.Errorf("boot services ended: %v; last step: %s of %v, mapped %s", exited, last.Op, last.Range, last.Perm)
	}
	for _, part := range []string{"exec at 0x9e000", "mapped rw-", "Conventional", "0xc000000000007fd5"} {
		if !strings.Contains(r.Failure, part) {
			t.Errorf("%q is not in %q", part, r.Failure)
		}
	}
}

// TestOldStubsUnderPolicies: what the releases do about firmware that maps free memory and
// data without execute permission, and what comes of it. 5.10 and 5.15 do nothing; 5.19 to
// 6.5 open the low memory through the DXE services; the cleanup opens its own page.
func TestOldStubsUnderPolicies(t *testing.T) {
	type facts struct {
		Outcome sim.Outcome
		Opened  []memmap.Range // made executable by the stub
	}
	opened := []memmap.Range{{Start: 0x1e000, End: 0xa0000}}
	for name, want := range map[string]map[string]facts{
		"efistub@v5.10": {"ovmf": {sim.Boots, nil}, "edk2-nx": {sim.Faults, nil}, "edk2-nx-attr": {sim.Faults, nil}},
		"efistub@v5.15": {"ovmf": {sim.Boots, nil}, "edk2-nx": {sim.Faults, nil}, "edk2-nx-attr": {sim.Faults, nil}},
		"efistub@v6.5":  {"ovmf": {sim.Boots, nil}, "edk2-nx": {sim.Boots, opened}, "edk2-nx-attr": {sim.Boots, opened}},
		"la57-cleanup":  {"ovmf": {sim.Boots, nil}, "edk2-nx": {sim.Boots, []memmap.Range{{}}}, "edk2-nx-attr": {sim.Boots, []memmap.Range{{}}}},
	} {
		for policy, want := range want {
			r := boot(t, name, oldStub(t, policy, "nokaslr"))
			got := facts{Outcome: r.Outcome}
			page, _ := r.Placement("paging_trampoline")
			for _, s := range r.Steps {
				if s.Phase != sim.Stub || s.Op != sim.Protect {
					continue
				}
				if s.Range.Start == page.Range.Start && s.Range.Len() == memmap.PageSize {
					s.Range = memmap.Range{} // the code page of the switch, wherever the firmware put it
				}
				got.Opened = append(got.Opened, s.Range)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s under %s: %s\n%s", name, policy, r.Failure, diff)
			}
		}
	}
}

// TestRelocationDecision: an image stays where its buffer lies between 16 MiB and 64 TiB,
// unless a loader entered it by the handover protocol. Kernel 5.10 moves all of init_size
// to 16 MiB or, where that is taken, to the lowest multiple of 2 MiB above; 5.11 and
// later only move what is in the file.
func TestRelocationDecision(t *testing.T) {
	free := func(start, end uint64) memmap.EFIDescriptor {
		return memmap.EFIDescriptor{Type: memmap.EFIConventional, Phys: start, Pages: (end - start) / memmap.PageSize, Attr: memmap.EFIWB}
	}
	taken := memmap.EFIDescriptor{Type: memmap.EFIACPINVS, Phys: 0x1000000, Pages: 1, Attr: memmap.EFIWB}
	low := free(0x10000, 0xa0000)
	const gib, mib = memmap.GiB, memmap.MiB
	type facts struct{ Image, Moved, Copied, Output uint64 }
	for name, test := range map[string]struct {
		Map    []memmap.EFIDescriptor
		Design string
		Loader string
		Want   facts
	}{
		// The file buffer of 0x6c6 pages comes and goes at the top; SizeOfImage is 0x3d7b000.
		"at 16 MiB, where it wants to be": {
			[]memmap.EFIDescriptor{low, free(mib, gib)}, "efistub@v5.10", "", facts{0x1000000, 0, 0, 0x1000000}},
		"high": {
			[]memmap.EFIDescriptor{low, free(mib, 0x1000000), taken, free(0x1001000, gib)}, "efistub@v5.10", "",
			facts{gib - 0x6c6000 - 0x3d7b000, 0, 0, 0x3bc00000}},
		"low, 5.10": {
			[]memmap.EFIDescriptor{low, free(mib, 0xa000000)}, "efistub@v5.10", "handover",
			facts{0x400000, 0x4000000, 0x3b7b000, 0x4000000}},
		"low, 5.15": {
			[]memmap.EFIDescriptor{low, free(mib, 0xa000000)}, "efistub@v5.15", "handover",
			facts{0x400000, 0x4000000, 0x6c2000, 0x4000000}},
		"handover, 16 MiB free": {
			[]memmap.EFIDescriptor{low, free(0x1000000, gib)}, "efistub@v5.10", "handover",
			facts{0x1000000, 0x4c00000, 0x3b7b000, 0x4c00000}},
	} {
		sc := oldStub(t, "ovmf", "nokaslr")
		sc.Map = &memmap.Map{Kind: memmap.EFI, Descriptors: test.Map}
		sc.Loader = test.Loader
		r := boot(t, test.Design, sc)
		var got facts
		for _, name := range []string{"pe_image", "compressed_kernel"} {
			if p, ok := r.Placement(name); ok {
				got.Image = p.Range.Start
			}
		}
		moved, _ := r.Placement("moved_image")
		kernel, _ := r.Placement("kernel")
		got.Moved, got.Output = moved.Range.Start, kernel.Range.Start
		for _, s := range r.Steps {
			if s.Phase == sim.Stub && s.Op == sim.Copy && s.Object == "decompressor" {
				got.Copied = s.Range.Len()
			}
		}
		if diff := cmp.Diff(test.Want, got); diff != "" {
			t.Errorf("%s: %s %s\n-worked out +simulated:\n%s", name, r.Outcome, r.Failure, diff)
		}
	}
}

// TestOldStubFailures: each allocation that the stub cannot do without, and what it prints.
func TestOldStubFailures(t *testing.T) {
	free := func(start, end uint64) memmap.EFIDescriptor {
		return memmap.EFIDescriptor{Type: memmap.EFIConventional, Phys: start, Pages: (end - start) / memmap.PageSize, Attr: memmap.EFIWB}
	}
	// OVMF's loader takes init_size, 0x3b7b000 bytes, at 4 MiB; there is no room for it twice.
	sc := oldStub(t, "ovmf", "nokaslr")
	sc.Map = &memmap.Map{Kind: memmap.EFI, Descriptors: []memmap.EFIDescriptor{free(0x2000, 0x7000000)}}
	sc.Loader = "handover"
	r := boot(t, "efistub@v5.10", sc)
	want := []string{
		"EFI stub: ERROR: Failed to allocate usable memory for kernel.",
		"EFI stub: ERROR: efi_relocate_kernel() failed!",
		"EFI stub: ERROR: efi_main() failed!",
	}
	if diff := cmp.Diff(want, r.Messages); r.Outcome != sim.Fails || diff != "" {
		t.Errorf("%s: %s\n-printed by the stub +simulated:\n%s", r.Outcome, r.Failure, diff)
	}
}

// TestOldStubDemandMap: under the firmware's tables the decompressor makes its own. They
// map what it maps beforehand and what it touches, in pages of 2 MiB: itself, boot_params
// and the command line, the EFI system table, the kernel.
func TestOldStubDemandMap(t *testing.T) {
	r := boot(t, "efistub@v5.10", oldStub(t, "ovmf", "nokaslr"))
	want := map[memmap.Range]bool{}
	add := func(start, end uint64) {
		want[memmap.Range{Start: start, End: end}.Outward(2*memmap.MiB)] = true
	}
	at := func(name string) memmap.Range {
		p, _ := r.Placement(name)
		return p.Range
	}
	params, cmdline, image, output := at("boot_params"), at("command_line"), at("relocated_image"), at("kernel_output")
	add(image.Start, image.End)
	add(params.Start, params.End)
	add(cmdline.Start, cmdline.Start+2048)
	add(0x7f5eb000, 0x7f5ec000) // the last page of runtime data below runtime code, where OVMF keeps the system table
	add(output.Start, output.End)
	set := &memmap.Set{}
	for r := range want {
		set.Add(r)
	}
	var got memmap.Set
	for _, s := range r.After.Tables.Perm.All() {
		if s.Value != sim.RWX {
			t.Errorf("%v is mapped %s", s.Range, s.Value)
		}
		got.Add(s.Range)
	}
	if diff := cmp.Diff(set.Ranges(), got.Ranges()); diff != "" {
		t.Errorf("-worked out +mapped:\n%s", diff)
	}
}

// TestCrossTable holds the checks of the four weaknesses of 2023 against the cross table
// of versions: W1 the trampoline in low memory, W2 the PE header, W3 the self-relocation,
// W4 the map on demand.
func TestCrossTable(t *testing.T) {
	type row struct{ W1, Stripped, W2, W3, W4 bool }
	with := &sim.Scenario{CPU: sim.CPU{LA57: true, NX: true}}
	without := &sim.Scenario{CPU: sim.CPU{NX: true}}
	nx := policy(t, "edk2-nx")
	for _, test := range []struct {
		Design string
		CPU    *sim.Scenario
		Policy sim.Policy
		Want   row
	}{
		{"efistub@v5.15", without, sim.Policy{}, row{W1: true, W2: true, W3: true, W4: true}},
		{"efistub@v6.5", without, nx, row{W1: true, Stripped: true, W2: true, W3: true, W4: true}},
		{"la57-cleanup", with, nx, row{W2: true, W3: true, W4: true}},
		{"efistub@v6.6", with, sim.Policy{}, row{W2: true}},
		{"efistub", with, nx, row{}},
		{"bzimage@v5.15", without, sim.Policy{}, row{W1: true, W3: true, W4: true}},
		{"bzimage@v6.5", without, sim.Policy{}, row{W1: true, W3: true, W4: true}},
		{"bzimage", with, sim.Policy{}, row{W1: true, W3: true, W4: true}},
		{"bzimage", without, sim.Policy{}, row{W3: true, W4: true}},
	} {
		sc := &sim.Scenario{CPU: test.CPU.CPU, Policy: test.Policy, Kernel: debian612(t), Random: sim.Fixed{}, Map: gallery.OVMF2G()}
		if strings.HasPrefix(test.Design, "bzimage") {
			sc.Map = oneGiB()
		}
		d, err := design.Named(test.Design)
		if err != nil {
			t.Fatal(err)
		}
		r, err := sim.Run(d, sc, sim.Options{Checks: check.All()})
		if err != nil || r.Outcome != sim.Boots {
			t.Fatalf("%s: %v %s", test.Design, err, r.Failure)
		}
		broken := map[string]bool{}
		for _, f := range r.Findings {
			broken[f.Rule] = true
		}
		got := row{broken["low-memory"], broken["nx-stripped"], broken["pe-promise"], broken["self-relocated"], broken["demand-map"]}
		if diff := cmp.Diff(test.Want, got); diff != "" {
			t.Errorf("%s, LA57 %v:\n-stated +found:\n%s", test.Design, test.CPU.CPU.LA57, diff)
		}
	}
}
