// Package kernel goes on where boot code ends: what the first hundred steps of the
// kernel proper (setup_arch) do to memory, from what boot code handed over, and what
// the kernel prints about it. The log is what users hold in their hands.
//
//	Handover -> SetupArch -> log, and State: e820 tables, memblock, trampoline, initrd
//
// [SetupArch], in setup_arch.go, lists the steps in order; each is a short function in the
// file of its subject:
//
//   - handover.go: what boot code leaves, and what the kernel reads from the machine
//   - memory.go: reservations, and the e820 table on its way into memblock
//   - params.go: the early options of the command line
//   - efi.go: the EFI memory map and the memory of boot services
//   - real_mode.go: the trampoline on which further processors start
//   - direct_map.go, page_tables.go: the direct map and the memory for its tables
//   - image_map.go: the kernel's own mapping, from its first page tables to the last
//   - log_buffer.go, initrd.go: the first users of the new memory
//   - zones.go, resources.go: the final picture of memory
//   - rules.go: what a kernel stops at
//
// Some of what a kernel does there depends on tables of the firmware that no memory
// map tells: ACPI and SRAT, MTRRs, iBFT, ESRT, TPM log and MOK variables. The MP
// table, the EFI memory attributes table and memory that drivers keep of boot
// services are part of [Handover]; the others are taken to be absent, MTRRs to agree
// with the map, and all memory to belong to node 0. What ACPI tables reserve begins
// after the last step that allocates here.
//
// Versions: 6.12 from its sources; 5.10, 6.1 and 7.2 where recorded logs of theirs
// differ.
package kernel
