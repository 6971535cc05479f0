package check

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

var unacceptedRule = rule.Rule{
	ID: "unaccepted", Severity: rule.Error,
	Title: "memory is touched that the guest has not accepted",
	Text: "In a confidential guest (Intel TDX, AMD SEV-SNP) memory that the hypervisor adds cannot be used before the guest has " +
		"accepted it, page by page, which is slow. Firmware accepts what it needs itself and reports the rest as Unaccepted; " +
		"whoever uses such memory accepts it first. A touch before that is an exception that early boot code cannot handle.",
	Example: "a kernel unpacked into a range of type Unaccepted that no accept step covers",
	Sources: []string{
		"UEFI 2.11, 7.2 (EfiUnacceptedMemoryType)",
		"drivers/firmware/efi/libstub/unaccepted_memory.c:accept_memory (v6.12)",
	},
}

// unaccepted watches accesses to memory that is not accepted.
type unaccepted struct{}

func (unaccepted) Begin() {}

func (unaccepted) Step(m *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	if uses(s) || s.Op == sim.Read {
		accepted(m, s, s.Range, report)
	}
	if s.Op == sim.Copy {
		accepted(m, s, s.From, report)
	}
}

// accepted reports the first stretch of r that is not accepted.
func accepted(m *sim.Machine, s *sim.Step, r memmap.Range, report func(sim.Finding)) {
	m.Use.Over(r, func(u memmap.Span[sim.Use]) bool {
		if u.Value != sim.UseUnaccepted {
			return true
		}
		f := found(unacceptedRule, s)
		f.Range, f.Fault = u.Range, true
		f.Message = fmt.Sprintf("%s: %s at %#x, in memory that was not accepted", s.Object, s.Op, u.Start)
		report(f)
		return false
	})
}
