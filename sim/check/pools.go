package check

import (
	"fmt"

	"bootplan/rule"
	"bootplan/sim"
)

var heapExhaustedRule = rule.Rule{
	ID: "heap-exhausted", Severity: rule.Error,
	Title: "the decompressor's heap runs out",
	Text: "The decompressor has a fixed heap in its BSS, 64 KiB for most compressors, 192 KiB for zstd and 4 MiB for bzip2, from which it " +
		"serves malloc. It cannot grow; a failed allocation ends the boot.",
	Example: "a compressor whose work space is larger than the heap that the build gave it",
	Sources: []string{"include/linux/decompress/mm.h:malloc (v6.12)", "arch/x86/include/asm/boot.h:BOOT_HEAP_SIZE (v6.12)"},
}

var stackExhaustedRule = rule.Rule{
	ID: "stack-exhausted", Severity: rule.Error,
	Title: "a stack of fixed size overflows",
	Text: "Early boot code runs on small stacks: 16 KiB in the decompressor's BSS, the end of a page for the 32-bit code that switches " +
		"paging levels. Nothing guards their lower end: code that needs more writes over what lies below.",
	Example: "a switch of paging levels that pushes more than its page has room for behind its code",
	Sources: []string{"arch/x86/include/asm/boot.h:BOOT_STACK_SIZE (v6.12)", "arch/x86/boot/compressed/pgtable.h:TRAMPOLINE_32BIT_STACK_END (v6.5)"},
}

// exhausted watches one kind of pool.
type exhausted struct {
	stateless
	pool  sim.Pool
	rule  rule.Rule
	spare uint64 // bytes that must stay free: the heap refuses a request that fills it exactly
}

func (*exhausted) Watches() sim.Ops { return sim.Writes }

func (c *exhausted) Step(_ *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	if s.Pool != c.pool || s.Needs == 0 || s.Needs+c.spare <= s.Room.Len() {
		return
	}
	f := found(c.rule, s)
	f.Message = fmt.Sprintf("%s needs %#x bytes and has %#x", s.Object, s.Needs, s.Room.Len())
	report(f)
}
