package check

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

var clobberRule = rule.Rule{
	ID: "clobber", Severity: rule.Error,
	Title: "a write lands on bytes that someone still needs",
	Text: "Boot code has no memory protection between its own objects: the compressed kernel, page tables, " +
		"the stack, the initial RAM disk, the command line and boot_params lie side by side, and a wrong placement " +
		"overwrites one with another. The machine then fails much later, far from the cause. The rule fires at the " +
		"write itself, and names the object that is lost.",
	Example: "a kernel decompressed to 0x3c00000 while an initrd lies at 0x3fe88000 and the output is 64 MiB long",
	Sources: []string{"arch/x86/boot/compressed/kaslr.c:mem_avoid_init (v6.12) lists what the decompressor must not overwrite"},
}

// clobber watches writes onto objects that are still needed. Unpacking over one's
// own input is legal as long as it does not overtake it: see overrun.
type clobber struct{ once }

func (*clobber) Watches() sim.Ops { return sim.Uses }

func (c *clobber) Step(m *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	switch {
	case s.Touches():
		c.lose(m, s, s.Range, " overwrote ", report)
	case !s.Clears.Empty():
		c.lose(m, s, s.Clears, " is about to clear its BSS, and with it ", report)
	}
}

// lose reports what s does to those bytes of r that are needed.
func (c *clobber) lose(m *sim.Machine, s *sim.Step, r memmap.Range, verb string, report func(sim.Finding)) {
	m.Needed.Over(r, func(n memmap.Span[string]) bool {
		if n.Value == "" || n.Value == s.Object || (s.Op == sim.Copy && s.From.Covers(n.Range)) {
			return true
		}
		if !c.first(s.Object, n.Value) {
			return true // the loss is known
		}
		f := found(clobberRule, s)
		f.Range, f.Other = n.Range, n.Value
		f.Message = s.Object + verb + n.Value + ", which is still needed"
		report(f)
		return true
	})
}

var overrunRule = rule.Rule{
	ID: "overrun", Severity: rule.Error,
	Title: "in-place decompression overtakes its input",
	Text: "The decompressor writes the kernel over the memory that holds its own compressed input, from below. " +
		"That is safe only while the write position stays below the read position. The build therefore puts the end of the " +
		"input a margin above the end of the output: 128 KiB plus one 256th of the output, which covers every " +
		"compressor. With less, bytes that are not read yet can be overwritten.",
	Example: "output  ████████████████████████\n" +
		"input               ████████████░░  its end has to lie this far behind that of the output",
	Sources: []string{"arch/x86/boot/header.S (v6.12), extra_bytes"},
}

// overrun checks the margin of decompression in place.
type overrun struct{ stateless }

func (overrun) Watches() sim.Ops { return 1 << sim.Copy }

func (overrun) Step(_ *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	if !s.InPlace || !s.Range.Overlaps(s.From) {
		return
	}
	need := s.Range.Len()>>8 + 128*memmap.KiB
	if s.From.End >= s.Range.End && s.From.End-s.Range.End >= need {
		return
	}
	f := found(overrunRule, s)
	f.Other = "its input"
	f.Message = fmt.Sprintf("the input ends at %#x; unpacking up to %#x needs it to end at %#x or above", s.From.End, s.Range.End, s.Range.End+need)
	report(f)
}

var staleExecRule = rule.Rule{
	ID: "stale-exec", Severity: rule.Error,
	Title: "bytes are executed that were overwritten or never written",
	Text: "The processor is sent to an address where the code that was meant to run is not, or no longer. The rule " +
		"compares what is executed with what was last written there.",
	Example: "an initrd loaded over the decompressor before the decompressor runs",
	Sources: []string{"arch/x86/boot/compressed/head_64.S:startup_64 (v6.12) runs what it has just copied"},
}

// staleExec compares what is executed with what was last written there.
type staleExec struct{ stateless }

func (staleExec) Watches() sim.Ops { return 1 << sim.Exec }

func (staleExec) Step(m *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	m.Content.Over(s.Range, func(c memmap.Span[string]) bool {
		if c.Value == s.Object {
			return true
		}
		f := found(staleExecRule, s)
		f.Range, f.Other = c.Range, c.Value
		f.Message = s.Object + " is executed, but nothing was written there"
		if c.Value != "" {
			f.Message = s.Object + " is executed, but " + c.Value + " was written there"
		}
		report(f)
		return false
	})
}
