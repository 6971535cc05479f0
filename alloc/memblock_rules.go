package alloc

import "bootplan/rule"

// MemblockRules are the surprises of the kernel's early allocator.
func MemblockRules() []rule.Rule {
	return []rule.Rule{
		{
			ID: "memblock-trim-total", Severity: rule.Info,
			Title: "the total of memory counts bytes that were cut off",
			Text: "Memory ranges are trimmed to whole pages right after they were added. The total that memblock keeps is not adjusted, " +
				"except for ranges that vanish, so \"memory size\" in the log is larger than the sum of the ranges below it.",
			Example: "RAM [0x1000, 0x9fc00): the range becomes [0x1000, 0x9f000), the total stays 0x9ec00",
			Sources: []string{"mm/memblock.c:memblock_trim_memory (v6.12)"},
		},
		{
			ID: "memblock-page-0", Severity: rule.Info,
			Title: "the first page is never given out",
			Text: "Address 0 means failure, so every search begins at 4096, whatever minimum it was given. Memory below is of no use even " +
				"if it is free.",
			Example: "free memory [0, 0x1000) and a request of 16 bytes: none",
			Sources: []string{"mm/memblock.c:memblock_find_in_range_node (v6.12)"},
		},
		{
			ID: "memblock-end-1", Severity: rule.Info,
			Title: "an upper bound of 0 or 1 is no bound",
			Text: "Two values of the upper end of a search have a meaning of their own: both stand for the current limit. A bound that was " +
				"computed and came out as 0 or 1 therefore allows everything below that limit.",
			Example: "memblock_phys_alloc_range(4096, 4096, 0, 1) gives the highest free page",
			Sources: []string{"include/linux/memblock.h:MEMBLOCK_ALLOC_NOLEAKTRACE (v6.12)"},
		},
		{
			ID: "memblock-cannot-resize", Severity: rule.Error,
			Title: "the 129th reservation stops the kernel",
			Text: "The array of reservations has room for 128 and may not grow before the e820 map has been handed over. Reservations made " +
				"until then (kernel, initrd, every setup_data node, BIOS) must fit, or the kernel panics. So many separate setup_data " +
				"nodes are enough.",
			Example: "128 separate reservations and one more: \"memblock: cannot resize reserved array\"",
			Sources: []string{"mm/memblock.c:memblock_double_array (v6.12)"},
		},
		{
			ID: "memblock-grows-to-shrink", Severity: rule.Info,
			Title: "a reservation that covers many others doubles the array and leaves one region",
			Text: "A new reservation fills the gaps between the old ones first, each gap a region of its own, and only then neighbours are " +
				"merged. The array has to hold them all at that moment, so it may be doubled for a result of a single region.",
			Example: "100 reservations of one page each, with gaps, then all of it: room for 256 regions, of which 2 are used",
			Sources: []string{"mm/memblock.c:memblock_add_range (v6.12)"},
		},
		{
			ID: "memblock-last-byte", Severity: rule.Info,
			Title:   "the last byte of the address space cannot be reserved",
			Text:    "A range that would reach 2^64 or beyond is cut to end at 2^64-1. Its last byte is left out.",
			Example: "memblock_reserve(0xfffffffffffff000, 0x1000) reserves 0xfff bytes",
			Sources: []string{"mm/memblock.c:memblock_cap_size (v6.12)"},
		},
		{
			ID: "memblock-boot-services-first", Severity: rule.Warning,
			Title: "EFI boot services below 1 MiB can leave no room for the SMP trampoline",
			Text: "The memory of EFI boot services is reserved before the trampoline for further processors is allocated below 1 MiB. Where " +
				"firmware keeps boot services in all of low memory, the allocation fails. The kernel tries again when it frees that " +
				"memory, and panics if nothing large enough turns up.",
			Example: "Boot Data [0, 0xa0000): no place for 7 pages below 1 MiB",
			Sources: []string{
				"arch/x86/platform/efi/quirks.c:efi_reserve_boot_services, efi_unmap_boot_services (v6.12)",
				"arch/x86/realmode/init.c:reserve_real_mode (v6.12)",
			},
		},
	}
}
