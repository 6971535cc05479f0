package main

import "bootplan/sim"

// stepTopics explains whose code runs in a boot, and what it can do to memory.
func stepTopics() []topic {
	var list []topic
	for _, p := range phases {
		list = append(list, topic{
			Name: p.phase.String(), Kind: "phase", Title: p.title, Text: p.text, Sources: p.sources,
			group: "who runs: the phases of a boot",
		})
	}
	for _, s := range steps {
		list = append(list, topic{
			Name: s.op.String(), Kind: "step", Title: s.title, Text: s.text, Sources: s.sources,
			group: "what a step does to memory",
		})
	}
	return list
}

var phases = []struct {
	phase       sim.Phase
	title, text string
	sources     []string
}{
	{sim.Firmware, "SeaBIOS, OVMF or a vendor's firmware",
		"Firmware finds the RAM, keeps some of it, and states the rest in a memory map: an e820 table (BIOS) or a list of EFI " +
			"descriptors. EFI firmware stays alive beside the boot loader and gives out memory on request, until boot services end.",
		[]string{"UEFI 2.10, 7.2 (memory allocation services)", "ACPI 6.5, 15 (system address map interfaces)"}},
	{sim.Loader, "what brings the kernel into memory: GRUB, an option ROM, the firmware's own image loader",
		"A boot loader puts the kernel image, the initial RAM disk and the command line into memory and jumps to the kernel. " +
			"The header of a bzImage says how much memory the kernel needs (init_size) and where it would like to be (pref_address).",
		[]string{"Documentation/arch/x86/boot.rst (v6.12)"}},
	{sim.Setup, "the real-mode part of a bzImage",
		"The first sectors of a bzImage hold 16-bit code for BIOS machines. It asks the BIOS for the e820 table and the video mode, fills " +
			"boot_params, and enters protected mode. Boot loaders that speak the 32- or 64-bit boot protocol do this themselves and skip it.",
		[]string{"arch/x86/boot/main.c (v6.12)", "arch/x86/boot/memory.c:detect_memory (v6.12)"}},
	{sim.Stub, "the EFI stub, the kernel image as an EFI application",
		"A kernel image with an EFI stub is a PE executable that firmware starts by itself. The stub allocates memory from firmware, places and (since v6.6 " +
			"on x86) decompresses the kernel while boot services are alive, makes an e820 table of the EFI map, and ends boot services.",
		[]string{"drivers/firmware/efi/libstub/x86-stub.c:efi_stub_entry (v6.12)"}},
	{sim.Decompressor, "the bare-metal code in front of the compressed kernel",
		"The decompressor runs without firmware. It switches between 4- and 5-level paging if needed, moves itself out of the way, builds an identity map, " +
			"chooses a random place for the kernel (KASLR), unpacks it there and applies relocations. It takes memory " +
			"that the boot protocol promised, and finds the rest by reading maps; nobody can refuse it memory.",
		[]string{"arch/x86/boot/compressed/head_64.S (v6.12)", "arch/x86/boot/compressed/misc.c:extract_kernel (v6.12)"}},
	{sim.Kernel, "the kernel proper",
		"The unpacked kernel starts with the page tables that it was given, builds its own, and takes over the memory map. What it does from there on " +
			"is followed as far as earlier placements matter to it: memblock's reservations and the real-mode trampoline; " +
			"and its page tables until its own code can no longer be written, the last thing before the first process.",
		[]string{"arch/x86/kernel/head_64.S:startup_64 (v6.12)", "arch/x86/kernel/setup.c:setup_arch (v6.12)"}},
}

var steps = []struct {
	op          sim.Op
	title, text string
	sources     []string
}{
	{sim.Alloc, "memory gets an owner",
		"An allocator gives out a range: firmware's page allocator on request of a loader or of the stub, or a fixed pool inside the image. " +
			"From here on others must not touch it. A range that is used without this step belongs to somebody else, or to nobody: see not-owned.",
		[]string{"UEFI 2.10, 7.2.1 (AllocatePages)", "drivers/firmware/efi/libstub/alignedmem.c:efi_allocate_pages_aligned (v6.12)"}},
	{sim.Free, "memory goes back to its allocator",
		"The owner returns a range, which may be given out again. Use after this step is an error even where the bytes are still intact.",
		[]string{"UEFI 2.10, 7.2.2 (FreePages)"}},
	{sim.Read, "bytes are read",
		"Data is read: tables, the command line, the initial RAM disk. The bytes must have been written before and must be mapped.",
		[]string{"arch/x86/boot/compressed/misc.c:parse_elf (v6.12)"}},
	{sim.Write, "bytes are written",
		"Code or data is put into memory. The range must be mapped writable, and nobody may still need what it held.",
		[]string{"arch/x86/boot/compressed/misc.c:handle_relocations (v6.12)"}},
	{sim.Copy, "bytes are copied, moved or unpacked",
		"What one range holds arrives in another, as it is or decompressed. The two may overlap where the code allows for it: in-place decompression writes over " +
			"its own input and must not overtake it.",
		[]string{"arch/x86/boot/compressed/misc.c:extract_kernel (v6.12)"}},
	{sim.Exec, "code runs",
		"The processor fetches instructions from the range. It must be mapped executable, and hold what was meant to run there.",
		[]string{"arch/x86/boot/compressed/head_64.S:startup_64 (v6.12)"}},
	{sim.Map, "a mapping comes into being",
		"Page tables make a range reachable, with permissions: r, w, x. Boot code maps memory at its own address (an identity map), mostly writable and executable " +
			"at once, in advance or from a page-fault handler.",
		[]string{"arch/x86/boot/compressed/ident_map_64.c:kernel_add_identity_map, do_boot_page_fault (v6.12)"}},
	{sim.Protect, "permissions of mapped memory change",
		"The range stays mapped and gets other permissions, through firmware's memory attribute protocol or by writing page tables. Well-behaved code makes memory " +
			"read-only before it makes it executable.",
		[]string{"UEFI 2.10, 37 (memory protection)", "drivers/firmware/efi/libstub/x86-stub.c:efi_adjust_memory_range_protection (v6.12)"}},
	{sim.Switch, "other page tables come into force",
		"CR3 is loaded, or the number of paging levels changes. All earlier permissions lose their force, and those of the new tables count. " +
			"Switching between 4 and 5 levels needs paging to be off for a moment, which only 32-bit code below 4 GiB can do: the trampoline.",
		[]string{"arch/x86/boot/compressed/pgtable_64.c:configure_5level_paging (v6.12)", "arch/x86/boot/compressed/head_64.S:trampoline_32bit_src (v6.12)"}},
	{sim.Accept, "memory of a confidential guest is accepted",
		"In a guest with encrypted memory (TDX, SEV-SNP) memory that the hypervisor added must be accepted before it is touched. " +
			"The EFI map says which memory is unaccepted.",
		[]string{"arch/x86/boot/compressed/mem.c:arch_accept_memory (v6.12)", "UEFI 2.10, 7.2 (EfiUnacceptedMemoryType)"}},
	{sim.Exit, "boot services end",
		"ExitBootServices ends firmware's rule over memory. Its allocator is gone, boot services memory becomes free, and runtime services memory stays firmware's. " +
			"After it a boot can no longer ask for memory or for permissions.",
		[]string{"UEFI 2.10, 7.4.6 (ExitBootServices)", "drivers/firmware/efi/libstub/x86-stub.c:exit_boot (v6.12)"}},
}
