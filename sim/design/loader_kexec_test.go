package design_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/sim"
)

// TestKexecPlaces: one buffer for boot_params, command line and a seed of 48 bytes with its
// head, which ends at 0x1000 + 38 (8 of command line, 30 kept) rounded up to 16, + 112 + 48,
// and so takes two pages at the end of RAM; init_size, 0x37ee000 bytes, at a multiple of
// 2 MiB; the initrd's 252 pages below the buffer. Before 6.0 there is no seed.
func TestKexecPlaces(t *testing.T) {
	r := func(start, end uint64) memmap.Range { return memmap.Range{Start: start, End: end} }
	sc := bios(t, "nokaslr")
	sc.Loader, sc.Initrd.Addr = "kexec64", 0
	want := map[string]memmap.Range{
		"boot_params":       r(0x3ffde000, 0x3ffdf000),
		"command_line":      r(0x3ffdf000, 0x3ffdf008),
		"compressed_kernel": r(0x3c600000, 0x3c600000+0xb81200),
		"relocated_image":   r(0x3c600000+0x37ee000-0xbe7000, 0x3c600000+0x37ee000),
		"kernel":            r(0x3c600000, 0x3c600000+0x2c30000),
		"initrd":            r(0x3fee2000, 0x3fee2000+1031920),
	}
	type node struct {
		Addr, End uint64
		Type      uint32
	}
	for name, seed := range map[string][]node{"bzimage": {{0x3ffdf0a0, 0x3ffdf0d0, 9}}, "bzimage@v5.15": nil} {
		result := boot(t, name, sc)
		if diff := cmp.Diff(want, places(result, want)); result.Outcome != sim.Boots || diff != "" {
			t.Errorf("%s: %s %s\n-worked out +simulated:\n%s", name, result.Outcome, result.Failure, diff)
		}
		var got []node
		for _, s := range result.Steps {
			if s.Op == sim.Write && s.Object == "setup_data" {
				got = append(got, node{s.Range.Start, s.Range.End, 9})
			}
		}
		if diff := cmp.Diff(seed, got); diff != "" {
			t.Errorf("%s: seed, -worked out +simulated:\n%s", name, diff)
		}
	}
}

// TestKexecAbove4G: what is loaded goes to the highest RAM, and the old kernel's tables
// reach it.
func TestKexecAbove4G(t *testing.T) {
	sc := bios(t, "nokaslr")
	sc.Loader, sc.Initrd.Addr = "kexec64", 0
	sc.Map.Entries = append(sc.Map.Entries, memmap.E820Entry{Addr: 4 * memmap.GiB, Size: memmap.GiB, Type: memmap.E820RAM})
	r := boot(t, "bzimage", sc)
	kernel, _ := r.Placement("kernel")
	if want := 5*memmap.GiB - 0x3800000; r.Outcome != sim.Boots || kernel.Range.Start != want { // 0x37ee000 rounded to 2 MiB
		t.Errorf("%s at %#x, worked out %#x: %s", r.Outcome, kernel.Range.Start, want, r.Failure)
	}
}

// TestKexecWithoutRoom: the loader says what it finds no room for. 0x37ee000 bytes from
// 0x1000000 on, and two pages, fit into 0x37f0000 bytes exactly.
func TestKexecWithoutRoom(t *testing.T) {
	for size, want := range map[uint64]string{
		0x37f0000:          "",
		0x37ef000:          "kexec finds no room for 0x37ee000 bytes: unpacking window",
		memmap.PageSize:    "kexec finds no room for 0x2000 bytes: boot_params",
		0x37f0000 + 0xfb00: "kexec finds no room for 0xfc000 bytes: initrd",
	} {
		sc := bios(t, "nokaslr")
		sc.Loader, sc.Initrd, sc.CPU.LA57 = "kexec64", sim.Initrd{}, false
		if strings.HasSuffix(want, "initrd") {
			sc.Initrd.Size = 0xfbef0
		}
		sc.Map = &memmap.Map{Kind: memmap.E820, Entries: []memmap.E820Entry{{Addr: 0x1000000, Size: size, Type: memmap.E820RAM}}}
		if r := boot(t, "bzimage", sc); !strings.Contains(r.Failure, want) || want == "" && strings.Contains(r.Failure, "kexec") {
			t.Errorf("%#x bytes: %q, expected %q", size, r.Failure, want)
		}
	}
}
