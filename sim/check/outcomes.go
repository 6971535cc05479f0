package check

import "bootplan/rule"

// The rules below are broken by what a design or an allocator computes, not by a
// single step; designs report them themselves.

var noMemoryRule = rule.Rule{
	ID: "no-memory", Severity: rule.Error,
	Title: "an allocation that the boot cannot do without fails",
	Text: "The boot code asks for memory of a size, an alignment and a limit that no free range satisfies, and gives up. " +
		"The finding lists every range that was tried and why it was refused.",
	Example: "64 MiB of RAM, and a kernel that needs 56 MiB above 16 MiB",
	Sources: []string{"drivers/firmware/efi/libstub/randomalloc.c:efi_random_alloc (v6.12)"},
}

var heapExhaustedRule = rule.Rule{
	ID: "heap-exhausted", Severity: rule.Error,
	Title: "the decompressor's heap runs out",
	Text: "The decompressor has a fixed heap in its BSS, 64 KiB for most compressors and 192 KiB for zstd, from which it " +
		"serves malloc. It cannot grow; a failed allocation ends the boot.",
	Sources: []string{"include/linux/decompress/mm.h:malloc (v6.12)"},
}

var pageTablesExhaustedRule = rule.Rule{
	ID: "pagetables-exhausted", Severity: rule.Error,
	Title: "the pool of page-table pages runs out",
	Text: "The decompressor takes page-table pages from a fixed buffer, 32 pages since 6.6 and 17 before. Each 1 GiB of " +
		"addresses that it touches for the first time costs a page. When the buffer is empty the boot halts.",
	Sources: []string{"arch/x86/boot/compressed/ident_map_64.c:alloc_pgt_page (v6.12)"},
}

var neverReturnsRule = rule.Rule{
	ID: "never-returns", Severity: rule.Error,
	Title: "the real code would loop for ever",
	Text: "On this input the boot code makes no progress and never ends. The model notices it and says so instead of " +
		"hanging.",
	Example: "memmap=0xfffffffffeffffff$0x1000000: the search for a place begins again at address 0",
	Sources: []string{"arch/x86/boot/compressed/kaslr.c:__process_mem_region (v6.12)"},
}

var outOfRangeRule = rule.Rule{
	ID: "out-of-range", Severity: rule.Error,
	Title: "an address beyond what the machine or the design can reach",
	Text: "A placement lies beyond the physical address width, or beyond the limit that the design states for itself. The " +
		"decompressor halts with a message when the kernel's virtual address would not fit into the kernel mapping.",
	Sources: []string{"arch/x86/boot/compressed/misc.c:extract_kernel (v6.12)"},
}

var bssDirtyRule = rule.Rule{
	ID: "bss-dirty", Severity: rule.Error,
	Title: "the kernel enters with a BSS that is not zero and does not clear it",
	Text: "Uninitialised data must read as zero. Whoever loads or unpacks a kernel clears it, unless the kernel does so itself, " +
		"as x86 kernels do.",
	Sources: []string{"arch/x86/kernel/head64.c:clear_bss (v6.12)", "requirement R5 of the April 2023 thread"},
}

var policyIgnoredRule = rule.Rule{
	ID: "policy-ignored", Severity: rule.Warning,
	Title: "placement ignores what the map or the user asked for",
	Text: "Mirrored, hot-pluggable or specific-purpose memory, or a memory option on the command line, is ignored by the " +
		"code that chooses a place.",
	Sources: []string{"requirements R9 and R11 of the April 2023 thread"},
}

var badFreeRule = rule.Rule{
	ID: "bad-free", Severity: rule.Error,
	Title:   "memory is freed that was not allocated by the caller",
	Text:    "Freeing what one does not own takes it from under its owner.",
	Sources: []string{"UEFI 2.11, 7.2 (FreePages)"},
}

var unsupportedRule = rule.Rule{
	ID: "unsupported", Severity: rule.Info,
	Title:   "the design does not do what the scenario asks",
	Text:    "The scenario asks for something that this design states not to do; the run goes on without it.",
	Example: "an initrd for a loader that passes none",
	Sources: []string{"the description of each design: bootplan explain DESIGN"},
}
