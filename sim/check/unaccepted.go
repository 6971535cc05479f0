package check

import "bootplan/rule"

var unacceptedRule = rule.Rule{
	ID: "unaccepted", Severity: rule.Error,
	Title: "memory is touched that the guest has not accepted",
	Text: "In a confidential guest (Intel TDX, AMD SEV-SNP) memory that the hypervisor adds cannot be used before the guest has " +
		"accepted it, page by page, which is slow. Firmware accepts what it needs itself and reports the rest as Unaccepted; " +
		"whoever uses such memory accepts it first. A touch before that is an exception that early boot code cannot handle.",
	Example: "a kernel unpacked into a range of type Unaccepted that no accept step covers",
	Sources: []string{
		"UEFI 2.11, 7.2 (EfiUnacceptedMemoryType)",
		"drivers/firmware/efi/libstub/unaccepted_memory.c:accept_memory (v6.12)",
	},
}
