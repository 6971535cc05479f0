package main

import "bootplan/sim"

// policyTopics explains how firmware can protect memory.
func policyTopics() []topic {
	var list []topic
	for _, name := range sim.Policies() {
		list = append(list, topic{
			Name: name, Kind: "policy", Title: policies[name].title, Text: policies[name].text, Sources: policySources,
			group: "how EFI firmware protects memory: bootplan run --policy NAME",
		})
	}
	return list
}

var policySources = []string{
	"MdeModulePkg/MdeModulePkg.dec: PcdDxeNxMemoryProtectionPolicy, PcdImageProtectionPolicy (edk2-stable202502)",
	"MdeModulePkg/Core/Dxe/Misc/MemoryProtection.c (edk2-stable202502)",
	"UEFI specification 2.10, EFI_MEMORY_ATTRIBUTE_PROTOCOL",
	"Project Mu: MdeModulePkg/Include/Guid/DxeMemoryProtectionSettings.h",
	"UEFI CA memory mitigation requirements (2022-11-30)",
}

const (
	attributeText = "The memory attribute protocol is there as well: boot code can make its memory read-only, writable or executable, page by page."
	dataText      = "PcdDxeNxMemoryProtectionPolicy is 0xc000000000007fd5: free memory, loader data and all other memory that is not of one of the three code types " +
		"(LoaderCode, BootServicesCode, RuntimeServicesCode) is mapped without execute permission. Code types stay writable and executable."
	imageText = "PcdImageProtectionPolicy covers the kernel's file: its sections, if they are aligned to pages, are mapped as they are declared."
)

// policies by name; every name that sim knows has to be among them.
var policies = map[string]struct{ title, text string }{
	"ovmf": {"no protection: all memory is writable and executable",
		"What OVMF does as distributions build it. Nothing that a kernel does can fault, and everything that it maps is open to attack."},
	"ovmf-attr": {"no protection, but boot code can ask for it",
		"All memory begins writable and executable. " + attributeText},
	"edk2-nx": {"data is not executable",
		dataText + " Boot code can only ask the DXE services to lift a restriction."},
	"edk2-nx-attr": {"data is not executable; boot code can change permissions",
		dataText + " " + attributeText},
	"edk2-nx-image": {"data is not executable; images are mapped by their sections",
		dataText + " " + imageText},
	"edk2-nx-image-attr": {"data is not executable; images are mapped by their sections; boot code can change permissions",
		dataText + " " + imageText + " " + attributeText},
	"strict": {"no memory is executable unless somebody asks",
		"The NX mask is 0xbfff: every allocation but those of persistent memory and of types of OEMs and OS loaders is mapped without execute " +
			"permission, code types too. Free memory and page 0 are not mapped at all. Images whose origin no policy covers, or whose " +
			"sections are not aligned to pages, are made writable and executable as a whole. Starting an image that does not promise NX_COMPAT ends all of this " +
			"for the rest of the boot: the protocol goes, and whatever is allocated from then on can be written and executed. " + attributeText},
	"strict-block": {"no memory is executable unless somebody asks; old images are refused",
		"The NX mask is 0xc00000000000bfff: every allocation but those of persistent memory is mapped without execute permission, code types " +
			"too. Free memory and page 0 are not mapped at all. Images are mapped by their sections, if these are aligned to pages, and made " +
			"writable and executable as a whole if not; one that does not promise NX_COMPAT is not started. " + attributeText},
}
