package check

import (
	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

var useAfterFreeRule = rule.Rule{
	ID: "use-after-free", Severity: rule.Error,
	Title: "memory is used by its last owner after it was freed",
	Text: "Memory that was given back can hold something else at any time. Reading what was left there, executing it, or writing " +
		"to it as if it were still one's own works only as long as nobody else has taken the memory. Somebody else who writes there " +
		"uses free memory: that is the rule not-owned.",
	Example: "the stub frees its copy of the memory map and then reads a descriptor in it",
	Sources: []string{"UEFI 2.11, 7.2 (FreePages, FreePool)"},
}

// useAfterFree remembers who freed memory that nobody has taken since.
type useAfterFree struct {
	once
	freed  memmap.Spans[string]
	around memmap.Range // what was ever freed lies in it
}

func (c *useAfterFree) Begin() {
	c.once.Begin()
	c.freed.Clear()
	c.around = memmap.Range{}
}

func (*useAfterFree) Watches() sim.Ops { return sim.Accesses | 1<<sim.Alloc | 1<<sim.Free }

func (c *useAfterFree) Step(_ *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	switch s.Op {
	case sim.Free:
		c.freed.Set(s.Range, s.Object)
		if c.around.Empty() {
			c.around = s.Range
		}
		c.around = memmap.Range{Start: min(c.around.Start, s.Range.Start), End: max(c.around.End, s.Range.End)}
	case sim.Alloc:
		c.freed.Set(s.Range, "")
	case sim.Read, sim.Exec:
		c.use(s, s.Range, "", report)
	case sim.Write, sim.Copy:
		c.use(s, s.From, "", report)
		c.use(s, s.Range, s.Object, report)
		if c.around.Overlaps(s.Range) {
			c.freed.Set(s.Range, "") // what is there from now on is new
		}
	}
}

// use reports the first stretch of r that was freed, by who if that is not empty.
func (c *useAfterFree) use(s *sim.Step, r memmap.Range, who string, report func(sim.Finding)) {
	if !c.around.Overlaps(r) {
		return
	}
	c.freed.Over(r, func(f memmap.Span[string]) bool {
		if f.Value == "" || who != "" && f.Value != who || !c.first(s.Object, f.Value) {
			return true
		}
		finding := found(useAfterFreeRule, s)
		finding.Range, finding.Other = f.Range, f.Value
		finding.Message = s.Object + ": " + s.Op.String() + " of memory that was freed (" + f.Value + ")"
		report(finding)
		return false
	})
}

var badFreeRule = rule.Rule{
	ID: "bad-free", Severity: rule.Error,
	Title: "memory is freed that was not allocated by the caller",
	Text: "Freeing what one does not own takes it from under its owner; freeing it twice gives it to two new owners. Firmware cannot " +
		"tell: it takes back whatever pages it is told.",
	Example: "a stub that frees a buffer's size rounded up, and with it a page of the next buffer",
	Sources: []string{"UEFI 2.11, 7.2 (FreePages)"},
}

// badFree compares what is freed with what is allocated.
type badFree struct {
	stateless
	freed memmap.Set // at some time: a page of a pool is freed block by block, and then as a whole
}

func (c *badFree) Begin() { c.freed.Clear() }

func (*badFree) Watches() sim.Ops { return 1 << sim.Free }

func (c *badFree) Step(m *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	f := found(badFreeRule, s)
	owned := false
	m.Owner.Over(s.Range, func(o memmap.Span[sim.Owner]) bool {
		nobody := o.Value == sim.Owner{}
		owned = owned || !nobody
		switch {
		case nobody && !c.freed.Covers(o.Range):
			f.Range, f.Message = o.Range, s.Object+" frees memory that nobody allocated"
		case !nobody && o.Value.Phase != s.Phase && o.Value.Object != s.Object:
			f.Range, f.Other = o.Range, o.Value.Object
			f.Message = s.Object + " frees memory that belongs to " + o.Value.Object
		}
		return f.Message == ""
	})
	if f.Message == "" && !owned {
		f.Message = s.Object + " frees memory that was freed before"
	}
	if f.Message != "" {
		report(f)
	}
	c.freed.Add(s.Range)
}
