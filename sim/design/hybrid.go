package design

import (
	"bootplan/linux"
	"bootplan/sim"
)

// hybrid is the one file for everybody that A. Lutomirski proposes: a zboot image whose
// core can be entered by boot loaders too.
func hybrid() *Design {
	return &Design{Version: linux.V6_3, story: &hybridStory,
		Choices: Choices{
			PELayout: peZboot, BootParams: paramsPage, Initrd: initrdLast, Trampoline: switchBelow4G, Output: outputMalloc,
			Physical: physicalRNG, Virtual: virtualPosted, NX: nxPrefix, Mapping: mapExplicit,
			SelfRelocation: relocateNever, Malloc: mallocEither, BSS: bssPadding,
		},
		Info: Info{
			Name: "hybrid", Identifier: "D9",
			Title: "zboot and bzImage in one file",
			Text: "EFI firmware starts the file as the zboot image of the RFC. A boot loader finds a setup header as well, enters at its 16-, 32- or " +
				"64-bit entry point, and gets the same core, which then finds free memory by itself: the flat kernel is unpacked into a block of " +
				"its own, its BSS included, relocated, and entered under page tables with exact rights.",
			Sources: []string{"mail of Andy Lutomirski, 2023-04-21, in the thread of 20230416120729.2470762-1-ardb@kernel.org"},
			Lacks: []string{
				"what the decompressor does for SEV-ES and SNP guests",
				"on EFI firmware, what the RFC lacks",
			},
			Proposal: true,
		},
	}
}

// hybridStory is the story of both ways to enter it.
var hybridStory = story{tell: (*Design).bootHybrid, offers: []offer{
	{"virtual", []string{virtualPosted, virtualRevised}},
	{"nx", []string{nxPrefix, nxNone}},
	{"malloc", []string{mallocEither, mallocUp, mallocAnywhere}},
}}

// bootHybrid is the RFC's boot on EFI firmware, and the core's elsewhere.
func (d *Design) bootHybrid(b *sim.Boot) error {
	if !startsAsApplication(b.Scenario) {
		return bootCore(b, d, true)
	}
	with := *d
	with.Choices.Output, with.Choices.Malloc, with.Choices.Mapping = outputRandom, mallocBSS, mapFirmware
	return with.bootFlatZboot(b)
}
