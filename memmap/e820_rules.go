package memmap

import "bootplan/rule"

// Rules are the surprises of the kernel's own e820 tables and EFI map: what the real
// code does and nobody would expect.
func Rules() []rule.Rule { return append(tableRules(), optionRules()...) }

func tableRules() []rule.Rule {
	return []rule.Rule{
		{
			ID: "e820-single-entry", Severity: rule.Warning,
			Title: "a firmware map of one entry is not believed",
			Text: "Until 7.1 the kernel ignores an e820 map with fewer than two entries, however good it is, and makes a map of its own " +
				"from what older BIOS calls reported: low memory up to 0x9f000, and RAM from 1 MiB on. With loaders that do not make " +
				"those calls there is no RAM above 1 MiB. Linux 7.2 believes one entry.",
			Example: "[mem 0x0000000000000000-0x000000003fffffff] usable, alone: the kernel sees 636 KiB",
			Sources: []string{"arch/x86/kernel/e820.c:append_e820_table (v6.12)"},
		},
		{
			ID: "e820-end-of-space", Severity: rule.Warning,
			Title: "one entry that ends at 2^64 leaves the whole map unsorted",
			Text: "When the firmware's map is copied, an entry may end exactly at 2^64. When the copy is to be sorted, the end of that " +
				"entry is computed as 0, which lies below its start, and the sorting is given up: overlaps stay, and so does the order. " +
				"Everything that relies on a sorted map, the search for a PCI gap for instance, then works on the raw one.",
			Example: "[mem 0xfffffffffffff000-0xffffffffffffffff] reserved among others",
			Sources: []string{"arch/x86/kernel/e820.c:__append_e820_table, e820__update_table (v6.12)"},
		},
		{
			ID: "e820-splinters", Severity: rule.Info,
			Title: "persistent and soft reserved memory is split by its neighbours",
			Text: "Ranges of type 12 (persistent memory of old firmware) and soft reserved memory are never merged, since each may be a " +
				"device of its own. They are also split at every address where any other entry begins or ends, even one that lies " +
				"below them and has no effect.",
			Example: "type 12 over [0x1000, 0x3000), RAM over [0x1800, 0x2000): three entries of type 12",
			Sources: []string{"arch/x86/kernel/e820.c:e820_nomerge, e820__update_table (v6.12)"},
		},
		{
			ID: "e820-table-full", Severity: rule.Warning,
			Title: "a full table loses memory when an entry is split",
			Text: "The kernel keeps 3,200 entries. Turning the middle of an entry into another type appends two more, and if there is no " +
				"room the appended ones are dropped with a message, but the entry is cut all the same: the middle and the tail are gone. " +
				"The bytes count as updated.",
			Example: "3,200 entries; one page in the middle of 1 GiB is updated: what lies behind is lost",
			Sources: []string{"arch/x86/kernel/e820.c:__e820__range_add, __e820__range_update (v6.12)"},
		},
		{
			ID: "e820-acpi-is-ram", Severity: rule.Info,
			Title: "ACPI data counts as RAM when the end of RAM is looked for",
			Text: "The highest page frame, on which the size of the direct map depends, is that of RAM or ACPI data. The walk ends at the " +
				"first entry that crosses the limit (4 GiB, or what the paging mode can address), which in an unsorted map hides nothing, " +
				"since the limit is the result.",
			Example: "RAM up to 1 GiB, ACPI data at 2 GiB: last_pfn lies behind the ACPI data",
			Sources: []string{"arch/x86/kernel/e820.c:e820__end_ram_pfn (v6.12)"},
		},
		{
			ID: "e820-gap-below", Severity: rule.Info,
			Title: "memory addresses below the first entry are no gap for PCI",
			Text: "The largest gap below 4 GiB goes to PCI devices. The search until 7.1 looks between entries and above the last, but not " +
				"below the first: with all RAM above 4 GiB there is no gap, and devices go behind the end of RAM, where those with " +
				"32-bit registers cannot follow. Linux 7.2 takes address 0 then.",
			Example: "[mem 0x0000000100000000-0x000000013fffffff] usable and nothing below: PCI from 0x140100000 on; in 7.2 from 0",
			Sources: []string{"arch/x86/kernel/e820.c:e820_search_gap (v6.12, v7.2)"},
		},
		{
			ID: "e820-efi-tail", Severity: rule.Warning,
			Title: "an EFI map that ends within a descriptor loses a valid one",
			Text: "If the size of the EFI map is not a multiple of the descriptor size, the check for invalid descriptors reads one that is " +
				"not in the map. If that one is invalid it is counted as removed, and the map becomes one valid descriptor shorter.",
			Example: "a map of 2 and a half descriptors, what follows is zero: 1 is left",
			Sources: []string{"arch/x86/platform/efi/efi.c:efi_clean_memmap (v6.12)"},
		},
	}
}

func optionRules() []rule.Rule {
	return []rule.Rule{
		{
			ID: "e820-exactmap-prefix", Severity: rule.Warning,
			Title: "everything that begins with exactmap empties the map",
			Text: "memmap=exactmap is compared by its first eight letters. A misspelt or longer word has the same effect: all memory that " +
				"the firmware reported is forgotten.",
			Example: "memmap=exactmapping",
			Sources: []string{"arch/x86/kernel/e820.c:parse_memmap_one (v6.12)"},
		},
		{
			ID: "e820-user-map-panic", Severity: rule.Error,
			Title: "a user-defined map of one range stops the kernel",
			Text: "After mem= or memmap= the map is sanitised, which fails for fewer than two entries and for one that wraps around 2^64. " +
				"Here, and only here, the failure is fatal: \"Invalid user supplied memory map\".",
			Example: "memmap=exactmap,1G@0",
			Sources: []string{"arch/x86/kernel/e820.c:e820__finish_early_params, e820__update_table (v6.12)"},
		},
		{
			ID: "e820-memmap-half-applied", Severity: rule.Warning,
			Title: "a malformed memmap= is applied and not reported",
			Text: "An element of memmap= is checked for rubbish at its end only after it has taken effect, and the result of the check is " +
				"thrown away. Only the form with % is checked before.",
			Example: "memmap=1M@16Mx adds 1 MiB of RAM at 16 MiB",
			Sources: []string{"arch/x86/kernel/e820.c:parse_memmap_one, parse_memmap_opt (v6.12)"},
		},
		{
			ID: "e820-memmap-bug", Severity: rule.Error,
			Title:   "memmap= that turns a type into itself stops the kernel",
			Text:    "The function that changes types insists on two different ones, and nothing checks what the command line says before.",
			Example: "memmap=1M%16M-1+1",
			Sources: []string{"arch/x86/kernel/e820.c:parse_memmap_one, __e820__range_update (v6.12)"},
		},
		{
			ID: "e820-size-overflow", Severity: rule.Warning,
			Title: "a size of 2^64 or more loses its high bits",
			Text: "Until 7.1 suffixes shift a number without a check, so that 16E is 0 and 17E is 1E. mem= refuses 0, but takes every other " +
				"result. Since 7.2 such a size is 2^64-1.",
			Example: "mem=17179869185G (2^34+1 GiB) leaves 1 GiB",
			Sources: []string{"lib/cmdline.c:memparse (v6.12, v7.2)"},
		},
	}
}
