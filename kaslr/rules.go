package kaslr

import "bootplan/rule"

// Identifiers of the rules.
const (
	ruleNeverReturns  = "kaslr-never-returns"
	ruleNotRAM        = "kaslr-not-ram"
	ruleAvoidWraps    = "kaslr-avoid-wraps"
	ruleVirtualWraps  = "kaslr-virtual-underflow"
	ruleInvalidDraw   = "kaslr-invalid-draw"
	ruleRepeatedArea  = "kaslr-repeated-area"
	ruleAreaLimit     = "kaslr-area-limit"
	ruleNoPlace       = "kaslr-no-place"
	ruleTooMany       = "kaslr-too-many-memmaps"
	ruleIgnoredMemmap = "kaslr-memmap-ignored"
	ruleEmptyMemmap   = "kaslr-memmap-empty"
	ruleCutShort      = "kaslr-options-cut-short"
	ruleNullCmdline   = "kaslr-null-cmdline"
)

// Rules are the surprises of the decompressor's KASLR: what the real code does and
// nobody would expect.
func Rules() []rule.Rule { return append(placeRules(), optionRules()...) }

func placeRules() []rule.Rule {
	return []rule.Rule{
		{
			ID: ruleNeverReturns, Severity: rule.Error,
			Title: "the search for a place never ends",
			Text: "Where an avoided range ends, the search goes on at the next multiple of the alignment. If the range ends within the " +
				"last such unit below 2^64, rounding up gives 0, and the search begins again at address 0. When it finds nothing " +
				"to store on the way back to that range, it goes round for ever, and the boot hangs without a word.",
			Example: "memmap=0xfffffffffeffffff$0x1000000, which ends one byte below 2^64",
			Sources: []string{"arch/x86/boot/compressed/kaslr.c:__process_mem_region (v6.12)"},
		},
		{
			ID: ruleNotRAM, Severity: rule.Error,
			Title: "the kernel can land on memory that the map does not call free",
			Text: "Only entries of free memory are searched, each for itself. Entries of another type that overlap them are not looked " +
				"at. After a kexec handover the scratch areas are taken as they are, whatever the map says about them.",
			Example: "RAM [mem 0x0000000000100000-0x000000007fffffff] and inside it reserved [mem 0x0000000020000000-0x0000000020000fff]",
			Sources: []string{
				"arch/x86/boot/compressed/kaslr.c:process_e820_entries, process_efi_entries (v6.12)",
				"arch/x86/boot/compressed/kaslr.c:process_kho_entries (v7.2)",
			},
		},
		{
			ID: ruleAvoidWraps, Severity: rule.Error,
			Title: "an avoided range wraps around 2^64, and the kernel can land on it",
			Text: "The end of an avoided range is its start plus its size in 64 bits, without a check for overflow. A range that is too " +
				"long seems to end at a low address: below that address it counts, above it does not.",
			Example: "an initrd of 0xfffffffff0000000 bytes at 0x20000000 seems to end at 0x10000000",
			Sources: []string{"arch/x86/boot/compressed/kaslr.c:mem_overlaps (v6.12)"},
		},
		{
			ID: ruleVirtualWraps, Severity: rule.Error,
			Title: "the kernel is larger than the room for its virtual address",
			Text: "The number of virtual slots is computed from 1 GiB minus 16 MiB minus the size of the kernel. For a larger kernel the " +
				"difference wraps around to about 2^64, and nearly every draw gives an address far out of range, on which the " +
				"decompressor then stops.",
			Example: "a kernel that needs 1009 MiB",
			Sources: []string{"arch/x86/boot/compressed/kaslr.c:find_random_virt_addr (v6.12)"},
		},
		{
			ID: ruleInvalidDraw, Severity: rule.Warning,
			Title: "some places are refused after they were drawn",
			Text: "Whether an address is within bounds is checked once more at the end. An address below the minimum, which a search " +
				"that has gone round past 2^64 can store, or address 0 switches physical randomisation off for this boot; it is " +
				"not drawn again.",
			Example: "memmap=0xffffffff80000000$0x7fffffff makes the search store areas below 16 MiB",
			Sources: []string{"arch/x86/boot/compressed/kaslr.c:find_random_phys_addr (v6.12)"},
		},
		{
			ID: ruleRepeatedArea, Severity: rule.Warning,
			Title: "the same place is counted several times",
			Text: "Slot areas are not compared with each other. Map entries that overlap, or a search that has gone round past 2^64, " +
				"store the same memory again, up to a hundred times. Places in it are as many times as probable as others, and the " +
				"number of slots tells too much entropy.",
			Example: "the entry RAM [mem 0x0000000000100000-0x000000007fffffff] twice in the table",
			Sources: []string{"arch/x86/boot/compressed/kaslr.c:store_slot_info (v6.12)"},
		},
		{
			ID: ruleAreaLimit, Severity: rule.Warning,
			Title: "only the first hundred slot areas are used",
			Text: "The search ends as soon as 100 areas are stored. Memory behind them in the map, often the most, is never considered, " +
				"and the entropy is lower than the memory would allow.",
			Example: "101 pieces of RAM of 64 MiB each, with a page between any two",
			Sources: []string{"arch/x86/boot/compressed/kaslr.c:__process_mem_region (v6.12)"},
		},
		{
			ID: ruleNoPlace, Severity: rule.Warning,
			Title: "there is no place to choose from",
			Text: "No free memory between the minimum and the limit is large enough. The kernel stays where it would be without KASLR; " +
				"its virtual address is random all the same.",
			Example: "mem=64M, a kernel that needs 46 MiB, and its compressed image from 56 MiB to 68 MiB",
			Sources: []string{"arch/x86/boot/compressed/kaslr.c:choose_random_location (v6.12)"},
		},
	}
}

