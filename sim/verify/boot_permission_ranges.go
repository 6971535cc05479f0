package verify

import (
	"bootplan/memmap"
	"bootplan/sim"
)

// ownedRange is memory of the boot code: where it was recorded, and where the
// simulation has it.
type ownedRange struct {
	name                string
	recorded, simulated memmap.Range
}

// owned are the ranges of boot code that exist at m and whose recorded place is known.
func (v *verification) owned(m *moment) []ownedRange {
	c := v.c
	places := map[string]uint64{}
	put := func(name string, at *hex) {
		if at != nil {
			places[name] = uint64(*at)
		}
	}
	put("pe_image", c.Stub.Image)
	if m.step.Op == sim.Exit || m.step.Phase > sim.Stub || m.step.Object == "kernel" {
		put("boot_params", c.Stub.BootParams)
		put("paging_trampoline", c.Trampoline.Base)
		put("kernel_block", c.Placement.Phys)
		if c.Ramdisk != nil {
			put("initrd", &c.Ramdisk.Image)
		}
	}
	var list []ownedRange
	for _, p := range v.result.Placements {
		if at, known := places[p.Name]; known {
			r := p.Range.Outward(memmap.PageSize)
			list = append(list, ownedRange{p.Name, memmap.Range{Start: at, End: at + r.Len()}, r})
		}
	}
	return list
}

// within states how tables map an owned range, at the recorded addresses.
func within(t *sim.Tables, o ownedRange) List {
	var spans []memmap.Span[sim.Perm]
	t.Over(o.simulated, func(s memmap.Span[sim.Perm]) bool {
		s.Range = s.Intersect(o.simulated)
		s.Start += o.recorded.Start - o.simulated.Start
		s.End += o.recorded.Start - o.simulated.Start
		spans = append(spans, s)
		return true
	})
	return listOf(spans)
}

// listOf states spans of memory with equal permissions.
func listOf(spans []memmap.Span[sim.Perm]) List {
	list := List{}
	for _, s := range spans {
		list = append(list, Range{s.Range, s.Value.String()})
	}
	return list
}

// list are the recorded ranges.
func (s *tableStop) list() List {
	list := List{}
	for _, r := range s.Ranges {
		list = append(list, Range{memmap.Range{Start: uint64(r.Start), End: uint64(r.Last) + 1}, r.Perm})
	}
	return list
}

// within are the recorded ranges inside r.
func (s *tableStop) within(r memmap.Range) List { return cut(s.list(), r) }

// cut is what ranges have inside r.
func cut(ranges List, r memmap.Range) List {
	list := List{}
	for _, item := range ranges {
		e := item.(Range)
		if e.Range = e.Intersect(r); !e.Empty() {
			list = append(list, e)
		}
	}
	return list
}

// exposedRAM is how much RAM is writable and executable.
func (v *verification) exposedRAM(m *moment) (Value, string) {
	ram := v.c.ram()
	if ram == nil {
		return nil, "how much RAM the machine had was not recorded"
	}
	return Address(exposed(&m.tables, ram, sim.RWX)), ""
}
