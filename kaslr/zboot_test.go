package kaslr

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/memmap"
)

// The worked example: a kernel of 40 MiB, and seeds that stand for the lowest, the
// middle and the highest place.
func TestVirtualOfWorkedExample(t *testing.T) {
	const size = 0x2800000
	type row struct{ Posted, Revised, Stub uint64 }
	want := map[uint32]row{
		0:          {0x2000000, 0x1000000, 0x1000000},
		0x80000000: {0x20400000, 0x1fc00000, 0x1f400000},
		0xffffffff: {0x3e600000, 0x3e600000, 0x3d600000},
	}
	got := map[uint32]row{}
	for seed := range want {
		got[seed] = row{RFCVirtual(size, seed, step), RFCRevisedVirtual(size, seed, step), StubVirtual(size, seed, step)}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +computed:\n%s", diff)
	}
}

// TestRFCVirtualBounds: whatever the size, both forms stay aligned, above their lowest
// place, and end at most LoadPhysicalAddr beyond the kernel's mapping.
func TestRFCVirtualBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Uint64Range(1, KernelImageSize-LoadPhysicalAddr).Draw(t, "size")
		seed := rapid.Uint32().Draw(t, "seed")
		for lowest, virt := range map[uint64]uint64{
			2 * LoadPhysicalAddr: RFCVirtual(size, seed, step),
			LoadPhysicalAddr:     RFCRevisedVirtual(size, seed, step),
		} {
			if virt%step != 0 || virt < lowest || virt+size > KernelImageSize+LoadPhysicalAddr {
				t.Errorf("size %#x, seed %#x: got %#x, expected %#x or above", size, seed, virt, lowest)
			}
		}
	})
}

// TestMinimumIsCapped: a decompressor that runs high keeps the kernel out of memory up
// to 512 MiB, with Baskov's series up to 64 MiB only.
func TestMinimumIsCapped(t *testing.T) {
	in := &Input{
		Config: Config{PhysicalAlign: step}, Output: 0x38200000, NeededSize: step, CmdlinePtr: 1,
		E820: []memmap.E820Entry{{Addr: 0, Size: memmap.GiB, Type: memmap.E820RAM}},
	}
	for bound, want := range map[uint64]uint64{0: 512 * memmap.MiB, 64 * memmap.MiB: 64 * memmap.MiB, memmap.GiB: 0x38200000} {
		in.MinimumCap = bound
		p := &Plan{}
		if err := p.Make(in); err != nil {
			t.Fatal(err)
		}
		if p.Minimum != want {
			t.Errorf("capped at %#x: got %#x, want %#x", bound, p.Minimum, want)
		}
	}
}
