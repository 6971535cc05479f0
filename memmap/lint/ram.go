package lint

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/rule"
)

var noRAMRule = rule.Rule{
	ID: "map-no-ram", Severity: rule.Error,
	Title: "a map without RAM",
	Text: "No entry offers RAM. Nothing can be loaded, and a kernel that starts anyway finds no memory to run in. " +
		"Maps of runtime regions only, such as /sys/firmware/efi/runtime-map, are not meant.",
	Sources: []string{"arch/x86/kernel/e820.c:e820__memblock_setup (v6.12)"},
}

func noRAM(s *subject, report report) {
	if len(s.order) > 0 && len(s.ram.Ranges()) == 0 && !s.opts.Part {
		report(rule.Error, memmap.Range{}, fmt.Sprintf("none of the %d entries is RAM", s.Len()))
	}
}

// legacy is where the oldest boot code looks for memory: base memory without its
// first page, which belongs to the BIOS.
var legacy = memmap.Range{Start: memmap.PageSize, End: 640 * memmap.KiB}

var noLowRAMRule = rule.Rule{
	ID: "map-no-low-ram", Severity: rule.Warning,
	Title: "no room for a trampoline in base memory",
	Text: "CPUs start in real mode, which reaches 1 MiB, so the code that starts the other CPUs must lie below. So does the code that switches " +
		"between 4- and 5-level paging on BIOS machines. Without two free pages below 640 KiB the first leaves a machine with " +
		"one CPU, and the second, which takes memory without asking, uses memory that isn't RAM.",
	Example: "[mem 0x00000000-0x00000fff] usable\n[mem 0x00100000-0x7fffffff] usable",
	Sources: []string{
		"arch/x86/realmode/init.c:reserve_real_mode (v6.12)",
		"arch/x86/boot/compressed/pgtable_64.c:find_trampoline_placement (v6.12)",
		"https://bugzilla.kernel.org/show_bug.cgi?id=203463",
	},
}

func noLowRAM(s *subject, report report) {
	if len(s.ram.Ranges()) == 0 || s.opts.Part {
		return
	}
	in, _ := s.ram.Intersection(legacy)
	for _, r := range in {
		if r.Inward(memmap.PageSize).Len() >= 2*memmap.PageSize {
			return
		}
	}
	report(rule.Warning, legacy, fmt.Sprintf("%v holds no two consecutive pages of RAM", legacy))
}

// protected is what 32-bit code reaches above the area of real mode.
var protected = memmap.Range{Start: memmap.MiB, End: 4 * memmap.GiB}

var noRAMBelow4GRule = rule.Rule{
	ID: "map-no-ram-below-4g", Severity: rule.Error,
	Title: "no RAM between 1 MiB and 4 GiB",
	Text: "The 32-bit fields of the boot protocol, page tables for the switch to 64-bit code, and devices with 32-bit DMA all need RAM below 4 GiB. " +
		"No x86 machine boots Linux without it.",
	Sources: []string{"Documentation/arch/x86/boot.rst (v6.12)"},
}

func noRAMBelow4G(s *subject, report report) {
	if len(s.ram.Ranges()) > 0 && s.ram.Overlap(protected).Empty() && !s.opts.Part {
		report(rule.Error, protected, fmt.Sprintf("%v holds no RAM", protected))
	}
}
