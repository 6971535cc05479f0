package design_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/memmap/gallery"
	"bootplan/sim"
)

// TestExampleSelfCopy: the kernel of the worked example is loaded at 16 MiB, unpacked
// there, and its decompressor copies itself to the end of init_size: to 0x1000000 +
// 0x2800000 - 0x970000.
func TestExampleSelfCopy(t *testing.T) {
	sc := bios(t, "nokaslr")
	sc.Kernel, sc.Loader, sc.Initrd = exampleKernel(t, true), "grub", sim.Initrd{}
	r := boot(t, "bzimage", sc)
	want := map[string]memmap.Range{
		"compressed_kernel": {Start: 0x1000000, End: 0x190b000},
		"relocated_image":   {Start: 0x2e90000, End: 0x3800000},
		"kernel":            {Start: 0x1000000, End: 0x3800000},
	}
	if diff := cmp.Diff(want, places(r, want)); diff != "" {
		t.Errorf("%s: %s\n-worked out +simulated:\n%s", r.Outcome, r.Failure, diff)
	}
}

// fragmented is a machine on which the image of the worked example, which is loaded into
// 0x2a00000 bytes, fits below 16 MiB only, and its kernel, of 0x2800000 bytes, in two
// places: it is moved to one of them and unpacked into the other.
func fragmented() *memmap.Map {
	m := &memmap.Map{Kind: memmap.EFI}
	for _, r := range []memmap.Range{
		{Start: 0x10000, End: 0xa0000}, {Start: 0x100000, End: 0x3700000},
		{Start: 0x10000000, End: 0x12800000}, {Start: 0x20000000, End: 0x22800000},
		{Start: 0x30000000, End: 0x31000000}, // for the file and what is small
	} {
		m.Descriptors = append(m.Descriptors, memmap.EFIDescriptor{
			Type: memmap.EFIConventional, Phys: r.Start, Pages: r.Len() / memmap.PageSize, Attr: memmap.EFIWB,
		})
	}
	return m
}

// TestExampleMemory: what the old stub of the worked example has at its peak, without
// initrd, pool blocks and memory for page tables: its image with init_size and 2 MiB of
// slack, the kernel elsewhere, boot_params, and the image's second place if it moves.
func TestExampleMemory(t *testing.T) {
	for name, test := range map[string]struct {
		Map   *memmap.Map
		Moved bool
		Want  uint64
	}{
		"stays": {gallery.OVMF2G(), false, 0x5201000},
		"moves": {fragmented(), true, 0x7a01000},
	} {
		sc := oldStub(t, "ovmf", "")
		sc.Kernel, sc.Map = exampleKernel(t, true), test.Map
		r := boot(t, "efistub@v6.5", sc)
		var got uint64
		var parts memmap.Set
		for _, part := range []string{"pe_image", "moved_image", "kernel", "boot_params"} {
			p, _ := r.Placement(part)
			got += p.Range.Len()
			parts.Add(p.Range)
		}
		if r.Outcome != sim.Boots || got != test.Want || parts.Bytes() != got {
			t.Errorf("%s: %#x bytes, apart from each other %#x, worked out %#x: %s %s", name, got, parts.Bytes(), test.Want, r.Outcome, r.Failure)
		}
		if _, moved := r.Placement("moved_image"); moved != test.Moved {
			t.Errorf("%s: moved is %v", name, moved)
		}
	}
}
