package kaslr

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/memmap"
)

// The figures of the GNU Scientific Library's taus113, which the kernel's own self-test
// uses too: seeded by x -> 69069x, ten numbers thrown away.
func TestPrandomIsTaus113(t *testing.T) {
	for _, c := range []struct{ seed, iteration, want uint32 }{
		{1, 1, 3484351685}, {2, 1, 2623130059}, {3, 1, 3125133893}, {4, 1, 984847254},
		{931557656, 959, 2975593782}, {407983964, 921, 728767059},
	} {
		p := &Prandom{}
		x := c.seed
		for i, least := range [4]uint32{2, 8, 16, 128} {
			x *= 69069
			if x < least {
				x += least
			}
			p.s[i] = x
		}
		var got uint32
		for range 10 + c.iteration {
			got = p.Uint32()
		}
		if got != c.want {
			t.Errorf("seed %d, number %d: %d, want %d", c.seed, c.iteration, got, c.want)
		}
	}
}

func TestNewPrandomKeepsStatesLargeEnough(t *testing.T) {
	if diff := cmp.Diff([4]uint32{2, 8, 16, 128}, NewPrandom(0).s); diff != "" {
		t.Error(diff)
	}
	// 0x1_00000001: the halves cancel, but for the low one shifted left by 10.
	if diff := cmp.Diff([4]uint32{0x400, 0x400, 0x400, 0x400}, NewPrandom(0x1_00000001).s); diff != "" {
		t.Error(diff)
	}
}

func TestRegionsWithoutKASLR(t *testing.T) {
	want := Regions{PageOffset: 0xffff888000000000, Vmalloc: 0xffffc90000000000, Vmemmap: 0xffffea0000000000, PhysmemEnd: 1<<46 - 1}
	if diff := cmp.Diff(want, RandomizeRegions(RegionConfig{}, 1<<20, 1)); diff != "" {
		t.Error(diff)
	}
}

func TestRegionSizes(t *testing.T) {
	for name, c := range map[string]struct {
		config RegionConfig
		maxPFN uint64
		want   [3]uint64
	}{
		"1 GiB and 10 TiB of padding":        {RegionConfig{PhysicalPadding: 10}, 1 << 18, [3]uint64{11, 32, 1}},
		"not more than the mode can address": {RegionConfig{PhysicalPadding: 100}, 1 << 18, [3]uint64{64, 32, 1}},
		"devices may be anywhere":            {RegionConfig{ZoneDevice: true}, 1 << 18, [3]uint64{64, 32, 1}},
		"5-level paging":                     {RegionConfig{ZoneDevice: true, LA57: true}, 1 << 18, [3]uint64{4096, 12800, 64}},
	} {
		c.config.Enabled = true
		if diff := cmp.Diff(c.want, RandomizeRegions(c.config, c.maxPFN, 1).SizeTiB); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// The regions keep their order and at least 1 GiB of distance, begin at multiples of
// 1 GiB, and end at most the 2 GiB of those distances behind the start of the CPU entry
// area.
func TestRegionsNeverMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := RegionConfig{
			Enabled: true, LA57: rapid.Bool().Draw(t, "la57"), ZoneDevice: rapid.Bool().Draw(t, "zone device"),
			PhysicalPadding: rapid.Uint64Range(0, 64).Draw(t, "padding"),
		}
		r := RandomizeRegions(c, rapid.Uint64Range(0, 1<<40).Draw(t, "max_pfn"), rapid.Uint64().Draw(t, "seed"))
		end := layoutOf(c.LA57).defaults.PageOffset
		for i, base := range []uint64{r.PageOffset, r.Vmalloc, r.Vmemmap} {
			if base < end || base%memmap.GiB != 0 {
				t.Fatalf("region %d is at %#x, what lies below ends at %#x: %+v", i, base, end, r)
			}
			end = base + r.SizeTiB[i]*memmap.TiB + memmap.GiB
		}
		if end-memmap.GiB > regionsEnd+2*memmap.GiB {
			t.Fatalf("the last region ends at %#x: %+v", end-memmap.GiB, r)
		}
	})
}
