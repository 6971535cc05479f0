package check

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

var above4GRule = rule.Rule{
	ID: "above-4g", Severity: rule.Error,
	Title: "32-bit code meets an address above 4 GiB",
	Text: "The 32-bit entry of the decompressor, the code that switches paging levels and 32-bit firmware have registers of 32 bits: " +
		"an address above 4 GiB loses its upper half on the way. What they touch has to be allocated below.",
	Example: "a paging trampoline at 0x100000000",
	Sources: []string{
		"arch/x86/boot/compressed/head_64.S:startup_32, trampoline_32bit_src (v6.12)",
		"drivers/firmware/efi/libstub/x86-5lvl.c:efi_setup_5level_paging (v6.12) asks for memory below 4 GiB",
	},
}

// above4G watches what 32-bit code touches.
type above4G struct{ once }

func (*above4G) Watches() sim.Ops { return sim.AllOps }

func (c *above4G) Step(_ *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	end := max(s.Range.End, s.From.End)
	if !s.Bits32 || end <= 4*memmap.GiB || !c.first(s.Object, "") {
		return
	}
	f := found(above4GRule, s)
	f.Message = fmt.Sprintf("%s: %s up to %#x by code that reaches 4 GiB", s.Object, s.Op, end)
	report(f)
}

var outOfRangeRule = rule.Rule{
	ID: "out-of-range", Severity: rule.Error,
	Title: "an address beyond what the machine or the design can reach",
	Text: "A placement lies beyond the physical address width of the CPU, or beyond the limit that the design states for itself. The " +
		"decompressor halts with a message when the kernel's virtual address would not fit into the kernel mapping.",
	Example: "--cpu phys-bits=36 and a map with RAM above 64 GiB",
	Sources: []string{"arch/x86/boot/compressed/misc.c:extract_kernel (v6.12)", "Intel SDM volume 3, 4.1.4 (MAXPHYADDR)"},
}

// outOfRange watches uses of addresses that the CPU does not have.
type outOfRange struct{ once }

func (*outOfRange) Watches() sim.Ops { return sim.AllOps }

func (c *outOfRange) Step(m *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	width := uint64(1) << m.PhysBits
	if s.Range.End <= width || s.Op == sim.Map || s.Op == sim.Protect || !c.first(s.Object, "") {
		return
	}
	f := found(outOfRangeRule, s)
	f.Range.Start = max(f.Range.Start, width)
	f.Message = fmt.Sprintf("%s: %s beyond the %d bits of physical addresses that the CPU has", s.Object, s.Op, m.PhysBits)
	report(f)
}
