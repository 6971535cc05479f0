package design_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/memmap/gallery"
	"bootplan/sim"
)

// TestInitrdPlaces holds the loaders' own choice for an initrd of 0x157cf6 bytes
// against recorded boots, and those at the edge against what was worked out.
func TestInitrdPlaces(t *testing.T) {
	const recorded = 0x157cf6
	q35 := &memmap.Map{Kind: memmap.E820, Entries: []memmap.E820Entry{
		{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM},
		{Addr: 0x100000, Size: 0x7fedf000, Type: memmap.E820RAM},
		{Addr: 0x100000000, Size: 0x80000000, Type: memmap.E820RAM},
	}}
	islands := oneGiB()
	islands.Entries = append(islands.Entries, memmap.E820Entry{Addr: 0x40010000, Size: 0x20000, Type: memmap.E820RAM})
	for name, test := range map[string]struct {
		Map    *memmap.Map
		Loader string
		Size   uint64
		Want   uint64
	}{
		"QEMU, 1 GiB":          {oneGiB(), "qemu", recorded, 0x3ffe0000 - 0x158000},
		"QEMU, RAM above 4G":   {q35, "qemu", recorded, 0x7ffd0000 - 0x158000},
		"GRUB, 4 GiB":          {q35, "grub", recorded, 0x37d3f000}, // as recorded with this map
		"GRUB on EFI":          {gallery.OVMF2G(), "grub", recorded, 0x37d3f000},
		"GRUB, one page":       {q35, "grub", 1, 0x37fee000 - 0x1000},
		"QEMU, all it can be":  {q35, "qemu", 0x7ffd0000 - 0x100000, 0x100000},
		"QEMU, small RAM last": {islands, "qemu", recorded, 0x3ffe0000 - 0x158000},
	} {
		r := boot(t, "bzimage", &sim.Scenario{
			Map: test.Map, Kernel: debian612(t), Cmdline: "nokaslr", Loader: test.Loader,
			Initrd: sim.Initrd{Size: test.Size}, Random: sim.Fixed{},
		})
		initrd, _ := r.Placement("initrd")
		if diff := cmp.Diff(memmap.Range{Start: test.Want, End: test.Want + test.Size}, initrd.Range); diff != "" {
			t.Errorf("%s: %s\n%s", name, r.Outcome, diff)
		}
	}
}

// TestInitrdTooLarge: a loader that has no room says so, and starts nothing.
func TestInitrdTooLarge(t *testing.T) {
	for _, loader := range []string{"qemu", "grub"} {
		r := boot(t, "bzimage", &sim.Scenario{
			Map: oneGiB(), Kernel: debian612(t), Loader: loader, Initrd: sim.Initrd{Size: memmap.GiB}, Random: sim.Fixed{},
		})
		if r.Outcome != sim.Fails || !strings.Contains(r.Failure, "no room for an initrd of 0x40000000 bytes") {
			t.Errorf("%s: %s %q", loader, r.Outcome, r.Failure)
		}
		if _, placed := r.Placement("compressed_kernel"); placed {
			t.Errorf("%s goes on", loader)
		}
	}
}
