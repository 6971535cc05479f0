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

var pageTablesExhaustedRule = rule.Rule{
	ID: "pagetables-exhausted", Severity: rule.Error,
	Title: "the pool of page-table pages runs out",
	Text: "The decompressor takes page-table pages from a fixed buffer, 32 pages since 6.6 and 17 before. Each 1 GiB of " +
		"addresses that it touches for the first time costs a page. When the buffer is empty the boot halts.",
	Example: "16 nodes of setup_data, each in a GiB of its own: more tables than the pool has pages",
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

var policyIgnoredRule = rule.Rule{
	ID: "policy-ignored", Severity: rule.Warning,
	Title: "placement ignores what the map or the user asked for",
	Text: "Mirrored, hot-pluggable or specific-purpose memory, or a memory option on the command line, is ignored by the " +
		"code that chooses a place.",
	Example: "mem=1G on the command line, and the kernel placed at 0x55800000",
	Sources: []string{"requirements R9 and R11 of the April 2023 thread"},
}

var unsupportedRule = rule.Rule{
	ID: "unsupported", Severity: rule.Info,
	Title:   "the design does not do what the scenario asks",
	Text:    "The scenario asks for something that this design states not to do. Where the real code gives up the run ends with that reason; where it does not notice the run goes on without it.",
	Example: "32-bit firmware, and a kernel that was built without an entry point for it",
	Sources: []string{"the description of each design: bootplan explain DESIGN"},
}

var firmwareRefusedRule = rule.Rule{
	ID: "firmware-refused", Severity: rule.Error,
	Title: "the firmware refuses other permissions, and the boot code gives up",
	Text: "The memory attribute protocol is there but answers with an error. Since 6.8 the EFI stub does not start a kernel whose " +
		"permissions it could not set: it returns to the firmware, before boot services end. Without the protocol the same boot works.",
	Example: "a 64-bit kernel on 32-bit firmware with the protocol: the firmware is called with paging off and finds no page tables to change",
	Sources: []string{"drivers/firmware/efi/libstub/x86-stub.c:efi_decompress_kernel (v6.12)", "recorded boots"},
}
