package verify

import (
	"strconv"
	"strings"

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
func (s *tableStop) within(r memmap.Range) List {
	list := List{}
	for _, item := range s.list() {
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

// ram is where QEMU's machines have their RAM; nil where that is not known.
// Source: QEMU hw/i386/pc_piix.c:pc_init1, pc_q35.c:pc_q35_init (v7.2).
func (c *Capture) ram() []memmap.Range {
	size, ok := ramSize(c.RAM)
	machine, options, _ := strings.Cut(c.Firmware.Machine, ",")
	if !ok {
		return nil
	}
	low := uint64(0xe0000000)
	if machine == "q35" {
		low = 0xb0000000
	}
	if size >= low {
		low = memmap.AlignDown(low, memmap.GiB)
	}
	for _, option := range strings.Split(options, ",") {
		if limit, found := strings.CutPrefix(option, "max-ram-below-4g="); found {
			if n, ok := ramSize(limit); ok {
				low = min(low, n)
			}
		}
	}
	low = min(low, size)
	return []memmap.Range{{End: low}, {Start: 4 * memmap.GiB, End: 4*memmap.GiB + size - low}}
}

// ramSize reads "512M" or "2G", options behind it left out.
func ramSize(text string) (bytes uint64, ok bool) {
	text, _, _ = strings.Cut(text, ",")
	unit := memmap.MiB
	if t, found := strings.CutSuffix(text, "G"); found {
		text, unit = t, memmap.GiB
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(text, "M"), 10, 32)
	return n * unit, err == nil
}
