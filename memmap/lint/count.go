package lint

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/rule"
)

var emptyRule = rule.Rule{
	ID: "map-empty", Severity: rule.Error,
	Title: "the map describes no byte",
	Text: "A map without entries, or whose entries all lack a length, tells the operating system nothing. " +
		"It usually means that the map was not read (a failed firmware call, a buffer that was never filled) " +
		"rather than that there is no memory.",
	Sources: []string{"arch/x86/kernel/e820.c:e820__memory_setup_default (v6.12)"},
}

func empty(s *subject, report report) {
	if len(s.order) == 0 && !s.wraps() {
		report(rule.Error, memmap.Range{}, fmt.Sprintf("none of the %d entries describes a byte", s.Len()))
	}
}

var singleRule = rule.Rule{
	ID: "map-single-entry", Severity: rule.Error,
	Title: "an e820 table of one entry, which Linux before 7.2 ignores",
	Text: "Before version 7.2 Linux takes an e820 table of fewer than two entries for a mistake and ignores it. " +
		"It falls back to the sizes that the older BIOS calls 0xe801 and 0x88 gave, often 64 MiB or less. " +
		"Boot code before the kernel, such as the decompressor's KASLR, does use the table: the two then disagree about what is RAM.",
	Sources: []string{"arch/x86/kernel/e820.c:append_e820_table (v6.12)"},
}

func single(s *subject, report report) {
	if s.Kind == memmap.E820 && s.Len() == 1 && len(s.order) == 1 {
		r := s.proper(0)
		report(rule.Error, r, fmt.Sprintf("%v is the only entry; Linux before 7.2 ignores a table with fewer than two", r), 0)
	}
}

var manyEntriesRule = rule.Rule{
	ID: "map-many-entries", Severity: rule.Info,
	Title: "more e820 entries than boot_params holds",
	Text: "The e820 table in boot_params has room for 128 entries. A boot loader or the EFI stub passes more in an extension " +
		"(setup_data of type SETUP_E820_EXT). The kernel reads the extension; the decompressor does not, so that " +
		"it neither randomises into, nor looks for a trampoline in, memory that only the extension describes.",
	Sources: []string{
		"arch/x86/include/uapi/asm/bootparam.h:E820_MAX_ENTRIES_ZEROPAGE (v6.12)",
		"arch/x86/boot/compressed/kaslr.c:process_e820_entries (v6.12)",
		"drivers/firmware/efi/libstub/x86-stub.c:setup_e820 (v6.12)",
	},
}

func manyEntries(s *subject, report report) {
	entries, what := s.Entries, "the table has %d entries"
	if s.Kind == memmap.EFI {
		entries = memmap.ToE820(s.Descriptors, memmap.ConvertOptions{UnacceptedMemory: true, SoftReserve: true})
		what = "the EFI stub makes %d e820 entries of this map"
	}
	if len(entries) <= memmap.MaxE820Table {
		return
	}
	first := entries[memmap.MaxE820Table]
	report(rule.Info, memmap.Range{Start: first.Addr, End: first.Addr},
		fmt.Sprintf(what+"; those from number %d on, at %#x, don't fit in boot_params", len(entries), memmap.MaxE820Table+1, first.Addr))
}
