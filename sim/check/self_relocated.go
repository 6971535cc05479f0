package check

import (
	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

var selfRelocatedRule = rule.Rule{
	ID: "self-relocated", Severity: rule.Warning,
	Title: "code moves itself and runs at a place nobody protected",
	Text: "The decompressor copies itself to the end of the buffer into which it will unpack the kernel and jumps there. Its stack " +
		"is there before a byte of it is. Where a page allocator exists the move is needless, and it relies on memory that is " +
		"writable and executable.",
	Example: "loaded:  ██decompressor██░░░░░░░░░░░░░░░░░░░░░░░\n" +
		"moved:   ░░░░░░░░░░░░░░░░░░░░░░░██decompressor██  and runs there\n" +
		"then:    ████████ kernel ███████decompressor██░",
	Sources: []string{"arch/x86/boot/compressed/head_64.S:startup_64 (v6.12)", "weakness 3 of the list of 2023-05-03"},
}

// selfRelocated watches code that was executed, copied, and executed at the copy.
type selfRelocated struct {
	atOnce
	ran   memmap.Spans[string] // what was executed, by object
	moved memmap.Spans[string] // copies of it that no Protect has touched
	stack memmap.Range         // the last one that was written to
	early bool                 // it was set up at the copy's side before the copy was made
}

func (c *selfRelocated) Begin() {
	c.ran.Clear()
	c.moved.Clear()
	c.stack, c.early = memmap.Range{}, false
}

func (*selfRelocated) Watches() sim.Ops { return sim.Uses | 1<<sim.Protect }

func (c *selfRelocated) Step(m *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	switch s.Op {
	case sim.Copy:
		c.copied(s)
	case sim.Write:
		c.changed(s.Range)
		if s.Pool == sim.Stack {
			c.stack = s.Range
		}
	case sim.Protect:
		c.changed(s.Range)
	case sim.Exec:
		c.ran.Set(s.Range, s.Object)
		if c.moved.At(s.Range.Start) != "" {
			c.report(m, s, report)
			c.moved.Set(s.Range, "")
		}
	}
}

// changed notes that r holds no untouched copy any more.
func (c *selfRelocated) changed(r memmap.Range) {
	if len(c.moved.All()) > 0 {
		c.moved.Set(r, "")
	}
}

// copied notes what was copied, if it is code that has run.
func (c *selfRelocated) copied(s *sim.Step) {
	self := ""
	c.ran.Over(s.From, func(r memmap.Span[string]) bool {
		if r.Value != "" {
			self = s.Object
		}
		return self == ""
	})
	c.moved.Set(s.Range, self)
	if self != "" {
		c.early = !c.stack.Empty() && distance(c.stack, s.Range) < distance(c.stack, s.From)
	}
}

// distance is how far behind r the stack lies; a stack in front of it is none of its own.
func distance(stack, r memmap.Range) uint64 { return stack.End - r.End }

func (c *selfRelocated) report(m *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	f := found(selfRelocatedRule, s)
	f.Message = s.Object + " has copied itself and runs at the copy"
	if !owned(m, s.Range) {
		f.Message += ", in memory that nobody allocated"
	}
	if c.early {
		f.Message += "; its stack was there before a byte of it was copied"
	}
	report(f)
}
