package lint

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/rule"
)

var noWriteBackRule = rule.Rule{
	ID: "map-no-write-back", Severity: rule.Warning,
	Title: "EFI RAM that does not support write-back caching",
	Text: "The cacheability attributes of a descriptor say what the memory supports. RAM supports write-back (WB); a descriptor of RAM without it " +
		"is a slip, or describes something that isn't RAM. The EFI stub ignores the attribute and offers the memory as RAM, " +
		"while a kernel with add_efi_memmap reserves it: the same map gives two answers.",
	Example: "[mem 0x00100000-0x7fffffff] Conventional UC",
	Sources: []string{"UEFI 2.10, 7.2.3", "arch/x86/platform/efi/efi.c:do_add_efi_memmap (v6.12)"},
}

func noWriteBack(s *subject, report report) {
	if s.Kind != memmap.EFI {
		return
	}
	for _, i := range s.order {
		if d := s.Descriptors[i]; s.usable(i) && d.Attr&memmap.EFIWB == 0 {
			r := s.proper(i)
			report(rule.Warning, r, fmt.Sprintf("%v %v is RAM without WB", r, d.Type), i)
		}
	}
}
