package kaslr

import (
	"slices"

	"bootplan/memmap"
)

// Exclusion is one reason why the kernel cannot be everywhere, with what it costs.
type Exclusion struct {
	// What is as in Avoid, or "minimum", "limit", "immovable", "hugepages",
	// "soft-reserved", "not-mirrored".
	What string
	Extent
	Bytes uint64  // candidate memory in the extent; for a reason without one: memory that it concerns
	Slots int64   // how many more slots there would be without it
	Bits  float64 // by how much the entropy of the physical address would grow without it
	Err   error   // not nil if the search would fail without it; Slots and Bits are then 0
}

// Exclusions lists what keeps the kernel out of candidate memory or costs slots: the
// avoided ranges in their order, then the bounds, memory that may be unplugged, 1 GiB
// pages, and what the attributes of an EFI map say. Each is judged alone, all others
// staying in force, so the costs do not add up. Errors are those of Make.
func Exclusions(in *Input) ([]Exclusion, error) {
	j := judge{in: in}
	if err := j.plan.Make(in); err != nil || j.plan.Disabled {
		return nil, err
	}
	j.places.MakePhysical(&j.plan)
	memory := j.plan.candidates(in)
	for i, a := range j.plan.Avoid {
		j.note(Exclusion{What: a.What, Extent: a.Extent, Bytes: bytesIn(memory, a.Extent)}, in, restrictions{skip: i})
	}
	j.bounds(memory)
	if len(in.Immovable) > 0 {
		j.note(Exclusion{What: "immovable", Bytes: bytesOutside(memory, in.Immovable)}, in, restrictions{skip: -1, immovable: true})
	}
	taken := j.plan.GBPages - j.plan.GBPagesLeft
	j.note(Exclusion{What: "hugepages", Bytes: taken * memmap.GiB}, in, restrictions{skip: -1, hugePages: true})
	if in.EFI.present() {
		j.attributes(memory)
	}
	return j.list, nil
}

// judge weighs one reason after the other.
type judge struct {
	in     *Input
	plan   Plan
	places Distribution
	list   []Exclusion
}

// note adds e with what it costs: other is the input, and lifted what is lifted, that
// make a plan without it.
func (j *judge) note(e Exclusion, other *Input, lifted restrictions) {
	var without Plan
	if e.Err = without.make(other, lifted); e.Err == nil {
		var places Distribution
		places.MakePhysical(&without)
		e.Slots = int64(without.Slots - j.plan.Slots)
		e.Bits = places.Entropy() - j.places.Entropy()
	}
	if e.Bytes > 0 || e.Slots != 0 || e.Err != nil {
		j.list = append(j.list, e)
	}
}

// bounds judges minimum and limit.
func (j *judge) bounds(memory *memmap.Set) {
	below := Extent{0, j.plan.Minimum}
	above := Extent{j.plan.Limit, -j.plan.Limit - 1}
	j.note(Exclusion{What: "minimum", Extent: below, Bytes: bytesIn(memory, below)}, j.in, restrictions{skip: -1, minimum: true})
	j.note(Exclusion{What: "limit", Extent: above, Bytes: bytesIn(memory, above)}, j.in, restrictions{skip: -1, limit: true})
}

// attributes judges what the attributes of an EFI map keep out of the candidates.
func (j *judge) attributes(memory *memmap.Set) {
	soft, mirror := *j.in, *j.in
	soft.SoftReserve = false
	mirror.EFI.Descs = slices.Clone(j.in.EFI.Descs)
	for i := range mirror.EFI.Descs {
		mirror.EFI.Descs[i].Attr &^= memmap.EFIMoreReliable
	}
	for _, c := range []struct {
		what  string
		other *Input
	}{{"soft-reserved", &soft}, {"not-mirrored", &mirror}} {
		more := j.plan.candidates(c.other).Bytes() - memory.Bytes()
		j.note(Exclusion{What: c.what, Bytes: more}, c.other, restrictions{skip: -1})
	}
}

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
