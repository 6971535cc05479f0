package check

import (
	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

var nxStrippedRule = rule.Rule{
	ID: "nx-stripped", Severity: rule.Warning,
	Title: "permissions are relaxed on memory that is not the caller's, or is never executed",
	Text: "Boot code has the firmware make memory writable and executable that it never allocated: free memory, or what belongs " +
		"to the firmware and its drivers. The EFI stub of 5.19 to 6.5 did that to all of the low memory in which the paging " +
		"trampoline might come to lie. Until boot services end, whatever runs there runs without the protection that the firmware gave it. " +
		"The rule also fires on memory of the boot code's own that is made executable for nothing.",
	Example: "[0x1e000, 0xa0000) made writable and executable for a trampoline of two pages",
	Sources: []string{
		"drivers/firmware/efi/libstub/x86-stub.c:setup_memory_protection (v6.5)",
		"weakness 1 of the list of 2023-05-03", "requirement R19 of the April 2023 thread",
	},
}

// nxStripped watches changes of permissions that grant more than there was.
type nxStripped struct {
	once
	granted []grant // execution, to memory of the boot code's own
	arrived bool    // in the kernel: nothing is executed later
}

// grant is memory that was made executable, for one object.
type grant struct {
	memmap.Range
	object   string
	executed bool
}

func (c *nxStripped) Begin() {
	c.once.Begin()
	c.granted, c.arrived = c.granted[:0], false
}

func (*nxStripped) Watches() sim.Ops { return sim.AllOps }

func (c *nxStripped) Step(m *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	c.arrived = c.arrived || s.Phase == sim.Kernel
	switch {
	case s.Op == sim.Exec:
		c.executed(s)
	case s.Op == sim.Protect && s.Phase > sim.Loader && m.BootServices:
		before := m.Tables.Least(s.Range)
		if before.Has(s.Perm) || c.ofOthers(m, s, report) {
			return
		}
		if !before.Has(sim.X) && s.Perm.Has(sim.X) {
			c.granted = append(c.granted, grant{Range: s.Range, object: s.Object})
		}
	}
}

// ofOthers reports what s relaxes of memory that is not the caller's.
func (c *nxStripped) ofOthers(m *sim.Machine, s *sim.Step, report func(sim.Finding)) bool {
	others := false
	m.Owner.Over(s.Range, func(o memmap.Span[sim.Owner]) bool {
		if others = o.Value.Phase <= sim.Loader; !others || !c.first(s.Object, "") {
			return !others
		}
		f := found(nxStrippedRule, s)
		f.Other = o.Value.Object
		f.Message = s.Object + " becomes " + s.Perm.String() + ", which the boot code does not own"
		report(f)
		return false
	})
	return others
}

// executed notes that s makes use of what was granted to its memory's object.
func (c *nxStripped) executed(s *sim.Step) {
	for i := range c.granted {
		if !c.granted[i].Overlaps(s.Range) {
			continue
		}
		for j := range c.granted {
			c.granted[j].executed = c.granted[j].executed || c.granted[j].object == c.granted[i].object
		}
	}
}

// End tells of memory that was made executable for nothing.
func (c *nxStripped) End(_ *sim.Machine, report func(sim.Finding)) {
	for _, g := range c.granted {
		if c.arrived && !g.executed && c.first(g.object, "") {
			f := found(nxStrippedRule, &sim.Step{Range: g.Range, Object: g.object})
			f.Message = g.object + " was made executable, and never executed"
			report(f)
		}
	}
}
