package kaslr

import (
	"testing"

	"pgregory.net/rapid"

	"bootplan/memmap"
)

// TestOddsOfRegions: every layout that the kernel chooses is one that it can choose,
// and none is beside its grid or above its share.
func TestOddsOfRegions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := RegionConfig{Enabled: true, LA57: rapid.Bool().Draw(t, "la57"), ZoneDevice: rapid.Bool().Draw(t, "zone device")}
		maxPFN := rapid.Uint64Range(1, 1<<32).Draw(t, "max_pfn")
		r := RandomizeRegions(c, maxPFN, rapid.Uint64().Draw(t, "seed"))
		for i, odds := range OddsOfRegions(c, maxPFN, r) {
			if odds.Probability <= 0 || odds.Probability > 1 {
				t.Fatalf("region %d: %+v", i, odds)
			}
		}
		beside := r
		beside.Vmalloc += memmap.PageSize
		if odds := OddsOfRegions(c, maxPFN, beside); odds[0].Probability == 0 || odds[1].Probability != 0 {
			t.Fatalf("a page beside: %+v", odds)
		}
		below := r
		below.PageOffset -= memmap.TiB * (1 << 16)
		if odds := OddsOfRegions(c, maxPFN, below); odds[0].Probability != 0 {
			t.Fatalf("below: %+v", odds)
		}
	})
}

// TestOddsOfDirectMap: with 4-level paging in Debian's configuration 20.5 TiB remain
// beside regions of 64, 32 and 1 TiB between 0xffff888000000000 and 0xfffffe0000000000,
// of which the direct map may move up by a third: 6997.33 GiB. Each place but the last
// is equally likely.
func TestOddsOfDirectMap(t *testing.T) {
	const space = 0xfffffe0000000000 - 0xffff888000000000 // 117.5 TiB
	const share = (space - 97*memmap.TiB) / 3             // 6997.33 GiB
	found := Regions{PageOffset: 0xffff888000000000 + 5*memmap.GiB}
	odds := OddsOfRegions(RegionConfig{Enabled: true, ZoneDevice: true}, 1<<20, found)[0]
	if odds.Places != 6998 || odds.Probability != float64(memmap.GiB)/float64(share+1) {
		t.Errorf("%+v", odds)
	}
}
