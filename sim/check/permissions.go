package check

import (
	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

var unmappedRule = rule.Rule{
	ID: "unmapped", Severity: rule.Error,
	Title: "an access without a mapping and without a handler that would make one",
	Text: "Page tables in force do not map the address. Early boot code has no page-fault handler at first, so the fault " +
		"cannot be delivered: double fault, triple fault, reset, without a word on the console.",
	Example: "a read of setup_data at 0x140000000 under tables that map 4 GiB, before there is a page-fault handler",
	Sources: []string{"arch/x86/boot/compressed/idt_64.c:load_stage1_idt (v6.12) installs no page-fault gate"},
}

var nxExecRule = rule.Rule{
	ID: "nx-exec", Severity: rule.Error,
	Title: "execution where the mapping in force forbids it",
	Text: "The mapping has the no-execute bit set. Firmware with a strict policy maps data, and free memory, without " +
		"execute permission; code that was copied there, such as the paging trampoline of old kernels in low memory, " +
		"faults at its first instruction.",
	Example: "written:   paging trampoline at 0x9e000, into free memory\n" +
		"mapped:    rw-, since the firmware maps free memory so\n" +
		"executed:  page fault at 0x9e000, and nobody there to handle it",
	Sources: []string{"requirement R1 of the April 2023 thread", "MdeModulePkg/Core/Dxe/Misc/MemoryProtection.c (edk2-stable202502)"},
}

var roWriteRule = rule.Rule{
	ID: "ro-write", Severity: rule.Error,
	Title: "a write where the mapping in force forbids it",
	Text: "The mapping is read-only: a section of a PE image that promises not to be written, or memory that the boot code " +
		"itself has protected.",
	Example: "a stub that writes a variable in a section that its header declares r-x, on firmware that maps it so",
	Sources: []string{"requirement R20 of the April 2023 thread", "UEFI 2.11, 37.2 (EFI_MEMORY_ATTRIBUTE_PROTOCOL)"},
}

// trapped reports what the processor refuses of a step for one reason.
type trapped struct {
	stateless
	kind sim.TrapKind
	rule rule.Rule
}

func (*trapped) Watches() sim.Ops { return sim.Accesses }

func (c *trapped) Step(m *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	if m.Trap.Kind != c.kind {
		return
	}
	f := found(c.rule, s)
	f.Range, f.Message, f.Fault = m.Trap.Range, m.Trap.Message, true
	report(f)
}

var wxMappedRule = rule.Rule{
	ID: "wx-mapped", Severity: rule.Warning,
	Title: "a mapping is writable and executable at once",
	Text: "Memory that can be written and executed through one mapping lets any stray write become code. Nothing has to go " +
		"wrong for this rule to fire: it tells how much is exposed. Firmware that signs images since 2022 asks that no " +
		"such mapping exists.",
	Example: "[mem 0x00000000-0xffffffff] rwx: every byte of RAM below 4 GiB",
	Sources: []string{"requirement R22 of the April 2023 thread", "arch/x86/boot/compressed/ident_map_64.c: leaf entries 0x1e3, no NX (v6.12)"},
}

// wxMapped watches mappings that boot code makes writable and executable. The kernel
// maps itself so for a while, behind every boot code alike.
type wxMapped struct{ once }

func (*wxMapped) Watches() sim.Ops { return 1<<sim.Map | 1<<sim.Protect }

func (c *wxMapped) Step(m *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	if s.Range.Empty() || s.By == sim.ByHandler || !s.Perm.Has(sim.W|sim.X) || s.Phase == sim.Firmware || s.Phase == sim.Kernel {
		return
	}
	if s.Op == sim.Protect && m.Tables.Least(s.Range).Has(s.Perm) {
		return // it was so before: the request changes nothing
	}
	if !c.first(s.Object, "") {
		return
	}
	f := found(wxMappedRule, s)
	f.Message = s.Object + " is mapped writable and executable"
	report(f)
}

var wxUsedRule = rule.Rule{
	ID: "wx-used", Severity: rule.Error,
	Title: "the same bytes are written and executed through one W+X mapping",
	Text: "Boot code writes instructions and runs them without a change of permissions between. It works only because the " +
		"mapping is writable and executable at once, so it fails on firmware that maps nothing so, and it cannot " +
		"be made safe without a step that takes the write permission away first.",
	Example: "write  [mem 0x9e000-0x9efff]  rwx  code of the trampoline\n" +
		"exec   [mem 0x9e000-0x9efff]  rwx  and nothing took the right to write away between",
	Sources: []string{"UEFI CA memory mitigation requirements (2022-11-30)"},
}

// wxUsed watches execution of bytes that boot code wrote through the same mapping.
// What firmware and loaders wrote does not count against the boot code.
type wxUsed struct {
	once
	written memmap.Spans[string] // through a W+X mapping, permissions unchanged since
}

func (c *wxUsed) Begin() {
	c.once.Begin()
	c.written.Clear()
}

func (*wxUsed) Watches() sim.Ops { return sim.Uses | 1<<sim.Protect }

func (c *wxUsed) Step(m *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	switch {
	case s.Touches():
		mark := ""
		if s.Phase >= sim.Stub && m.Tables.Paging && s.Perm.Has(sim.RWX) {
			mark = s.Object
		}
		c.written.Set(s.Range, mark)
	case s.Op == sim.Protect && !s.Perm.Has(sim.W|sim.X):
		c.written.Set(s.Range, "")
	case s.Op == sim.Exec && m.Tables.Paging && s.Perm.Has(sim.RWX):
		c.written.Over(s.Range, func(w memmap.Span[string]) bool {
			if w.Value != "" && c.first(w.Value, "") {
				f := found(wxUsedRule, s)
				f.Range = w.Range
				f.Message = s.Object + " is written and executed through one W+X mapping"
				report(f)
			}
			return true
		})
	}
}
