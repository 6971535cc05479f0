package check

import (
	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

var bssDirtyRule = rule.Rule{
	ID: "bss-dirty", Severity: rule.Error,
	Title: "code is entered with a BSS that is not zero, and does not clear it",
	Text: "Uninitialised data must read as zero. Whoever loads or unpacks a program clears it, unless the program does so itself, " +
		"as x86 kernels do.",
	Example: "the EFI stub entered by the handover protocol, by a loader that knows nothing of its BSS",
	Sources: []string{"arch/x86/kernel/head64.c:clear_bss (v6.12)", "requirement R5 of the April 2023 thread"},
}

// bssDirty remembers what was last written with zeroes.
type bssDirty struct {
	atOnce
	zero memmap.Set
}

func (c *bssDirty) Begin() { c.zero.Clear() }

func (*bssDirty) Watches() sim.Ops { return sim.Uses }

func (c *bssDirty) Step(_ *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	switch {
	case s.Touches():
		c.zero.Remove(s.Range)
		if !s.Zeroed.Empty() {
			c.zero.Add(s.Zeroed)
		}
	case s.Op == sim.Exec && !s.NeedZero.Empty() && !c.zero.Covers(s.NeedZero):
		f := found(bssDirtyRule, s)
		f.Range = s.NeedZero
		f.Message = s.Object + " relies on zeroes that nobody wrote"
		report(f)
	}
}
