package check

import (
	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

var demandMapRule = rule.Rule{
	ID: "demand-map", Severity: rule.Warning,
	Title: "a page-fault handler maps more than RAM, grants execution, or serves an instruction fetch",
	Text: "The decompressor maps what it touches on demand: any address that faults is mapped readable, writable and " +
		"executable, 2 MiB at a time, without a look at the memory map. It needs that for data only; mappings without " +
		"execute permission would do.",
	Example: "touched:  one byte at 0x7de64211\n" +
		"mapped:   [mem 0x7de00000-0x7dffffff] rwx, by the handler\n" +
		"enough:   the same, rw-",
	Sources: []string{"arch/x86/boot/compressed/ident_map_64.c:do_boot_page_fault (v6.12)", "weakness 4 of the list of 2023-05-03"},
}

// demandMap watches page-fault handlers. It says each of the four things once.
type demandMap struct {
	once
	handled memmap.Set // what handlers have mapped in the tables in force
	latest  memmap.Range
}

func (c *demandMap) Begin() {
	c.once.Begin()
	c.handled.Clear()
	c.latest = memmap.Range{}
}

func (*demandMap) Watches() sim.Ops { return sim.AllOps }

func (c *demandMap) Step(m *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	say := func(r memmap.Range, message string) {
		f := found(demandMapRule, s)
		f.Range, f.Message = r, message
		report(f)
	}
	if m.Tables.OnFault.Has(sim.X) && c.first("execution", "") {
		say(s.Range, "from here on a page-fault handler maps whatever faults "+m.Tables.OnFault.String())
	}
	switch {
	case s.By == sim.ByHandler:
		c.handled.Add(s.Range)
		c.latest = s.Range
		if r := outsideRAM(m, s.Range); !r.Empty() && c.first("width", "") {
			say(r, "the page-fault handler maps addresses that are no RAM")
		}
	case s.Op == sim.Switch:
		c.handled.Clear()
	case s.Op == sim.Map, s.Op == sim.Protect:
		c.handled.Remove(s.Range)
	case s.Op == sim.Exec && s.Range.Overlaps(c.latest) && c.first("fetch", ""):
		say(s.Range, s.Object+" is executed because the page-fault handler served the instruction fetch")
	case s.Op == sim.Exec && !c.handled.Overlap(s.Range).Empty() && c.first("executed", ""):
		say(s.Range, s.Object+" is executed in memory that the page-fault handler mapped for data")
	}
	if s.By != sim.ByHandler {
		c.latest = memmap.Range{}
	}
}

// outsideRAM is the first stretch of r that the map does not call RAM, usable or not.
func outsideRAM(m *sim.Machine, r memmap.Range) memmap.Range {
	var first memmap.Range
	m.Use.Over(r, func(u memmap.Span[sim.Use]) bool {
		if u.Value == sim.UseNone || u.Value == sim.UseMMIO {
			first = u.Range
		}
		return first.Empty()
	})
	return first
}
