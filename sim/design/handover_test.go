package design_test

import (
	"testing"

	"bootplan/image"
	"bootplan/kaslr"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/design"
)

// TestDirectMap: between its lowest place and the CPU entry area, 117.5 TiB higher with
// 4-level paging, the direct map shares what it, vmalloc and vmemmap do not need. It needs
// 64 TiB; before Debian's 6.1 1 TiB for memory, and 10 TiB for what may be plugged in.
func TestDirectMap(t *testing.T) {
	const lowest, span, vmalloc, vmemmap, seed = 0xffff888000000000, 1175 * memmap.GiB * 1024 / 10, 32 * memmap.TiB, memmap.TiB, 0x1234567890abcdef
	for profile, needs := range map[string]uint64{"debian-5.10": 11 * memmap.TiB, "debian-6.1": 64 * memmap.TiB} {
		kernel, err := image.Profile(profile)
		if err != nil {
			t.Fatal(err)
		}
		sc := bios(t, "")
		sc.Kernel, sc.CPU.LA57, sc.Random = kernel, false, sim.Fixed{MemoryValue: seed}
		random := kaslr.NewPrandom(seed)
		share := (span - needs - vmalloc - vmemmap) / 3
		want := lowest + memmap.AlignDown(random.Uint64()%(share+1), memmap.GiB)
		r := boot(t, design.Fitting(kernel, false), sc)
		if direct, _ := r.Placement("direct_map"); direct.Virtual != want {
			t.Errorf("%s: direct map at %#x, worked out %#x", profile, direct.Virtual, want)
		}
	}
}
