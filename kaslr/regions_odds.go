package kaslr

import "bootplan/memmap"

// RegionOdds is how many places a region could have taken, those below it given, and
// how likely the one was that it took: 0 for a place that it cannot take.
type RegionOdds struct {
	Places      uint64
	Probability float64
}

// OddsOfRegions judges a randomised layout that was found on a machine whose memory
// ends at page frame maxPFN: for the direct map, vmalloc and vmemmap, in that order, it
// undoes what RandomizeRegions does. Only the addresses of found are looked at.
func OddsOfRegions(c RegionConfig, maxPFN uint64, found Regions) [3]RegionOdds {
	layout := layoutOf(c.LA57)
	sizes := layout.sizes(c, maxPFN)
	at := layout.defaults.PageOffset
	left := uint64(regionsEnd) - at
	for _, tib := range sizes {
		left -= tib * memmap.TiB
	}
	var odds [3]RegionOdds
	for i, base := range []uint64{found.PageOffset, found.Vmalloc, found.Vmemmap} {
		share, gap := left/uint64(3-i), base-at
		odds[i].Places = share/memmap.GiB + 1
		if gap > share || gap%memmap.GiB != 0 {
			return odds
		}
		odds[i].Probability = float64(min(memmap.GiB, share+1-gap)) / float64(share+1)
		at = memmap.AlignUp(base+sizes[i]*memmap.TiB+1, memmap.GiB)
		left -= gap
	}
	return odds
}
