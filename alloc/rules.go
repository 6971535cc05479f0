package alloc

import "bootplan/rule"

// Identifiers of the rules.
const (
	ruleExactFit      = "alloc-heap-exact-fit"
	ruleOneTry        = "alloc-one-try"
	ruleSlotsOverflow = "alloc-slots-overflow"
	ruleZeroLimit     = "alloc-zero-limit"
	ruleSizeWraps     = "alloc-size-wraps"
	ruleNoAddress     = "alloc-no-address"
)

// Rules are the surprises of the allocators in this package: what the real code
// does and nobody would expect. Those that RandomAlloc can show are told as findings;
// the others are there to be explained.
func Rules() []rule.Rule {
	return []rule.Rule{
		{
			ID: ruleExactFit, Severity: rule.Warning,
			Title: "a malloc that exactly fills the decompressor's heap fails, and so does every one after it",
			Text: "The decompressor's malloc compares the end of the new block with the end of the heap and refuses when they are " +
				"equal, so the last bytes can never be used. It moves its cursor before it compares, and leaves it there: " +
				"smaller requests fail as well, until as many blocks are freed as were given out, and for ever if none was.",
			Example: "heap [0x1000, 0x2000): malloc(0x1000) fails, and malloc(8) after it",
			Sources: []string{"include/linux/decompress/mm.h:malloc (v6.12)"},
		},
		{
			ID: ruleOneTry, Severity: rule.Warning,
			Title: "the stub asks the firmware for one address where many would do",
			Text: "The EFI stub chooses addresses itself, from a copy of the memory map. efi_random_alloc asks for the one slot that " +
				"its seed selects, efi_low_alloc_above for the first suitable address of each descriptor. If the firmware refuses, " +
				"because the memory is less free than the map says, the rest of that memory is not tried.",
			Example: "[mem 0x0000000001000000-0x0000000001ffffff] Conventional, of which the firmware refuses the first page: " +
				"no 2 MiB are found, although 15 MiB are free",
			Sources: []string{
				"drivers/firmware/efi/libstub/relocate.c:efi_low_alloc_above (v6.12)",
				"drivers/firmware/efi/libstub/randomalloc.c:efi_random_alloc (v6.12)",
			},
		},
		{
			ID: ruleSlotsOverflow, Severity: rule.Warning,
			Title: "more than 2^32 slots lose the high bits of the choice",
			Text: "The slot is the number of slots times a 32-bit seed, divided by 2^32. The product is a 64-bit number. With more " +
				"than 2^32 slots it wraps around: some slots are taken by several seeds, others by none, and the highest are " +
				"out of reach.",
			Example: "32 TiB free at a multiple of 4 KiB make 2^33 slots: seed 0x80000000 chooses slot 0, not the middle",
			Sources: []string{"drivers/firmware/efi/libstub/randomalloc.c:efi_random_alloc (v6.12)"},
		},
		{
			ID: ruleZeroLimit, Severity: rule.Info,
			Title: "a limit of 0 is no limit at all",
			Text: "efi_allocate_pages rounds the address of the last byte that it may use down to the end of a page: it adds 1, rounds " +
				"down, subtracts 1. From 0 this goes to 1, to 0, and wraps around to the highest address there is.",
			Example: "efi_allocate_pages(4096, &addr, 0) takes the highest free page of the machine",
			Sources: []string{"drivers/firmware/efi/libstub/mem.c:efi_allocate_pages (v6.12)"},
		},
		{
			ID: ruleSizeWraps, Severity: rule.Info,
			Title: "a size near 2^64 asks for no pages",
			Text: "Sizes are rounded up to whole pages without a check for overflow. One that is larger than 2^64-4096 becomes 0, and " +
				"the firmware is asked for 0 pages.",
			Example: "efi_allocate_pages(0xfffffffffffff001, &addr, limit) calls AllocatePages for 0 pages",
			Sources: []string{"drivers/firmware/efi/libstub/mem.c:efi_allocate_pages (v6.12)"},
		},
		{
			ID: ruleNoAddress, Severity: rule.Error,
			Title: "an allocation succeeds without an address",
			Text: "When no slot exists at all, older versions of efi_random_alloc return the status of fetching the memory map, which " +
				"is success, and store no address. The caller uses whatever its variable held and decompresses the kernel to there.",
			Example: "no Conventional memory at or above 16 MiB: v6.1.192 continues with an undefined address, v6.12.117 gives up",
			Sources: []string{"drivers/firmware/efi/libstub/randomalloc.c:efi_random_alloc (v6.1.192, v6.12.117)"},
		},
	}
}
