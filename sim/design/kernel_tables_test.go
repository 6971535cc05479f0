package design_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/sim"
)

// TestKernelTables: Debian's 6.12 at 16 MiB. Its image has code [0, 0x1000000), constants
// up to 0x1b71000, data from 0x1c00000, BSS from 0x2736000 and ends at 0x2c30000. The page
// of 2 MiB in which it ends is mapped as a whole, first and last. The debugger that
// stopped perm-bios-pc-1g-612-nokaslr in user space found the same rights.
func TestKernelTables(t *testing.T) {
	const at = 0x1000000
	r := boot(t, "bzimage", bios(t, "nokaslr"))
	type act struct {
		Op    string
		Range memmap.Range
		Perm  string
	}
	var got []act
	for _, s := range r.Steps {
		if s.Phase == sim.Kernel && strings.HasPrefix(s.Object, "kernel") {
			got = append(got, act{s.Op.String(), s.Range, s.Perm.String()})
		}
	}
	want := []act{
		{"write", memmap.Range{Start: at + 0x1c00000, End: at + 0x1e70f80}, "rwx"},
		{"switch", memmap.Range{Start: at, End: at + 0x2e00000}, "rwx"},
		{"write", memmap.Range{Start: at + 0x2736000, End: at + 0x2c30000}, "rwx"},
		{"switch", memmap.Range{Start: at, End: at + 0x2e00000}, "rwx"},
		{"protect", memmap.Range{Start: at, End: at + 0x1000000}, "r-x"},
		{"protect", memmap.Range{Start: at + 0x1000000, End: at + 0x2e00000}, "rw-"},
		{"protect", memmap.Range{Start: at + 0x1000000, End: at + 0x1b71000}, "r--"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
	rights := map[uint64]sim.Perm{
		0x1000: sim.RW, 0x98000: sim.R, 0x99000: sim.RX, 0x9afff: sim.RX, 0x9b000: sim.RW, // low memory, and the trampoline in it
		at - 1: sim.RW, at: sim.RX, at + 0x1000000: sim.R, at + 0x1b71000: sim.RW, at + 0x2dfffff: sim.RW, 0x3ffdffff: sim.RW,
		0x3ffe0000: 0, // not RAM
	}
	for addr, want := range rights {
		if got := r.KernelTables.Least(memmap.Range{Start: addr, End: addr + 1}); got != want {
			t.Errorf("%#x is mapped %s, expected %s", addr, got, want)
		}
	}
}

// TestKernelExposure: for how long the kernel is writable and executable, and what keeps
// it so.
func TestKernelExposure(t *testing.T) {
	const image = 0x2e00000                    // of whole 2 MiB pages
	const ram = 0xa0000 + 0x3ffe0000 - 0xf0000 // the ROM's included
	const trampoline = 0x3000                  // its header and code
	for name, test := range map[string]struct {
		cmdline string
		noNX    bool
		want    uint64
	}{
		"protected":             {"nokaslr", false, 0},
		"rodata=off":            {"nokaslr rodata=off", false, image},
		"on again":              {"nokaslr rodata=off rodata=on", false, 0},
		"not a word of 6.12":    {"nokaslr rodata=0", false, 0},
		"not the kernel's":      {"nokaslr -- rodata=off", false, 0},
		"processor without NX":  {"nokaslr", true, ram - 0x1000000 - 0xb71000 - trampoline}, // all but code and constants
		"the same, unprotected": {"nokaslr rodata=off", true, ram - trampoline},
	} {
		sc := bios(t, test.cmdline)
		sc.CPU.NX = !test.noNX
		r := boot(t, "bzimage", sc)
		if m, ok := r.Metric(sim.WXAfterRodata); !ok || uint64(m.Value) != test.want {
			t.Errorf("%s: %#x bytes writable and executable, worked out %#x", name, uint64(m.Value), test.want)
		}
	}
}

// TestEarlyMapSurplus: the first page tables map the 2 MiB in which the address behind the
// image lies, even where the image ends at their beginning.
func TestEarlyMapSurplus(t *testing.T) {
	sc := bios(t, "nokaslr")
	k, vo := *sc.Kernel, *sc.Kernel.VO
	layout := *vo.Layout
	layout.End = 0x2e00000
	vo.Layout, k.VO, sc.Kernel = &layout, &vo, &k
	r := boot(t, "bzimage", sc)
	var got []uint64
	for _, s := range r.Steps {
		if s.Phase == sim.Kernel && s.Op == sim.Switch {
			got = append(got, s.Range.Len())
		}
	}
	if diff := cmp.Diff([]uint64{0x3000000, 0x2e00000}, got); diff != "" { // later only what the heap has taken
		t.Errorf("bytes mapped: -worked out +simulated:\n%s", diff)
	}
}
