package kaslr

import "bootplan/memmap"

// Exclusion is one reason why the kernel cannot be everywhere, with what it costs.
type Exclusion struct {
	What string // as in Avoid, or "minimum", "limit", "immovable", "hugepages"
	Extent
	Bytes uint64  // candidate memory in the extent; for "immovable" outside of what is known to stay
	Slots int64   // how many more slots there would be without it
	Bits  float64 // by how much the entropy of the physical address would grow without it
	Err   error   // not nil if the search would fail without it; Slots and Bits are then 0
}

// Exclusions lists what keeps the kernel out of candidate memory or costs slots: the
// avoided ranges in their order, then the bounds, memory that may be unplugged, and
// 1 GiB pages. Each is judged alone, all others staying in force, so the costs do not
// add up. Errors are those of Make.
func Exclusions(in *Input) ([]Exclusion, error) {
	var plan Plan
	if err := plan.Make(in); err != nil || plan.Disabled {
		return nil, err
	}
	memory := plan.candidates(in)
	var d Distribution
	d.MakePhysical(&plan)
	entropy := d.Entropy()
	var list []Exclusion
	note := func(e Exclusion, lifted restrictions) {
		var without Plan
		if e.Err = without.make(in, lifted); e.Err == nil {
			e.Slots = int64(without.Slots - plan.Slots)
			d.MakePhysical(&without)
			e.Bits = d.Entropy() - entropy
		}
		if e.Bytes > 0 || e.Slots != 0 || e.Err != nil {
			list = append(list, e)
		}
	}
	for i, a := range plan.Avoid {
		note(Exclusion{What: a.What, Extent: a.Extent, Bytes: bytesIn(memory, a.Extent)}, restrictions{skip: i})
	}
	below := Extent{0, plan.Minimum}
	above := Extent{plan.Limit, -plan.Limit - 1}
	note(Exclusion{What: "minimum", Extent: below, Bytes: bytesIn(memory, below)}, restrictions{skip: -1, minimum: true})
	note(Exclusion{What: "limit", Extent: above, Bytes: bytesIn(memory, above)}, restrictions{skip: -1, limit: true})
	if len(in.Immovable) > 0 {
		note(Exclusion{What: "immovable", Bytes: bytesOutside(memory, in.Immovable)}, restrictions{skip: -1, immovable: true})
	}
	taken := plan.GBPages - plan.GBPagesLeft
	note(Exclusion{What: "hugepages", Bytes: taken * memmap.GiB}, restrictions{skip: -1, hugePages: true})
	return list, nil
}

// MakeWithout is Make for a kernel that does not avoid one range, given by its index
// in the Avoid of the plan that Make computes.
func (p *Plan) MakeWithout(in *Input, avoid int) error { return p.make(in, restrictions{skip: avoid}) }

// restrictions are those that can be lifted, to see what they cost.
type restrictions struct {
	skip      int // index in Plan.Avoid of a range that is not avoided; -1: none
	minimum   bool
	limit     bool
	immovable bool
	hugePages bool
}

// apply lifts those that a plan states by itself.
func (r restrictions) apply(p *Plan) {
	if r.minimum {
		p.Minimum = p.Align
	}
	if r.limit {
		p.Limit = maxMem5Level
	}
	if r.hugePages {
		p.GBPages = 0
	}
	p.GBPagesLeft = p.GBPages
}

// bytesIn is how much of memory lies in r, of which a part beyond 2^64 is cut off.
func bytesIn(memory *memmap.Set, r Extent) (n uint64) {
	end := r.End()
	if r.Wraps() {
		end = ^uint64(0)
	}
	in, _ := memory.Intersection(memmap.Range{Start: r.Start, End: end})
	for _, part := range in {
		n += part.Len()
	}
	return n
}

// bytesOutside is how much of memory lies in none of the extents.
func bytesOutside(memory *memmap.Set, list []Extent) uint64 {
	rest := memory.Clone()
	for _, r := range list {
		if proper, ok := r.proper(); ok {
			rest.Remove(proper)
		}
	}
	return rest.Bytes()
}
