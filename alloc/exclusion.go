package alloc

import (
	"slices"

	"bootplan/memmap"
)

// Exclusion is one reason why RandomAlloc does not take memory, with what it costs.
type Exclusion struct {
	// What is the name of an EFI type ("Boot Data"), or "hot-pluggable", "soft-reserved",
	// "not-mirrored", "minimum", "limit" or "too-small".
	What  string
	Bytes uint64 // Conventional memory that the reason concerns, or memory of that type
	Slots int64  // how many more slots there would be without it
}

// Exclusions lists what keeps an allocation for q out of a map: first the types other
// than Conventional, as they come in the map, without those that are address space and
// not memory, then the rest. Each reason is judged alone, all others staying in force;
// only what is too small for even one slot is judged last, and costs none.
func (q Request) Exclusions(descs []memmap.EFIDescriptor) []Exclusion {
	have, mirrored := q.total(descs)
	var list []Exclusion
	note := func(what string, bytes, without uint64) {
		if bytes > 0 {
			list = append(list, Exclusion{what, bytes, int64(without - have)})
		}
	}
	for _, t := range typesOf(descs) {
		without, _ := q.total(freed(descs, t))
		note(t.String(), bytesOf(descs, everything, func(d *memmap.EFIDescriptor) bool { return d.Type == t }), without)
	}
	attribute := func(what string, attr memmap.EFIAttr, concerns func(*memmap.EFIDescriptor) bool) {
		without, _ := q.total(changed(descs, func(d *memmap.EFIDescriptor) { d.Attr &^= attr }))
		note(what, bytesOf(descs, everything, concerns), without)
	}
	has := func(attr memmap.EFIAttr) func(*memmap.EFIDescriptor) bool {
		return func(d *memmap.EFIDescriptor) bool { return isFree(d) && d.Attr&attr != 0 }
	}
	attribute("hot-pluggable", memmap.EFIHotPluggable, has(memmap.EFIHotPluggable))
	if q.SoftReserve {
		attribute("soft-reserved", memmap.EFISP, has(memmap.EFISP))
	}
	if mirrored {
		attribute("not-mirrored", memmap.EFIMoreReliable, func(d *memmap.EFIDescriptor) bool {
			return isFree(d) && d.Attr&memmap.EFIMoreReliable == 0
		})
	}
	low, high := q, q
	low.Min, high.Max = 0, ^uint64(0)
	without, _ := low.total(descs)
	note("minimum", bytesOf(descs, memmap.Range{End: q.Min}, isFree), without)
	without, _ = high.total(descs)
	note("limit", bytesOf(descs, memmap.Range{Start: q.end(), End: everything.End}, isFree), without)
	note("too-small", q.tooSmall(descs), have)
	return list
}

// everything is the address space, as far as a range can tell.
var everything = memmap.Range{End: ^uint64(0)}

// end is the address behind Max.
func (q Request) end() uint64 { return min(q.Max, everything.End-1) + 1 }

// total is the number of slots in a map, and whether only mirrored ones count.
func (q Request) total(descs []memmap.EFIDescriptor) (slots uint64, mirrored bool) {
	s := q.rule()
	return s.count(descs)
}

// tooSmall is how much memory between minimum and limit that nothing else speaks
// against has no slot.
func (q Request) tooSmall(descs []memmap.EFIDescriptor) uint64 {
	s := q.rule()
	_, mirrored := s.count(descs)
	return bytesOf(descs, memmap.Range{Start: q.Min, End: q.end()}, func(d *memmap.EFIDescriptor) bool {
		eligible := isFree(d) && d.Attr&s.refuse == 0 && (!mirrored || d.Attr&memmap.EFIMoreReliable != 0)
		return eligible && s.slots(d) == 0
	})
}

func isFree(d *memmap.EFIDescriptor) bool { return d.Type == memmap.EFIConventional }

// typesOf lists the types in a map that are memory in use, each once.
func typesOf(descs []memmap.EFIDescriptor) []memmap.EFIType {
	var types []memmap.EFIType
	for i := range descs {
		switch t := descs[i].Type; t {
		case memmap.EFIConventional, memmap.EFIReserved, memmap.EFIUnusable, memmap.EFIMMIO, memmap.EFIMMIOPort:
		default:
			if !slices.Contains(types, t) {
				types = append(types, t)
			}
		}
	}
	return types
}

// freed is a map in which memory of type t is free, and one with free neighbours.
func freed(descs []memmap.EFIDescriptor, t memmap.EFIType) []memmap.EFIDescriptor {
	return joinNeighbours(changed(descs, func(d *memmap.EFIDescriptor) {
		if d.Type == t {
			d.Type = memmap.EFIConventional
		}
	}))
}

// changed is a map in which every descriptor has been changed.
func changed(descs []memmap.EFIDescriptor, change func(*memmap.EFIDescriptor)) []memmap.EFIDescriptor {
	list := slices.Clone(descs)
	for i := range list {
		change(&list[i])
	}
	return list
}

// bytesOf is how many bytes in r have a descriptor of which concerns is true.
func bytesOf(descs []memmap.EFIDescriptor, r memmap.Range, concerns func(*memmap.EFIDescriptor) bool) uint64 {
	memory := &memmap.Set{}
	for i := range descs {
		if d, err := descs[i].Range(); err == nil && concerns(&descs[i]) {
			memory.Add(d.Intersect(r))
		}
	}
	return memory.Bytes()
}
