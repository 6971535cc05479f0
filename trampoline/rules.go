package trampoline

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/rule"
)

// Identifiers of this package's rules.
const (
	wraps    = "trampoline-wraps"
	pageZero = "trampoline-page-zero"
	guessed  = "trampoline-guessed"
	givesUp  = "trampoline-gives-up"
	lowered  = "trampoline-limit-lowered"
)

const findSource = "arch/x86/boot/compressed/pgtable_64.c:find_trampoline_placement"

// Rules are the surprises of trampoline placement.
func Rules() []rule.Rule {
	return []rule.Rule{
		{
			ID: wraps, Severity: rule.Error,
			Title: "the trampoline's address wraps around below 0",
			Text: "From v4.19 until v5.3 the search subtracts two pages from the end of the entry that it looks at, " +
				"in unsigned numbers and without a check. When usable memory ends below 8 KiB the result is an address near 2^64. " +
				"The test whether the place lies inside the entry passes, because the address is so large, and the " +
				"decompressor writes to memory that does not exist. Such a table was seen on a Samsung 500C Chromebook.",
			Example: "[mem 0x0000000000000000-0x0000000000000fff] usable, and nothing else below 4 GiB: v5.2 computes 0xfffffffffffff000",
			Sources: []string{findSource + " (v5.0)", "commit 0a46fff2f9108c2c44218380a43a736cf4612541", "https://bugzilla.kernel.org/show_bug.cgi?id=203463"},
		},
		{
			ID: pageZero, Severity: rule.Warning,
			Title: "the trampoline lies at address 0",
			Text: "A usable entry of exactly two pages at address 0 holds the trampoline, so it goes there: over the interrupt " +
				"vectors and the BIOS data area. Both pages are saved and restored, so nothing is lost as long as nothing " +
				"looks at them in between. Address 0 can also be mistaken for \"no address\".",
			Example: "[mem 0x0000000000000000-0x0000000000001fff] usable, and no other usable memory below 640 KiB",
			Sources: []string{findSource + " (v6.12)"},
		},
		{
			ID: guessed, Severity: rule.Warning,
			Title: "no usable memory was found, and the trampoline goes just below the limit all the same",
			Text: "The search for two usable pages has no way to fail. When no entry of the e820 table below the limit holds " +
				"two pages, the trampoline is written right below the limit, which the BIOS data area states or " +
				"which is 0x9f000. Whether memory is there, and whose, is left to luck.",
			Example: "[mem 0x0000000000001000-0x0000000000001fff] usable: one page is too few, the trampoline goes to 0x9d000",
			Sources: []string{findSource + " (v6.12)"},
		},
		{
			ID: givesUp, Severity: rule.Warning,
			Title: "an entry that ends below 8 KiB ends the search",
			Text: "The check against wrapping around below 0 leaves the search instead of going on with the next entry. The " +
				"table is read from its end, and in a sorted table such an entry is the last one to be read. In an unsorted " +
				"table usable memory that is listed before it is never looked at.",
			Example: "[mem 0x0000000000010000-0x000000000007ffff] usable, then [mem 0x0000000000000000-0x0000000000000fff] usable: " +
				"0x9d000 is taken, not 0x7e000",
			Sources: []string{findSource + " (v6.12)"},
		},
		{
			ID: lowered, Severity: rule.Warning,
			Title: "an entry that is too small lowers the limit for good",
			Text: "From v4.19 until v5.3 the search cuts its limit to the end of every usable entry that it looks at, before it " +
				"knows whether two pages fit. If they do not, the lower limit stays, and when nothing else fits the " +
				"trampoline goes right below it: to where the map may state no memory at all.",
			Example: "[mem 0x0000000000050000-0x0000000000050fff] usable: v5.2 takes 0x4f000, v5.3 takes 0x9d000",
			Sources: []string{findSource + " (v5.0)"},
		},
	}
}

// finding is a finding of one of the rules above.
func finding(id string, r memmap.Range, format string, args ...any) Finding {
	return Finding{id, rule.SeverityOf(Rules(), id), r, fmt.Sprintf(format, args...)}
}
