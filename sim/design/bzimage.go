package design

import (
	"errors"
	"fmt"

	"bootplan/alloc"
	"bootplan/image"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/kernel"
	"bootplan/trampoline"
)

// bzimages are the bare-metal decompressor of each generation.
func bzimages() []*Design {
	current := Choices{
		BootParams: paramsLoader, Initrd: initrdByLoader, Trampoline: switchLow, Output: outputWindow,
		Physical: physicalDecompressor, Virtual: virtualDecompressor, Mapping: mapDemandRWX,
		SelfRelocation: relocateToEnd, Malloc: mallocBSS, BSS: bssKernel,
	}
	old := current
	old.Trampoline = switchLowAlways
	oldest := old
	oldest.Mapping = mapForKASLR
	nx := current
	nx.Mapping = mapDemandRW
	return []*Design{
		bzimage("bzimage", linux.V6_12, current),
		bzimage("bzimage@v7.2", linux.V7_2, current),
		bzimage("bzimage@v6.5", linux.V6_5, old),
		bzimage("bzimage@v5.15", linux.V5_15, old),
		bzimage("bzimage@v5.10", linux.V5_10, old),
		bzimage("bzimage@v5.3", linux.V5_3, oldest),
		bzimage("bzimage@v4.18", linux.V4_18, oldest),
		decompressorNX(nx),
	}
}

// bareMetal is the story of a bzImage entered by a boot loader without EFI.
var bareMetal = story{tell: (*Design).bootBareMetal, offers: append([]offer{
	{"trampoline", []string{switchLowAlways, switchLow}},
}, decompressorOffers...)}

// decompressorOffers are the choices that the decompressor makes, whoever starts it.
var decompressorOffers = []offer{
	{"physical", []string{physicalDecompressor, physicalNone}},
	{"virtual", []string{virtualDecompressor, virtualNone}},
	{"mapping", []string{mapForKASLR, mapDemandRWX, mapDemandRW}},
	{"self-relocation", []string{relocateToEnd, relocateNever}},
}

// bzimage is a bzImage entered by a boot loader without EFI.
func bzimage(name string, v linux.Version, c Choices) *Design {
	return &Design{Version: v, Choices: c, story: &bareMetal, Info: Info{
		Name:       name,
		Identifier: "D2",
		Title:      fmt.Sprintf("the bare-metal decompressor of Linux %s, entered by a boot loader", v),
		Text: "A boot loader puts the file at 1 MiB and jumps to it. The decompressor builds page tables for the first 4 GiB, " +
			switchText(c) + ", copies itself to the end of the buffer " +
			"into which it will unpack, picks a random place for the kernel, unpacks it there over the front of its own " +
			"input, moves the ELF segments, applies relocations and jumps to the kernel. It has no allocator but a heap and a pool of " +
			"page tables of fixed size: memory is used because the map says that it is RAM." + faultText(c),
		Sources: []string{"arch/x86/boot/compressed/ (" + v.String() + ")", "Documentation/arch/x86/boot.rst"},
		Lacks:   bareLacks(v, c),
	}}
}

const noAllocation = "an allocation for the kernel: its place is chosen by looking at the memory map"

// bareLacks is what a decompressor does not do that nobody starts but a boot loader.
func bareLacks(v linux.Version, c Choices) []string {
	lacks := []string{
		noAllocation,
		"permissions: what is mapped can be written and executed",
	}
	if c.Mapping == mapForKASLR {
		lacks = append(lacks, "a handler of page faults")
	}
	if v < linux.V5_1 {
		lacks = append(lacks, "the ACPI SRAT: memory that may be unplugged is used like any other")
	}
	return lacks
}

// switchText says how the paging level is switched.
func switchText(c Choices) string {
	if c.Trampoline == switchLowAlways {
		return "runs through two pages of low memory in which it would switch to 5-level paging, even if there is nothing to switch"
	}
	return "switches to 5-level paging through two pages of low memory if the CPU can"
}

// faultText says what becomes of memory that is not mapped.
func faultText(c Choices) string {
	if c.Mapping == mapForKASLR {
		return " Nothing handles a page fault: what it will touch above 4 GiB is mapped beforehand."
	}
	return ""
}

// decompressorNX is the decompressor whose page-fault handler serves data only, as it
// was proposed in 2023.
func decompressorNX(c Choices) *Design {
	return &Design{Version: linux.V6_12, Choices: c, story: &bareMetal, Info: Info{
		Name:       "decompressor-nx",
		Identifier: "D11",
		Title:      "the bare-metal decompressor with demand paging for data only",
		Text: "As bzimage, but the decompressor replaces the tables of its 32-bit entry by its own, in which its code is read-only " +
			"and everything else cannot be executed. The page-fault handler maps what faults without execute permission, and stops at " +
			"an instruction fetch. The kernel's text is made read-only and executable once the kernel is unpacked and relocated.",
		Lacks:    []string{noAllocation},
		Sources:  []string{"point 4 of 2023-05-03 and the mails of 2023-03-14 and -15 that led to it", "arch/x86/boot/compressed/ident_map_64.c (v6.12)"},
		Proposal: true,
	}}
}

// decompressorName is the object that is the running decompressor.
const decompressorName = "decompressor"

// bssName is its BSS: stack, heap and variables, behind the bytes of the file.
const bssName = "decompressor's BSS"

