package lint

import (
	"fmt"
	"slices"

	"bootplan/memmap"
	"bootplan/rule"
)

var unknownTypeRule = rule.Rule{
	ID: "map-unknown-type", Severity: rule.Warning,
	Title: "types that the specifications do not define",
	Text: "Linux treats an e820 type that it does not know like reserved memory, which is safe: information. GRUB states type 20 for EFI runtime code. " +
		"In an EFI map the types from 0x70000000 on belong to the machine's maker and to operating system loaders. The EFI stub leaves all types that it does not know out of the e820 " +
		"table; devices may then be placed over the memory, so that is a warning.",
	Sources: []string{
		"ACPI 6.5, 15 (address range types)", "UEFI 2.10, 7.2 (memory types)",
		"drivers/firmware/efi/libstub/x86-stub.c:setup_e820 (v6.12)",
	},
}

// unknownType makes one finding for each unknown type.
func unknownType(s *subject, report report) {
	entries := map[uint32][]int{}
	var types []uint32
	for _, i := range s.order {
		t := s.Word(i).Type
		if s.known(t) {
			continue
		}
		if entries[t] == nil {
			types = append(types, t)
		}
		entries[t] = append(entries[t], i)
	}
	slices.Sort(types)
	for _, t := range types {
		of := entries[t]
		r := s.proper(of[0])
		s.reportType(report, t, r, of)
	}
}

func (s *subject) reportType(report report, t uint32, first memmap.Range, entries []int) {
	where := first.String()
	if len(entries) > 1 {
		where = fmt.Sprintf("%v and %d more", first, len(entries)-1)
	}
	switch {
	case s.Kind == memmap.EFI:
		report(rule.Warning, first, fmt.Sprintf("%s: %v is left out of the e820 table, so that nothing reserves the memory", where, memmap.EFIType(t)), entries...)
	case memmap.E820Type(t) == memmap.E820GRUBRuntime:
		report(rule.Info, first, fmt.Sprintf("%s: type 20 is GRUB's for EFI runtime code; Linux reserves it", where), entries...)
	default:
		report(rule.Info, first, fmt.Sprintf("%s: type %d is not defined; Linux reserves it", where, t), entries...)
	}
}

func (s *subject) known(t uint32) bool {
	if s.Kind == memmap.EFI {
		return memmap.EFIType(t) <= memmap.EFIUnaccepted
	}
	switch memmap.E820Type(t) {
	case memmap.E820RAM, memmap.E820Reserved, memmap.E820ACPI, memmap.E820NVS, memmap.E820Unusable,
		memmap.E820Disabled, memmap.E820PMEM, memmap.E820PRAM, memmap.E820ReservedKern, memmap.E820SoftReserved:
		return true
	}
	return false
}
