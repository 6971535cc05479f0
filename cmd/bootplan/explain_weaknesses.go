package main

// weaknessTopics explains what the thread of spring 2023 holds against the decompressor.
func weaknessTopics() []topic {
	list := []topic{
		{Name: "W1", Title: "the switch of paging levels runs in low memory that nobody allocated",
			Text: "Paging is off for a moment while the number of its levels changes, so the code that does it has to lie below 4 GiB. The " +
				"decompressor borrows two pages below 640 KiB, writes code into one and runs it. Firmware that maps data no-execute stops it there. " +
				"From v5.19 to v6.5 the EFI stub takes such protection off 520 KiB of low memory first, whoever uses it. Since v6.6 the stub " +
				"allocates two pages of its own. Found by the rules low-memory and nx-stripped.",
			Sources: []string{
				"arch/x86/boot/compressed/pgtable_64.c:paging_prepare (v6.5)",
				"drivers/firmware/efi/libstub/x86-stub.c:setup_memory_protection (v6.5)",
			}},
		{Name: "W2", Title: "the header of the EFI image does not say what its memory is for",
			Text: "Firmware maps each section of a PE image as its header declares it. Before v6.7 one section, declared executable and not " +
				"writable, covered code, data, heap and the room to unpack in; sections were aligned to 32 bytes, which no page table can keep " +
				"apart; and since v5.19 NX_COMPAT promised that no memory has to be writable and executable at once, which was not so. Found by " +
				"the rule pe-promise.",
			Sources: []string{"arch/x86/boot/header.S (v6.5)", "UEFI CA memory mitigation requirements (2022-11-30)"}},
		{Name: "W3", Title: "the decompressor moves itself before it unpacks the kernel",
			Text: "The kernel is unpacked over the place where its compressed form was loaded, so the decompressor first copies both of them to the " +
				"end of that buffer and goes on there. Nobody has to have allocated or protected that memory, and it must be writable and " +
				"executable. Where an allocator exists, the move is needless. Found by the rule self-relocated.",
			Sources: []string{"arch/x86/boot/compressed/head_64.S:startup_64 (v6.12)"}},
		{Name: "W4", Title: "the decompressor maps on demand, writable and executable",
			Text: "The decompressor's page tables map memory at physical addresses as it is touched: its page-fault handler maps 2 MiB around any " +
				"address, RAM or not, writable and executable. Whatever protection the firmware had set up is gone, and a wild write or jump is " +
				"served like any other. Found by the rule demand-map.",
			Sources: []string{"arch/x86/boot/compressed/ident_map_64.c:do_boot_page_fault (v6.12)"}},
	}
	for i := range list {
		list[i].Kind, list[i].group = "weakness", "weaknesses of the decompressor, as listed on 2023-05-03: bootplan compare"
	}
	return list
}
