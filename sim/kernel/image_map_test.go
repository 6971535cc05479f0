package kernel_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/linux"
	"bootplan/memmap"
)

// TestImageMap: the parts of an image whose code and constants end inside a page, and
// which itself ends at a boundary of 2 MiB: the first page tables map 2 MiB more.
func TestImageMap(t *testing.T) {
	image := pc().Image
	image.Layout.TextEnd, image.Layout.RodataEnd, image.Layout.End = 0xe01d32, 0x1b70008, 0x2e00000
	type parts struct{ Early, Cleared, Data, BSS, Text, Rodata memmap.Range }
	want := parts{
		Early:   memmap.Range{Start: 0x1000000, End: 0x4000000},
		Cleared: memmap.Range{Start: 0x3736000, End: 0x3e00000},
		Data:    memmap.Range{Start: 0x2c00000, End: 0x2e70f80},
		BSS:     memmap.Range{Start: 0x3736000, End: 0x3c00000},
		Text:    memmap.Range{Start: 0x1000000, End: 0x1e02000},
		Rodata:  memmap.Range{Start: 0x2000000, End: 0x2b71000},
	}
	got := parts{image.EarlyMap(), image.Cleared(), image.Data(), image.BSS(), image.Text(), image.Rodata()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +computed:\n%s", diff)
	}
}

// TestHighMapEnds: what stays of the kernel's own mapping ends with the 2 MiB in which
// the part of .brk ends that is in use.
func TestHighMapEnds(t *testing.T) {
	for used, want := range map[uint64]uint64{0x15000: 0x3e00000, 0x1fffff: 0x3e00000, 0x200000: 0x3e00000, 0x200001: 0x4000000} {
		h := pc()
		h.Image.Layout.End, h.Image.BrkUsed = 0x3000000, used
		s, _ := run(t, h)
		if diff := cmp.Diff(memmap.Range{Start: 0x1000000, End: want}, s.HighMap); diff != "" {
			t.Errorf("%#x bytes of brk: -worked out +computed:\n%s", used, diff)
		}
	}
}

// TestRodata: 6.12 knows two words, older kernels every spelling of yes and no. The last
// word counts, up to what is meant for the first process.
func TestRodata(t *testing.T) {
	for _, test := range []struct {
		cmdline    string
		old, today bool // the kernel stays writable and executable
	}{
		{"", false, false},
		{"rodata=off", true, true},
		{"rodata=off rodata=on", false, false},
		{"rodata=off rodata=full", true, true},
		{"rodata=0", true, false},
		{"rodata=No", true, false},
		{"rodata=OFF", true, false},
		{"rodata=off rodata=1", false, true},
		{"rodata=off rodata=ON", false, true},
		{"rodata", false, false},
		{"rodata=off rodata=o", true, true},
		{"rodata=often", true, false},
		{"-- rodata=off", false, false},
	} {
		for version, want := range map[linux.Version]bool{linux.V5_10: test.old, linux.V6_12: test.today} {
			h := pc()
			h.Version, h.Cmdline = version, test.cmdline
			if s, _ := run(t, h); s.Exposed != want {
				t.Errorf("%v %q: exposed %v, expected %v", version, test.cmdline, s.Exposed, want)
			}
		}
	}
}
