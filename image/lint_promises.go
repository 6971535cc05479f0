package image

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/rule"
)

// promiseChecks are about what the PE headers promise: which memory has to be
// written to, which executed, and whether the image can do without both at once.
var promiseChecks = []check{
	{rule.Rule{
		ID: "image-section-wx", Severity: rule.Error, Title: "a section is writable and executable",
		Text:    "Such a section asks the firmware for memory that can be written to and executed at once, which is what a hardened platform refuses. Code and data belong into sections of their own.",
		Sources: []string{"Microsoft UEFI CA signing requirements (2022-11-30)"},
	}, onPE(sectionWX)},
	{rule.Rule{
		ID: "image-code-covers-data", Severity: rule.Warning, Title: "an executable section holds memory that is written to",
		Text: "An executable section that is larger in memory than in the file ends with zero-filled memory, and nobody needs to execute zeros: that is where data, heap, stack and page tables go. " +
			"In the old layout of x86 kernels one section, readable and executable, spans the whole decompression buffer. " +
			"The kernel writes to it all the time, so firmware that takes the section at its word makes the boot fault.",
		Sources: []string{"arch/x86/boot/tools/build.c (v5.10)"},
	}, onPE(codeCoversData)},
	{rule.Rule{
		ID: "image-setup-executable", Severity: rule.Warning, Title: "the real-mode code is declared executable",
		Text: "EFI firmware never runs the real-mode part of a kernel. " +
			"A .setup section that is executable makes the firmware map header bytes as code for nothing.",
		Sources: []string{"arch/x86/boot/header.S (v5.10, v6.12)"},
	}, onPE(setupExecutable)},
	{rule.Rule{
		ID: "image-nx-compat-missing", Severity: rule.Warning, Title: "the image does not promise to do without W+X memory",
		Text: "NX_COMPAT in DllCharacteristics is the image's promise that it needs no memory that is writable and executable. " +
			"Firmware in compatibility mode switches its protection off for an image without it; strict firmware refuses to start it.",
		Sources: []string{"arch/x86/boot/header.S (v6.9)", "Microsoft UEFI CA signing requirements (2022-11-30)"},
	}, onPE(nxCompatMissing)},
	{rule.Rule{
		ID: "image-nx-compat-untrue", Severity: rule.Error, Title: "the image promises NX_COMPAT, and its sections cannot keep the promise",
		Text: "An image keeps NX_COMPAT only if its sections can be mapped with their own permissions: aligned to pages, none of them writable and executable, and no code section with memory behind it that has to be written to. " +
			"Firmware that believes the flag protects the image as a whole and the image faults.",
		Sources: []string{"Microsoft UEFI CA signing requirements (2022-11-30)"},
	}, onPE(nxCompatUntrue)},
}

func sectionWX(_ *Kernel, p *PE) []string {
	var messages []string
	for _, s := range p.Sections {
		if s.Writable() && s.Executable() {
			messages = append(messages, fmt.Sprintf("section %s is %s", s.Name, s.Perm()))
		}
	}
	return messages
}

func codeCoversData(_ *Kernel, p *PE) []string {
	var messages []string
	for _, s := range p.Sections {
		if s.zeroFilledCode() {
			messages = append(messages, fmt.Sprintf("section %s (%s) has %#x bytes in the file and %#x in memory", s.Name, s.Perm(), s.RawSize, s.VirtualSize))
		}
	}
	return messages
}

// zeroFilledCode reports whether the section is executable and has whole pages that
// do not come from the file.
func (s Section) zeroFilledCode() bool {
	return s.Executable() && uint64(s.VirtualSize) > memmap.AlignUp(uint64(s.RawSize), memmap.PageSize)
}

func setupExecutable(_ *Kernel, p *PE) []string {
	var messages []string
	for _, s := range p.Sections {
		if s.Name == ".setup" && s.Executable() {
			messages = append(messages, fmt.Sprintf("section .setup is %s", s.Perm()))
		}
	}
	return messages
}

func nxCompatMissing(_ *Kernel, p *PE) []string {
	if p.NXCompat() {
		return nil
	}
	return []string{fmt.Sprintf("DllCharacteristics is %#x: NX_COMPAT, 0x100, is clear", p.DLLCharacteristics)}
}

func nxCompatUntrue(_ *Kernel, p *PE) []string {
	if !p.NXCompat() {
		return nil
	}
	var messages []string
	if p.SectionAlignment < memmap.PageSize {
		messages = append(messages, fmt.Sprintf("SectionAlignment is %#x, less than a page", p.SectionAlignment))
	}
	for _, s := range p.Sections {
		switch {
		case s.Writable() && s.Executable():
			messages = append(messages, fmt.Sprintf("section %s is %s", s.Name, s.Perm()))
		case s.zeroFilledCode():
			messages = append(messages, fmt.Sprintf("section %s (%s) holds zero-filled memory, which is there to be written to", s.Name, s.Perm()))
		}
	}
	return messages
}
