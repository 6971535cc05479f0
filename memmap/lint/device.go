package lint

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/rule"
)

var ramOnDeviceRule = rule.Rule{
	ID: "map-ram-on-device", Severity: rule.Error,
	Title: "RAM where every PC has hardware or firmware",
	Text: "Some addresses are fixed on every PC: the registers of the I/O APIC and of the local APIC, and the page of flash at the end of 4 GiB " +
		"from which the CPU starts. A map that offers them as RAM makes boot code write to registers or to ROM. " +
		"The area from 640 KiB to 1 MiB holds the VGA window and ROMs; some BIOSes and virtual machines offer it as RAM, " +
		"and Linux removes it from its own table, but the decompressor does not, so that is a warning.",
	Example: "[mem 0x00100000-0xffffffff] usable",
	Sources: []string{"arch/x86/kernel/setup.c:trim_bios_range (v6.12)", "Intel SDM vol. 3 (local APIC base, reset vector)"},
}

// fixed are the addresses at which no PC has RAM.
var fixed = []struct {
	where    memmap.Range
	what     string
	severity rule.Severity
}{
	{memmap.Range{Start: 0xa0000, End: memmap.MiB}, "where PCs have VGA memory and ROMs", rule.Warning},
	{memmap.Range{Start: 0xfec00000, End: 0xfec01000}, "where the I/O APIC's registers are", rule.Error},
	{memmap.Range{Start: 0xfee00000, End: 0xfee01000}, "where the local APIC's registers are", rule.Error},
	{memmap.Range{Start: 0xfffff000, End: 4 * memmap.GiB}, "where the CPU starts firmware from flash", rule.Error},
}

func ramOnDevice(s *subject, report report) {
	for _, f := range fixed {
		r := s.ram.Overlap(f.where)
		if r.Empty() {
			continue
		}
		var entries []int
		for _, i := range s.order {
			if s.usable(i) && s.proper(i).Overlaps(r) {
				entries = append(entries, i)
			}
		}
		report(f.severity, r, fmt.Sprintf("%v is RAM, %s", r, f.what), entries...)
	}
}
