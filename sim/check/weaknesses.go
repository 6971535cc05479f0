package check

import (
	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

var selfRelocatedRule = rule.Rule{
	ID: "self-relocated", Severity: rule.Warning,
	Title: "code moves itself and runs at a place nobody protected",
	Text: "The decompressor copies itself to the end of the buffer into which it will unpack the kernel and jumps there. " +
		"Where a page allocator exists the move is needless, and it relies on memory that is writable and executable.",
	Sources: []string{"arch/x86/boot/compressed/head_64.S:startup_64 (v6.12)", "weakness 3 of the list of 2023-05-03"},
}

// selfRelocated watches code that was executed, copied, and executed at the copy.
type selfRelocated struct {
	atOnce
	ran   memmap.Spans[string] // what was executed, by object
	moved memmap.Spans[string] // copies of it that no Protect has touched
}

func (c *selfRelocated) Begin() {
	c.ran.Clear()
	c.moved.Clear()
}

func (c *selfRelocated) Step(_ *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	switch s.Op {
	case sim.Copy:
		self := ""
		c.ran.Over(s.From, func(r memmap.Span[string]) bool {
			if r.Value != "" {
				self = s.Object
			}
			return self == ""
		})
		c.moved.Set(s.Range, self)
	case sim.Write:
		c.moved.Set(s.Range, "")
	case sim.Protect:
		c.moved.Set(s.Range, "")
	case sim.Exec:
		c.ran.Set(s.Range, s.Object)
		if moved := c.moved.At(s.Range.Start); moved != "" {
			f := found(selfRelocatedRule, s)
			f.Message = s.Object + " has copied itself and runs at the copy"
			report(f)
			c.moved.Set(s.Range, "")
		}
	}
}

var demandMapRule = rule.Rule{
	ID: "demand-map", Severity: rule.Warning,
	Title: "a page-fault handler maps more than RAM, grants execution, or serves an instruction fetch",
	Text: "The decompressor maps what it touches on demand: any address that faults is mapped readable, writable and " +
		"executable, 2 MiB at a time, without a look at the memory map. It needs that for data only; mappings without " +
		"execute permission would do.",
	Sources: []string{"arch/x86/boot/compressed/ident_map_64.c:do_boot_page_fault (v6.12)", "weakness 4 of the list of 2023-05-03"},
}

// demandMap watches page-fault handlers.
type demandMap struct{ once }

func (c *demandMap) Step(m *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	if !m.Tables.OnFault.Has(sim.X) || !c.first("", "") {
		return
	}
	f := found(demandMapRule, s)
	f.Message = "from here on a page-fault handler maps whatever faults " + m.Tables.OnFault.String()
	report(f)
}

var pePromiseRule = rule.Rule{
	ID: "pe-promise", Severity: rule.Warning,
	Title: "an access that a PE section's permissions do not allow",
	Text: "The section table of an EFI image says for each section whether it is written and whether it is executed. " +
		"Firmware that enforces the table faults on anything else. Older kernels declared one section that was " +
		"executable, and wrote to it.",
	Sources: []string{"weakness 2 of the list of 2023-05-03", "arch/x86/boot/header.S:section_table (v6.12)"},
}

// pePromise is told the sections of an image when it is loaded, and holds later
// accesses against them.
type pePromise struct {
	once
	sections memmap.Spans[sim.Perm]
}

func (c *pePromise) Begin() {
	c.once.Begin()
	c.sections.Clear()
}

func (c *pePromise) Step(_ *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	if s.Op == sim.Free {
		c.sections.Set(s.Range, 0)
	}
	if s.Op == sim.Write && s.Phase == sim.Firmware && s.Promise != 0 {
		c.sections.Set(s.Range, s.Promise)
	}
	if s.Phase != sim.Stub && s.Phase != sim.Decompressor {
		return
	}
	need := sim.R
	switch {
	case s.Touches():
		need = sim.W
	case s.Op == sim.Exec:
		need = sim.X
	default:
		return
	}
	c.sections.Over(s.Range, func(p memmap.Span[sim.Perm]) bool {
		if p.Value != 0 && !p.Value.Has(need) && c.first(s.Object, s.Op.String()) {
			f := found(pePromiseRule, s)
			f.Range = p.Range
			f.Message = s.Op.String() + " of " + s.Object + " in a section that is declared " + p.Value.String()
			report(f)
		}
		return true
	})
}