func optionRules() []rule.Rule {
	return []rule.Rule{
		{
			ID: ruleTooMany, Severity: rule.Warning,
			Title: "a fifth range in one memmap= list switches physical randomisation off",
			Text: "Four memmap= ranges can be avoided. If the list that stores the fourth goes on, memory is not searched at all, even " +
				"where the rest of the list would avoid nothing.",
			Example: "memmap=1M$1G,1M$2G,1M$3G,1M$4G,1G@5G",
			Sources: []string{"arch/x86/boot/compressed/kaslr.c:mem_avoid_memmap (v6.12)"},
		},
		{
			ID: ruleIgnoredMemmap, Severity: rule.Warning,
			Title: "a memmap= option beyond the fourth range is ignored",
			Text: "Once four ranges are stored, further memmap= options are skipped without a message, limits included. The kernel can " +
				"land on memory that they take away.",
			Example: "memmap=1M$1G,1M$2G,1M$3G,1M$4G memmap=1M$5G",
			Sources: []string{"arch/x86/boot/compressed/kaslr.c:mem_avoid_memmap (v6.12)"},
		},
		{
			ID: ruleEmptyMemmap, Severity: rule.Warning,
			Title: "a memmap= range without bytes takes one of four places",
			Text: "A range of size 0 with a start is stored like any other. It avoids next to nothing, splits the memory around its " +
				"start, and leaves room for three ranges only.",
			Example: "memmap=0$1G",
			Sources: []string{"arch/x86/boot/compressed/kaslr.c:mem_avoid_memmap (v6.12)"},
		},
		{
			ID: ruleCutShort, Severity: rule.Warning,
			Title: "options behind a mem= of zero are not read",
			Text: "A mem= whose value is 0, is no number, or is missing ends the reading of options. A memmap= behind it is not avoided, " +
				"a hugepages= behind it not left room for. The kernel proper reads them all.",
			Example: "mem=0 memmap=1G$4G",
			Sources: []string{"arch/x86/boot/compressed/kaslr.c:handle_mem_options (v6.12)"},
		},
		{
			ID: ruleNullCmdline, Severity: rule.Warning,
			Title: "no command line at all means no KASLR",
			Text: "The search for the word nokaslr returns -1 when there is no command line, and every value but 0 counts as found. An " +
				"empty command line is something else: with it KASLR is on.",
			Example: "cmd_line_ptr is 0",
			Sources: []string{"arch/x86/boot/cmdline.c:__cmdline_find_option_bool (v6.12)"},
		},
	}
}
