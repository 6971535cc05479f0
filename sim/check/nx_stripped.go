package check

import (
	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

var nxStrippedRule = rule.Rule{
	ID: "nx-stripped", Severity: rule.Warning,
	Title: "permissions are relaxed on memory that is not the caller's",
	Text: "Boot code has the firmware make memory writable and executable that it never allocated: free memory, or what belongs " +
		"to the firmware and its drivers. The EFI stub of 5.19 to 6.5 did that to all of the low memory in which the paging " +
		"trampoline might come to lie. Until boot services end, whatever runs there runs without the protection that the firmware gave it.",
	Example: "[0x1e000, 0xa0000) made writable and executable for a trampoline of two pages",
	Sources: []string{
		"drivers/firmware/efi/libstub/x86-stub.c:setup_memory_protection (v6.5)",
		"weakness 1 of the list of 2023-05-03", "requirement R19 of the April 2023 thread",
	},
}

// nxStripped watches changes of permissions that grant more than there was.
type nxStripped struct{ once }

func (c *nxStripped) Step(m *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	if s.Op != sim.Protect || s.Phase <= sim.Loader || !m.BootServices || m.Tables.Least(s.Range).Has(s.Perm) {
		return
	}
	m.Owner.Over(s.Range, func(o memmap.Span[sim.Owner]) bool {
		if o.Value.Phase > sim.Loader || !c.first(s.Object, "") {
			return true
		}
		f := found(nxStrippedRule, s)
		f.Other = o.Value.Object
		f.Message = s.Object + " becomes " + s.Perm.String() + ", which the boot code does not own"
		report(f)
		return false
	})
}
