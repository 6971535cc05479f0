package kaslr

import "bootplan/memmap"

// walk turns candidate memory into slot areas of a plan.
type walk struct {
	plan      *Plan
	immovable []Extent
	skip      int // index in Plan.Avoid of a range that is not avoided; -1: none
}

// region walks r from its start, around everything that is avoided, and stores
// what is large enough.
// Source: arch/x86/boot/compressed/kaslr.c:__process_mem_region (v6.12).
func (w *walk) region(r Extent) error {
	p := w.plan
	start := max(r.Start, p.Minimum)
	end := min(r.End(), p.Limit)
	var last lap
	for len(p.Areas) < MaxAreas {
		aligned := memmap.AlignUp(start, p.Align)
		if aligned < start {
			if err := last.next(p); err != nil {
				return err
			}
		}
		if aligned > end || end-aligned < p.NeededSize {
			return nil
		}
		rest := Extent{aligned, end - aligned}
		hole, found := w.firstAvoided(rest)
		if !found {
			p.storeAround1G(rest)
			return nil
		}
		if hole.Start >= aligned+p.NeededSize {
			p.storeAround1G(Extent{aligned, hole.Start - aligned})
		}
		start = hole.End()
	}
	return nil
}

// firstAvoided returns, of the avoided ranges that overlap r and begin before its
// end, the one with the lowest start; it may begin below r.
// Source: arch/x86/boot/compressed/kaslr.c:mem_avoid_overlap (v6.12).
func (w *walk) firstAvoided(r Extent) (first Extent, found bool) {
	earliest := r.End()
	for i := range w.plan.Avoid {
		a := &w.plan.Avoid[i]
		if a.Start < earliest && r.Start < a.End() && i != w.skip {
			first, earliest, found = a.Extent, a.Start, true
		}
	}
	return first, found
}

// lap remembers what a walk had when rounding up last took it back to address 0.
type lap struct {
	begun   bool
	areas   int
	gbPages uint64
}

// next begins another lap. What happens from address 0 on depends only on how many
// areas are stored and how many 1 GiB pages are wanted, so a lap that changed neither
// repeats for ever. Laps that only take 1 GiB pages take the same number each time,
// and all but the last few are left out here.
func (l *lap) next(p *Plan) error {
	if l.begun && l.areas == len(p.Areas) {
		taken := l.gbPages - p.GBPagesLeft
		if taken == 0 {
			return ErrNeverReturns
		}
		p.GBPagesLeft %= taken
	}
	*l = lap{true, len(p.Areas), p.GBPagesLeft}
	return nil
}

// storeAround1G stores r as slot area, or what is left of it in front of and behind
// the 1 GiB pages in it that hugepages= asks for.
// Source: arch/x86/boot/compressed/kaslr.c:process_gb_huge_pages (v6.12).
func (p *Plan) storeAround1G(r Extent) {
	first := memmap.AlignUp(r.Start, memmap.GiB)
	end := memmap.AlignDown(r.End(), memmap.GiB)
	if p.GBPagesLeft == 0 || first >= end {
		p.store(r)
		return
	}
	if first >= r.Start+p.NeededSize {
		p.store(Extent{r.Start, first - r.Start})
	}
	pages := min((end-first)/memmap.GiB, p.GBPagesLeft)
	p.GBPagesLeft -= pages
	end = first + pages*memmap.GiB
	if r.End() >= end+p.NeededSize {
		p.store(Extent{end, r.End() - end})
	}
}

// store adds the slots of r, which is large enough for the kernel.
// Source: arch/x86/boot/compressed/kaslr.c:store_slot_info (v6.12).
func (p *Plan) store(r Extent) {
	if len(p.Areas) == MaxAreas {
		return
	}
	area := Area{r.Start, 1 + (r.Size-p.NeededSize)/p.Align}
	p.Areas = append(p.Areas, area)
	p.Slots += area.Slots
	p.sums = append(p.sums, p.Slots)
}
