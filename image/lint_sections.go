package image

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/rule"
)

// onPE makes a check of the PE headers.
func onPE(messages func(*Kernel, *PE) []string) func(*Kernel) []string {
	return func(k *Kernel) []string {
		if k.PE == nil {
			return nil
		}
		return messages(k, k.PE)
	}
}

const efiApplication = 10

// sectionChecks are about the layout that the PE headers describe.
var sectionChecks = []check{
	{rule.Rule{
		ID: "image-no-pe", Severity: rule.Info, Title: "EFI firmware cannot start the image",
		Text:    "The image has no PE header, so EFI firmware does not recognise it: the kernel was built without EFI stub. A boot loader has to load it and leave the firmware's services itself.",
		Sources: []string{"arch/x86/Kconfig: EFI_STUB (v6.12)"},
	}, noPE},
	{rule.Rule{
		ID: "image-subsystem", Severity: rule.Error, Title: "the image is no EFI application",
		Text:    "Firmware starts an image according to its subsystem. Kernels are EFI applications, 10; the memory for drivers has other types and stays with the firmware.",
		Sources: []string{"UEFI specification 2.10, 2.1.1"},
	}, onPE(otherSubsystem)},
	{rule.Rule{
		ID: "image-size-of-image", Severity: rule.Error, Title: "SizeOfImage is smaller than the sections",
		Text: "Firmware allocates SizeOfImage bytes and copies the sections into them. " +
			"A section that reaches further is refused, or lands on memory that belongs to somebody else.",
		Sources: []string{"PE/COFF specification, Optional Header Windows-Specific Fields"},
	}, onPE(smallSizeOfImage)},
	{rule.Rule{
		ID: "image-section-file", Severity: rule.Error, Title: "a section's bytes lie outside the file",
		Text:    "A section says where its bytes lie in the file. If they reach beyond its end, firmware refuses the image, or copies whatever follows the file in memory.",
		Sources: []string{"PE/COFF specification, Section Table"},
	}, onPE(sectionOutsideFile)},
	{rule.Rule{
		ID: "image-section-overlap", Severity: rule.Error, Title: "two sections overlap in memory",
		Text:    "Sections have to be sorted by address and must not overlap, with each other or with the headers: what is copied last overwrites the other, and the permissions of the shared bytes depend on the firmware.",
		Sources: []string{"PE/COFF specification, Section Table"},
	}, onPE(overlappingSections)},
	{rule.Rule{
		ID: "image-section-alignment", Severity: rule.Warning, Title: "sections are not aligned to pages",
		Text: "Permissions are a property of pages. Firmware that protects images does so only if SectionAlignment is a multiple of 4 KiB, and leaves others writable and executable as a whole. " +
			"The old layout of x86 kernels has an alignment of 32 bytes.",
		Sources: []string{"MdeModulePkg/Core/Dxe/Misc/MemoryProtection.c (edk2)", "arch/x86/boot/header.S (v5.10)"},
	}, onPE(smallAlignment)},
	{rule.Rule{
		ID: "image-section-shares-page", Severity: rule.Warning, Title: "sections with different permissions share a page",
		Text:    "A page has one set of permissions. If two sections that ask for different ones share a page, firmware can honour one of them at most.",
		Sources: []string{"UEFI specification 2.10, 2.1.1"},
	}, onPE(sharedPages)},
	{rule.Rule{
		ID: "image-entry", Severity: rule.Error, Title: "the entry point does not lie in an executable section",
		Text:    "Firmware that protects images by their sections maps everything else without execution: the first instruction of the image faults.",
		Sources: []string{"PE/COFF specification, Optional Header Standard Fields"},
	}, onPE(entryOutsideCode)},
}

// span is the memory that a section takes, relative to the image's base.
func (s Section) span() memmap.Range {
	start := uint64(s.VirtualAddress)
	return memmap.Range{Start: start, End: start + uint64(s.VirtualSize)}
}

func noPE(k *Kernel) []string {
	if k.Setup == nil || k.PE != nil {
		return nil
	}
	return []string{"the file does not begin with a PE header"}
}

func otherSubsystem(_ *Kernel, p *PE) []string {
	if p.Subsystem == efiApplication {
		return nil
	}
	return []string{fmt.Sprintf("the subsystem is %d, an EFI application has %d", p.Subsystem, efiApplication)}
}

func smallSizeOfImage(_ *Kernel, p *PE) []string {
	var messages []string
	for _, s := range p.Sections {
		if end := s.span().End; end > uint64(p.SizeOfImage) {
			messages = append(messages, fmt.Sprintf("section %s ends at %#x, SizeOfImage is %#x", s.Name, end, p.SizeOfImage))
		}
	}
	return messages
}

func sectionOutsideFile(k *Kernel, p *PE) []string {
	var messages []string
	for _, s := range p.Sections {
		if end := uint64(s.RawOffset) + uint64(s.RawSize); s.RawSize > 0 && end > k.FileSize {
			messages = append(messages, fmt.Sprintf("section %s ends at %#x in the file, which has %#x bytes", s.Name, end, k.FileSize))
		}
	}
	return messages
}

func overlappingSections(_ *Kernel, p *PE) []string {
	var messages []string
	before, end := "the headers", uint64(p.SizeOfHeaders)
	for _, s := range p.Sections {
		if s.VirtualSize == 0 {
			continue
		}
		if span := s.span(); span.Start < end {
			messages = append(messages, fmt.Sprintf("section %s starts at %#x, %s end at %#x", s.Name, span.Start, before, end))
		}
		before, end = "the sections before it", max(end, s.span().End)
	}
	return messages
}

func smallAlignment(_ *Kernel, p *PE) []string {
	if p.SectionAlignment >= memmap.PageSize {
		return nil
	}
	return []string{fmt.Sprintf("SectionAlignment is %#x, less than a page", p.SectionAlignment)}
}

func sharedPages(_ *Kernel, p *PE) []string {
	var messages []string
	for i, a := range p.Sections {
		for _, b := range p.Sections[i+1:] {
			pages := a.span().Outward(memmap.PageSize)
			if a.Perm() != b.Perm() && pages.Overlaps(b.span().Outward(memmap.PageSize)) {
				messages = append(messages, fmt.Sprintf("sections %s (%s) and %s (%s) share a page", a.Name, a.Perm(), b.Name, b.Perm()))
			}
		}
	}
	return messages
}

func entryOutsideCode(_ *Kernel, p *PE) []string {
	for _, s := range p.Sections {
		if s.Executable() && s.span().Contains(uint64(p.EntryRVA)) {
			return nil
		}
	}
	return []string{fmt.Sprintf("the entry point %#x lies in no executable section", p.EntryRVA)}
}
