package lint

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/rule"
)

var runtimeUnmappedRule = rule.Rule{
	ID: "map-runtime-unmapped", Severity: rule.Error,
	Title: "runtime services memory without the RUN attribute",
	Text: "Memory of the runtime services types must carry EFI_MEMORY_RUNTIME (RUN): the operating system maps " +
		"what carries it, and nothing else, for runtime services. Without it the first call of a runtime service that touches the memory faults.",
	Example: "[mem 0x7e000000-0x7e0fffff] Runtime Code WB",
	Sources: []string{"UEFI 2.10, 7.2 (memory types)", "arch/x86/platform/efi/efi.c:should_map_region (v6.12)"},
}

func runtimeUnmapped(s *subject, report report) {
	if s.Kind != memmap.EFI {
		return
	}
	for _, i := range s.order {
		if d := s.Descriptors[i]; d.IsRuntime() && d.Attr&memmap.EFIRuntime == 0 {
			r := s.proper(i)
			report(rule.Error, r, fmt.Sprintf("%v %v lacks RUN, so that runtime services can't reach it", r, d.Type), i)
		}
	}
}

var runtimeAttributeRule = rule.Rule{
	ID: "map-runtime-attribute", Severity: rule.Warning,
	Title: "RUN on memory that is not for runtime services",
	Text: "Runtime services use, after boot, all memory with the RUN attribute. That fits the runtime types, device memory, " +
		"and reserved memory. On a type that the operating system takes for RAM it is a warning: both will use the memory. " +
		"On the other types it is unusual and reported as information.",
	Example: "[mem 0x7e000000-0x7e0fffff] Conventional RUN|WB",
	Sources: []string{"UEFI 2.10, 7.2.3 (EFI_MEMORY_RUNTIME)", "drivers/firmware/efi/libstub/x86-stub.c:setup_e820 (v6.12)"},
}

func runtimeAttribute(s *subject, report report) {
	if s.Kind != memmap.EFI {
		return
	}
	for _, i := range s.order {
		d, r := s.Descriptors[i], s.proper(i)
		if d.Attr&memmap.EFIRuntime == 0 || d.IsRuntime() {
			continue
		}
		switch d.Type {
		case memmap.EFIReserved, memmap.EFIMMIO, memmap.EFIMMIOPort, memmap.EFIPalCode:
			continue
		}
		if s.usable(i) {
			report(rule.Warning, r, fmt.Sprintf("%v %v has RUN: runtime services and the operating system would both use it", r, d.Type), i)
		} else {
			report(rule.Info, r, fmt.Sprintf("%v %v has RUN, which is not meant for this type", r, d.Type), i)
		}
	}
}
