package design

import (
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
)

// middleGround is the way between zboot and the decompressor that A. Lutomirski proposes.
func middleGround() *Design {
	return &Design{Version: linux.V6_12, story: &middleStory,
		Choices: Choices{
			PELayout: peSplit, BootParams: paramsPage, Initrd: initrdLast, Trampoline: switchBelow4G, Output: outputMalloc,
			Physical: physicalStub, Virtual: virtualStub, NX: nxRX, Mapping: mapExplicit,
			SelfRelocation: relocateNever, Malloc: mallocEither, BSS: bssKernel,
		},
		Info: Info{
			Name: "middle-ground", Identifier: "D10",
			Title: "one simple malloc for everything, backed by EFI or by memory that was found",
			Text: "One piece of code unpacks the kernel wherever it is started, and knows of its surroundings only that they hand out pages. EFI " +
				"firmware does; without it the allocator takes the first pages that fit, from the top below 4 GiB, out of RAM of the e820 map that " +
				"nobody uses, and never below 1 MiB. Nothing is unpacked over its own input, nothing moves itself, and its page tables allow each " +
				"page what it is for. The kernel gets a random place among all that are free.",
			Sources: []string{"mails of Andy Lutomirski, 2023-04-21 and 2023-05-03, in the thread of 20230416120729.2470762-1-ardb@kernel.org"},
			Lacks: []string{
				"machines on which the kernel does not fit twice",
				"memory maps that are wrong: what the e820 map calls RAM is used",
				"memory that can be unplugged, where only ACPI says so",
			},
			Proposal: true,
		},
	}
}

// middleStory is the story of both back ends.
var middleStory = story{tell: (*Design).bootMiddleGround, offers: []offer{
	{"malloc", []string{mallocEither, mallocUp, mallocAnywhere}},
}}

// bootMiddleGround asks firmware for memory if there is any, else finds it.
func (d *Design) bootMiddleGround(b *sim.Boot) error {
	if !startsAsApplication(b.Scenario) {
		return bootCore(b, d, false)
	}
	with := *d
	with.Choices.Output, with.Choices.Malloc, with.Choices.Mapping = outputRandom, mallocFirmware, mapFirmware
	return with.bootDirect(b)
}

// startsAsApplication reports whether EFI firmware starts the kernel; a boot loader may
// have ended boot services before.
func startsAsApplication(sc *sim.Scenario) bool {
	switch sc.Loader {
	case "grub", loaderGRUBEFI, loaderKexec64:
		return false
	}
	return sc.Map.Kind == memmap.EFI
}
