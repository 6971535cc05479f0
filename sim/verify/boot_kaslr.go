package verify

import (
	"bootplan/kaslr"
	"bootplan/memmap"
	"bootplan/sim"
)

// kaslrTables compares what the decompressor knew before it drew random numbers, and
// what it made of them.
func (v *verification) kaslrTables() {
	d := &v.c.Debugger
	if d.Tables != nil {
		v.tables(d.Tables, func(what func(*kaslr.Plan, *kaslr.Input) Value) func() (Value, string) {
			return v.planned(func() Value { return what(v.result.Randomness.Decompressor, v.result.Randomness.Input) })
		})
	}
	v.fact("needed_size", address(d.NeededSize), v.where(noReason, "kernel", func(sim.Placement) Value { return Address(v.kernel.NeededSize()) }))
	if d.VirtualSlots != nil {
		v.fact("virtual_slots", Number(*d.VirtualSlots), v.planned(func() Value { return Number(v.result.Randomness.Decompressor.VirtualSlots) }))
	}
}

// tables compares the decompressor's tables. planned makes a prediction of what is told
// of the plan and of its input.
func (f *facts) tables(t *kaslrTables, planned func(what func(*kaslr.Plan, *kaslr.Input) Value) func() (Value, string)) {
	f.fact("kaslr_limit", Address(t.Limit), planned(func(p *kaslr.Plan, _ *kaslr.Input) Value { return Address(p.Limit) }))
	f.fact("kaslr_avoided", sized(t.Avoid), planned(avoided))
	f.fact("kaslr_immovable", sized(t.Immovable), planned(immovable))
	f.fact("slot_areas", recordedAreas(t.Areas), planned(slotAreas))
	f.fact("slots", Number(t.Slots), planned(func(p *kaslr.Plan, _ *kaslr.Input) Value { return Number(p.Slots) }))
}

// sized are recorded ranges, without what they are: a person named them.
func sized(ranges []sizedRange) List {
	list := List{}
	for _, r := range ranges {
		list = append(list, extent(uint64(r.Start), uint64(r.Size)))
	}
	return list
}

// extent is size bytes from start; its end may wrap around 2^64, as in the real code.
func extent(start, size uint64) Range {
	return Range{Range: memmap.Range{Start: start, End: start + size}}
}

// avoided are the ranges of the plan that stand in the code's own list; setup_data it
// looks up as it goes.
func avoided(p *kaslr.Plan, _ *kaslr.Input) Value {
	list := List{}
	for _, a := range p.Avoid {
		if a.What != "setup_data" && a.What != "setup_indirect" {
			list = append(list, extent(a.Start, a.Size))
		}
	}
	return list
}

func immovable(_ *kaslr.Plan, in *kaslr.Input) Value {
	list := List{}
	for _, e := range in.Immovable {
		list = append(list, extent(e.Start, e.Size))
	}
	return list
}

func recordedAreas(areas []slotsAt) List {
	list := List{}
	for _, a := range areas {
		list = append(list, Slots{Address(a.Start), a.Slots})
	}
	return list
}

func slotAreas(p *kaslr.Plan, _ *kaslr.Input) Value {
	list := List{}
	for _, a := range p.Areas {
		list = append(list, Slots{Address(a.Start), a.Slots})
	}
	return list
}
