package design_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/memmap/gallery"
	"bootplan/sim"
)

// ovmf is a boot of the stub on QEMU's OVMF with 2 GiB.
func ovmf(t *testing.T, cmdline string) *sim.Scenario {
	return &sim.Scenario{
		Map: gallery.OVMF2G(), Kernel: debian612(t), Cmdline: cmdline,
		CPU: sim.CPU{LA57: true, NX: true}, Random: sim.Fixed{Seed: [2]uint32{1 << 31, 1 << 31}},
	}
}

// switched reports whether the paging switch has a place, and whether it was executed.
func switched(r *sim.Result) (placed, executed bool) {
	_, placed = r.Placement("paging_trampoline")
	for _, s := range r.Steps {
		executed = executed || s.Op == sim.Exec && s.Object == "paging trampoline"
	}
	return placed, executed
}

// TestWhoSwitchesPaging: the stub takes its two pages whenever the CPU could switch, the
// decompressor only if it does. A kernel that is built without 5-level paging never does.
func TestWhoSwitchesPaging(t *testing.T) {
	type answer struct{ StubPlaced, StubDone, Placed, Done bool }
	const built = 1 << 6 // XLF_5LEVEL_ENABLED
	without := *debian612(t)
	setup := *without.Setup
	setup.XLoadFlags &^= built
	without.Setup = &setup
	want := map[string]answer{
		"wanted":         {true, true, true, true},
		"no5lvl":         {StubPlaced: true},
		"not built":      {StubPlaced: true},
		"not by the CPU": {},
	}
	got := map[string]answer{}
	for name := range want {
		run := func(design string, sc *sim.Scenario) (placed, done bool) {
			switch name {
			case "no5lvl":
				sc.Cmdline = name
			case "not built":
				sc.Kernel = &without
			case "not by the CPU":
				sc.CPU.LA57 = false
			}
			return switched(boot(t, design, sc))
		}
		var a answer
		a.StubPlaced, a.StubDone = run("efistub", ovmf(t, "nokaslr"))
		a.Placed, a.Done = run("bzimage", bios(t, "nokaslr"))
		got[name] = a
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestMemoryOptions: options about memory take the physical randomness away, not the
// virtual one, and the stub says so unless it is to be quiet.
func TestMemoryOptions(t *testing.T) {
	const text = "EFI stub: mem= detected on the kernel command line - disabling physical KASLR"
	for cmdline, want := range map[string][]string{"mem=1G": {text}, "quiet mem=1G": nil, "quiet": nil} {
		r := boot(t, "efistub", ovmf(t, cmdline))
		if diff := cmp.Diff(want, r.Messages); diff != "" {
			t.Errorf("%s: %s", cmdline, diff)
		}
		kernel, _ := r.Placement("kernel")
		if first := kernel.Range.Start == 0x1600000; first != strings.Contains(cmdline, "mem=") {
			t.Errorf("%s: kernel at %#x", cmdline, kernel.Range.Start)
		}
		if kernel.Virtual == 0xffffffff81000000 {
			t.Errorf("%s: the virtual address is not random", cmdline)
		}
	}
}

// TestStubFailures: each allocation of the stub can fail, and names what it was for.
func TestStubFailures(t *testing.T) {
	free := func(start, end uint64) memmap.EFIDescriptor {
		return memmap.EFIDescriptor{Type: memmap.EFIConventional, Phys: start, Pages: (end - start) / memmap.PageSize, Attr: memmap.EFIWB}
	}
	// The file needs 0xb87 pages and the image 0xbec, freed is only the file; the kernel
	// needs 0x3800000 bytes at a multiple of 2 MiB from 16 MiB on.
	const files = (0xb87 + 0xbec) * memmap.PageSize
	for name, test := range map[string]struct {
		Map    []memmap.EFIDescriptor
		Initrd uint64
		Want   string
	}{
		"file buffer":       {[]memmap.EFIDescriptor{free(0x100000, 0x100000+0xb86000)}, 0, "file buffer: no memory for 0xb8"},
		"PE image":          {[]memmap.EFIDescriptor{free(0x100000, 0x100000+files-1)}, 0, "PE image: no memory for 0xbec000 bytes"},
		"paging trampoline": {[]memmap.EFIDescriptor{free(4*memmap.GiB, 6*memmap.GiB)}, 0, "paging trampoline: no memory for 0x2000 bytes"},
		"kernel":            {[]memmap.EFIDescriptor{free(0x100000, 0x100000+files+0x3000000)}, 0, "Failed to decompress kernel: no memory for 0x3800000 bytes"},
		"initrd":            {[]memmap.EFIDescriptor{free(0x100000, 0x8000000)}, 0x8000000, "initrd: no memory for 0x8000000 bytes"},
	} {
		sc := ovmf(t, "nokaslr")
		sc.Map = &memmap.Map{Kind: memmap.EFI, Descriptors: test.Map}
		sc.Initrd.Size = test.Initrd
		r := boot(t, "efistub", sc)
		if r.Outcome != sim.Fails || !strings.HasPrefix(r.Failure, test.Want) {
			t.Errorf("%s: %s %q", name, r.Outcome, r.Failure)
		}
		if n := len(r.Findings); n == 0 || r.Findings[n-1].Rule != "no-memory" || r.Findings[n-1].Step != len(r.Steps)-1 {
			t.Errorf("%s: findings %v after %d steps", name, r.Findings, len(r.Steps))
		}
	}
}

// TestLongCommandLine: what does not fit into 2047 bytes is cut at a space, which the stub
// says; options behind are gone, for the kernel too.
func TestLongCommandLine(t *testing.T) {
	words := strings.Repeat("option=value ", 157) // 2041 bytes
	r := boot(t, "efistub", ovmf(t, words+"nokaslr"))
	if diff := cmp.Diff([]string{"EFI stub: ERROR: Command line is too long: truncated to 2040 bytes"}, r.Messages); diff != "" {
		t.Error(diff)
	}
	p, _ := r.Placement("command_line")
	kernel, _ := r.Placement("kernel")
	if p.Range.Len() != 2041 || kernel.Range.Start == 0x1600000 {
		t.Errorf("command line of %d bytes, kernel at %#x", p.Range.Len(), kernel.Range.Start)
	}
}