// decompressor is one run of the bare-metal decompressor. Its acts are methods that
// follow its choices, so that a story is a list of acts in the order of its code.
type decompressor struct {
	kernel  *image.Kernel
	version linux.Version // of the design
	release linux.Version // whose details count
	choices *Choices

	// What a boot loader or the EFI stub left.
	entry      entry
	image      string // the object that its code and data are at present
	loaded     uint64 // startup_32: L
	offset     uint64 // of startup_32 in a PE image, if it was loaded as one
	root       uint64 // page tables of the 32-bit entry; 0: it was not used
	loaderType uint8
	setupCode  memmap.Range
	bootParams memmap.Range
	cmdline    memmap.Range
	initrd     memmap.Range
	setupData  []kernel.SetupData
	e820       []memmap.E820Entry
	efi        *kernel.EFI // nil: no EFI firmware
	passed     kernel.EFI  // what efi points to
	unaccepted *alloc.UnacceptedTable
	bitmap     memmap.Range // where that table is

	// What follows from it.
	output  uint64 // where the kernel is unpacked to: O
	target  uint64 // where the decompressor runs in the end: T
	virtual uint64 // offset of the kernel's virtual address, LOAD_PHYSICAL_ADDR unless randomised
	la57    bool   // 5-level paging is on
	random  bool   // the kernel was told that KASLR is on

	minimumCap uint64 // of the search for a place; 0: the decompressor's own

	identity alloc.IdentityMap
	search   trampoline.Input      // for low memory
	walk     trampoline.Walk       // and how it went
	lent     []memmap.Span[string] // what was needed in the low memory that it borrows
	table    []memmap.E820Entry    // room for an e820 table of the loader's making
}

// bootBareMetal is the story, in the order in which it happens.
func (d *Design) bootBareMetal(b *sim.Boot) error {
	z, err := startDecompressor(b, d)
	if err != nil {
		return err
	}
	if err := perform(z, b, (*decompressor).load, (*decompressor).setup, (*decompressor).enter); err != nil {
		return err
	}
	return z.decompress(b)
}

// startDecompressor readies the decompressor of a design that a boot loader enters.
func startDecompressor(b *sim.Boot, d *Design) (*decompressor, error) {
	b.Version(d.Version.String())
	if err := needs(b.Scenario.Kernel); err != nil {
		return nil, err
	}
	assumeVersion(b, d.Version)
	return d.decompressor(b), nil
}

// decompressor is that of the scenario's kernel, as the design has it.
func (d *Design) decompressor(b *sim.Boot) *decompressor {
	z := sim.Scratch[decompressor](b)
	k := b.Scenario.Kernel
	*z = decompressor{
		kernel: k, version: d.Version, release: releaseOf(k, d.Version), choices: &d.Choices, image: decompressorName,
		virtual: k.Setup.PrefAddress, setupData: z.setupData[:0], identity: z.identity, walk: z.walk, lent: z.lent[:0], table: z.table[:0],
	}
	return z
}

// decompress is what happens from the 64-bit entry on, whoever jumped there.
func (z *decompressor) decompress(b *sim.Boot) error {
	return perform(z, b,
		(*decompressor).enter64, (*decompressor).switchPaging, (*decompressor).settle, (*decompressor).mapMemory,
		(*decompressor).extract, (*decompressor).enterKernel, (*decompressor).handOver)
}

// perform does acts of who, one after the other, until one fails or the processor stops.
func perform[T any](who T, b *sim.Boot, acts ...func(T, *sim.Boot) error) error {
	for _, act := range acts {
		if err := act(who, b); err != nil || b.Stopped() {
			return err
		}
	}
	return nil
}

// assumeVersion notes when the kernel is not of the generation that the design models.
func assumeVersion(b *sim.Boot, v linux.Version) {
	k := b.Scenario.Kernel
	if k.Version != 0 && !models(v, k) {
		b.Assume("the kernel is of Linux " + k.Version.String() + "; its boot code is taken to do what that of " + v.String() + " does")
	}
}

// needs reports what a kernel image lacks for a bzImage boot.
func needs(k *image.Kernel) error {
	if k.Kind != image.BzImage || k.Setup == nil {
		return fmt.Errorf("%s is of the kind %s: this design boots an x86 bzImage", k.Name, k.Kind)
	}
	switch {
	case k.Payload == nil:
		return errors.New("the kernel's payload was not read: its uncompressed size is needed")
	case k.ELF == nil:
		return errors.New("the kernel inside the payload was not read: its segments are needed")
	case k.Decompressor == nil || k.VO == nil:
		return errors.New("the decompressor's symbols were not found in the image: expected the 64-bit startup code of Linux 5.10 or later")
	}
	return nil
}

// geometry computes where the decompressor will unpack to and run.
// Source: arch/x86/boot/compressed/head_64.S:startup_32, startup_64 (v6.5, v6.12).
func (z *decompressor) geometry() {
	z.output, z.target = settled(z.kernel, z.loaded, z.offset)
	if z.choices.SelfRelocation == relocateNever {
		z.target = z.loaded
	}
}

// settled is where the decompressor of k unpacks to and runs if its startup_32 is at
// loaded, and offset bytes into a PE image.
func settled(k *image.Kernel, loaded, offset uint64) (output, target uint64) {
	h := k.Setup
	output = memmap.AlignUp(loaded-offset, uint64(h.KernelAlignment))
	if h.Relocatable == 0 || output < h.PrefAddress {
		output = h.PrefAddress
	}
	return output, output + uint64(h.InitSize) - k.Decompressor.End
}

// in returns the part [from, to) of the decompressor that lies at base.
func (z *decompressor) in(base, from, to uint64) memmap.Range {
	return memmap.Range{Start: base + from, End: base + to}
}
