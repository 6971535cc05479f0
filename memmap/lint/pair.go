package lint

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/rule"
)

// The rules on the two maps of one boot.
var (
	pairRAMRule = rule.Rule{
		ID: "map-pair-ram", Severity: rule.Error,
		Title: "the e820 table offers RAM that the EFI map does not",
		Text: "A boot loader or the EFI stub makes the e820 table of the EFI map. Where the table says RAM and the EFI map says something else, " +
			"or nothing, the kernel will overwrite memory that belongs to firmware.",
		Sources: []string{"drivers/firmware/efi/libstub/x86-stub.c:setup_e820 (v6.12)"},
	}
	pairLostRule = rule.Rule{
		ID: "map-pair-lost", Severity: rule.Warning,
		Title: "RAM of the EFI map that the e820 table does not offer",
		Text: "The memory is safe but lost: the kernel takes what is RAM from the e820 table. Memory that must be accepted first, and special-purpose memory, " +
			"may be left out and is not reported.",
		Sources: []string{"drivers/firmware/efi/libstub/x86-stub.c:setup_e820 (v6.12)"},
	}
	pairTypeRule = rule.Rule{
		ID: "map-pair-type", Severity: rule.Info,
		Title: "the e820 table and the EFI map call memory by different names",
		Text: "Both say that the memory isn't RAM, but not of which kind: for example ACPI NVS in one and reserved in the other. " +
			"The kernel goes by the e820 table; what it does for ACPI NVS (save it over hibernation) then misses the memory or is done for too much. " +
			"Reserved, unusable, device memory, GRUB's type 20 and memory that is not described count as equal.",
		Sources: []string{"drivers/firmware/efi/libstub/x86-stub.c:setup_e820 (v6.12)", "arch/x86/kernel/e820.c:e820__register_nvs_regions (v6.12)"},
	}
	pairRules = []rule.Rule{pairRAMRule, pairLostRule, pairTypeRule}
)

// Pair returns how the e820 table of a boot differs from what the EFI stub would
// make of the EFI map of the same boot; the order is that of Map. Its findings name
// no entries, because they concern two maps.
func Pair(e820, efi *memmap.Map) []Finding {
	lists := [][]memmap.Span[memmap.Word]{
		e820.Flat(),
		converted(efi, memmap.ConvertOptions{UnacceptedMemory: true}),
		converted(efi, memmap.ConvertOptions{SoftReserve: true}),
	}
	var found []Finding
	memmap.Align(lists, func(r memmap.Range, words []memmap.Word) {
		stated, one, other := plain(words[0]), plain(words[1]), plain(words[2])
		if stated == one || stated == other {
			return
		}
		f := disagreement(stated, one)
		if n := len(found); n > 0 && found[n-1].Rule == f.Rule && found[n-1].Message == f.Message && found[n-1].Range.End == r.Start {
			found[n-1].Range.End = r.End
			return
		}
		f.Range = r
		found = append(found, f)
	})
	for i := range found {
		found[i].Message = fmt.Sprintf("%v %s", found[i].Range, found[i].Message)
	}
	return abridge(found)
}

// disagreement is the finding without its range.
func disagreement(stated, made memmap.E820Type) Finding {
	r := pairTypeRule
	switch memmap.E820RAM {
	case stated:
		r = pairRAMRule
	case made:
		r = pairLostRule
	}
	return Finding{Rule: r.ID, Severity: r.Severity, Count: 1,
		Message: fmt.Sprintf("is %v in the e820 table, but the EFI map makes it %v", stated, made)}
}

// converted is what the stub makes of an EFI map, address by address.
func converted(efi *memmap.Map, o memmap.ConvertOptions) []memmap.Span[memmap.Word] {
	m := memmap.Map{Kind: memmap.E820, Entries: memmap.ToE820(efi.Descriptors, o)}
	return m.Flat()
}

// plain is the e820 type of w with everything that amounts to "hands off" made one.
func plain(w memmap.Word) memmap.E820Type {
	t := memmap.E820Type(w.Type)
	switch t {
	case memmap.E820RAM, memmap.E820ACPI, memmap.E820NVS, memmap.E820PMEM, memmap.E820SoftReserved:
		return t
	}
	return memmap.E820Reserved
}
