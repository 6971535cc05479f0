package design

import (
	"fmt"
	"slices"
	"strings"
)

// Choices are the decisions in which boot designs differ. Each is the name of one of
// the values that [AllChoices] describes; a design that has no such decision to make
// leaves it empty.
type Choices struct {
	PELayout       string
	BootParams     string
	Initrd         string
	Trampoline     string
	Output         string
	Physical       string
	Virtual        string
	NX             string
	Mapping        string
	SelfRelocation string
	Malloc         string
	BSS            string
	Intent         string
}

// A Choice is one decision, for people and for --set.
type Choice struct {
	Name    string // "trampoline"
	Text    string // the question that it answers
	Values  []Value
	Sources []string

	of func(*Choices) *string
}

// A Value is one answer to a choice.
type Value struct{ Name, Text string }

// AllChoices lists every choice, in the order of a boot.
func AllChoices() []Choice { return slices.Clone(allChoices) }

// The names of the values.
const (
	peLegacy = "legacy" // pe-layout
	peSplit  = "split"
	peBaskov = "baskov"
	peZboot  = "zboot"
	peCompat = "zboot-compat"

	paramsLoader = "loader" // boot-params
	paramsCopied = "copied-header"
	paramsPage   = "page"
	paramsStatic = "static"

	initrdByLoader = "loader" // initrd
	initrdFirst    = "before-kernel"
	initrdLast     = "after-kernel"

	switchLowAlways = "low-memory-always" // trampoline
	switchLow       = "low-memory"
	switchLowEFI    = "low-allocated"
	switchBelow4G   = "below-4g"

	outputWindow = "window" // output
	outputRandom = "random-alloc"
	outputAbove  = "low-alloc-above"
	outputMalloc = "malloc"

	physicalDecompressor = "decompressor" // physical
	physicalStub         = "stub"
	physicalRNG          = "rng"
	physicalNone         = "none"

	virtualDecompressor = "decompressor" // virtual
	virtualStub         = "stub"
	virtualPosted       = "rfc-posted"
	virtualRevised      = "rfc-revised"
	virtualAlloc        = "alloc-size"
	virtualNone         = "none"

	nxNone   = "none" // nx
	nxStrip  = "strip"
	nxImage  = "strip-image"
	nxClear  = "clear-xp"
	nxPrefix = "clear-xp-prefix"
	nxText   = "text-ro"
	nxExact  = "exact"
	nxRX     = "rx-segments"

	mapFirmware   = "firmware" // mapping
	mapForKASLR   = "kaslr-rwx"
	mapDemandRWX  = "demand-rwx"
	mapExplicit   = "explicit"
	mapExplicitRW = "explicit-demand"
	mapDemandRW   = "demand-rw"

	relocateToEnd = "end-of-buffer" // self-relocation
	relocateNever = "never"

	mallocBSS      = "bss-heap" // malloc
	mallocFirmware = "firmware"
	mallocEither   = "either"
	mallocUp       = "either-upwards"
	mallocAnywhere = "either-anywhere"

	bssKernel  = "kernel" // bss
	bssPadding = "padding"
	bssStub    = "stub"

	asPosted   = "as-posted" // intent
	asIntended = "intended"
)

var allChoices = []Choice{
	{Name: "pe-layout", Text: "What do the PE header and its sections promise the firmware?", of: func(c *Choices) *string { return &c.PELayout },
		Sources: []string{"arch/x86/boot/header.S (v6.5, v6.12)", "[PATCH v5 24/27] x86/build: Make generated PE more spec compliant"}, Values: []Value{
			{peLegacy, "one .text section, 32-byte alignment, room for init_size and alignment slack behind it, preferred address 16 MiB (before 6.7)"},
			{peSplit, ".text r-x and .data rw-, page aligned, file and memory one to one (since 6.7)"},
			{peBaskov, ".text r-x and .data rw-, page aligned, preferred address 16 MiB, no .setup section (Baskov's series)"},
			{peZboot, "zboot: .text r-x with the payload, .data rw-, page aligned, no setup code"},
			{peCompat, "zboot, and a section .compat that names an entry point for 32-bit firmware (branch after the RFC)"},
		}},
	{Name: "boot-params", Text: "Where does the zero page come from?", of: func(c *Choices) *string { return &c.BootParams },
		Sources: []string{"drivers/firmware/efi/libstub/x86-stub.c:efi_pe_entry (v6.5, v6.12)", "[PATCH v5 20/27] efi: x86: Use private copy of struct setup_header"}, Values: []Value{
			{paramsLoader, "the boot loader places it"},
			{paramsCopied, "a page from the firmware, with the setup header copied into it from the image (before 6.7)"},
			{paramsPage, "a page from the firmware, filled field by field"},
			{paramsStatic, "a page inside the image's own data (Baskov's series)"},
		}},
	{Name: "initrd", Text: "When is room for the initrd found?", of: func(c *Choices) *string { return &c.Initrd },
		Sources: []string{"drivers/firmware/efi/libstub/x86-stub.c:efi_stub_entry (v6.12)", "[PATCH v5 15/27] efi/x86: Support extracting kernel from libstub"}, Values: []Value{
			{initrdByLoader, "before the kernel starts, by the boot loader"},
			{initrdFirst, "before the kernel's own block is allocated, which then goes around it"},
			{initrdLast, "after the kernel has been placed and unpacked"},
		}},
	{Name: "trampoline", Text: "From where does the switch of paging levels run?", of: func(c *Choices) *string { return &c.Trampoline },
		Sources: []string{"arch/x86/boot/compressed/pgtable_64.c (v6.5, v6.12)", "drivers/firmware/efi/libstub/x86-5lvl.c (v6.12)"}, Values: []Value{
			{switchLowAlways, "two pages of low memory that nobody allocated, on every boot (before 6.6)"},
			{switchLow, "two pages of low memory that nobody allocated, only if the paging level changes (since 6.6)"},
			{switchLowEFI, "three pages below 640 KiB that the firmware allocated, on every boot (Baskov's series)"},
			{switchBelow4G, "two pages below 4 GiB that the firmware allocated"},
		}},
	{Name: "output", Text: "Into what memory is the kernel unpacked?", of: func(c *Choices) *string { return &c.Output },
		Sources: []string{"drivers/firmware/efi/libstub/randomalloc.c, relocate.c (v6.12)", "arch/x86/boot/compressed/kaslr.c (v6.12)"}, Values: []Value{
			{outputWindow, "a place chosen by looking at the memory map, allocated by nobody"},
			{outputRandom, "a block of loader code, at the place that a random number selects among all that fit"},
			{outputAbove, "a block of loader data, at the lowest free place at or above a randomly chosen one"},
			{outputMalloc, "a block from the one allocator that the design has"},
		}},
	{Name: "physical", Text: "What decides the physical address?", of: func(c *Choices) *string { return &c.Physical },
		Sources: []string{"arch/x86/boot/compressed/kaslr.c (v6.12)", "drivers/firmware/efi/libstub/x86-stub.c:efi_decompress_kernel (v6.12)", "[RFC PATCH 2/3] efi/zboot: x86: Implement EFI zboot support"}, Values: []Value{
			{physicalDecompressor, "the decompressor's slots, RDRAND and time stamp counter"},
			{physicalStub, "the stub's slots; EFI_RNG mixed with RDRAND and time stamp counter"},
			{physicalRNG, "the stub's slots, EFI_RNG alone; the highest slot without it"},
			{physicalNone, "nothing random: the lowest place that fits"},
		}},
	{Name: "virtual", Text: "What decides the virtual address?", of: func(c *Choices) *string { return &c.Virtual },
		Sources: []string{"arch/x86/boot/compressed/kaslr.c (v6.12)", "drivers/firmware/efi/libstub/x86-stub.c:efi_decompress_kernel (v6.12)", "[RFC PATCH 2/3] efi/zboot: x86: Implement EFI zboot support"}, Values: []Value{
			{virtualDecompressor, "the decompressor: one of the slots that fit above 16 MiB"},
			{virtualStub, "the stub: a 32-bit seed scaled to what fits above 16 MiB"},
			{virtualPosted, "the RFC as posted: a displacement of at least 16 MiB, which can end beyond the kernel's 1 GiB"},
			{virtualRevised, "the RFC as revised: a displacement from 0, which can still end beyond the kernel's 1 GiB"},
			{virtualAlloc, "a seed scaled to what the whole allocation leaves (2025 redesign)"},
			{virtualNone, "nothing random: the address that the kernel was linked for"},
		}},
	{Name: "nx", Text: "What is done so that code may be executed?", of: func(c *Choices) *string { return &c.NX },
		Sources: []string{"drivers/firmware/efi/libstub/x86-stub.c:setup_memory_protection (v6.5), efi_adjust_memory_range_protection (v6.6, v6.12)", "[RFC PATCH 3/3] efi/zboot: x86: Clear NX restrictions on populated code regions", "[PATCH v5 25/27] efi/libstub: Use memory attribute protocol"}, Values: []Value{
			{nxNone, "nothing"},
			{nxStrip, "no-execute and read-only are taken away from [0x1e000, 0xa0000) and a relocated image, through the DXE services (5.19 to 6.5)"},
			{nxImage, "no-execute and read-only are taken away from a relocated image and the switch's code page, through the DXE services (LA57 cleanup of May 2023)"},
			{nxClear, "no-execute is taken away from the whole kernel and the switch's code page (6.6)"},
			{nxPrefix, "no-execute is taken away from the kernel up to the end of its init text, and the switch's code page (RFC, third patch)"},
			{nxText, "kernel text and the switch's code page become read-only, then executable (since 6.9)"},
			{nxExact, "every segment gets the rights of its ELF flags (Baskov's series)"},
			{nxRX, "each segment that is executed and not written becomes read-only, then executable, and so does the switch's code page (2025 redesign)"},
		}},
	{Name: "mapping", Text: "Whose page tables are in force, and what do they allow?", of: func(c *Choices) *string { return &c.Mapping },
		Sources: []string{"arch/x86/boot/compressed/ident_map_64.c (v6.12)", "[PATCH v5 06/27] x86/boot: Setup memory protection for bzImage code", "[PATCH v5 09/27] x86/boot: Remove mapping from page fault handler"}, Values: []Value{
			{mapFirmware, "the firmware's own, until the kernel has made its own"},
			{mapForKASLR, "own tables only for a kernel that is moved, mapped beforehand, writable and executable; nothing handles a fault (before 5.10)"},
			{mapDemandRWX, "own tables; whatever faults is mapped writable and executable, 2 MiB at a time"},
			{mapExplicit, "own tables with exact rights, in 4 KiB pages; every fault ends the boot (Baskov's series)"},
			{mapExplicitRW, "own tables with exact rights; what faults is mapped without execution and logged (Baskov's series, softened in review)"},
			{mapDemandRW, "own tables; whatever faults is mapped writable, never executable (proposal)"},
		}},
	{Name: "self-relocation", Text: "Does the decompressor move itself before it unpacks?", of: func(c *Choices) *string { return &c.SelfRelocation },
		Sources: []string{"arch/x86/boot/compressed/head_64.S:startup_64 (v6.12)"}, Values: []Value{
			{relocateToEnd, "to the end of the buffer, so that it can unpack over its own input"},
			{relocateNever, "no: input and output do not overlap"},
		}},
	{Name: "malloc", Text: "What backs the decompressor's malloc?", of: func(c *Choices) *string { return &c.Malloc },
		Sources: []string{"include/linux/decompress/mm.h (v6.12)"}, Values: []Value{
			{mallocBSS, "a fixed heap in its BSS"},
			{mallocFirmware, "the firmware's allocator"},
			{mallocEither, "the firmware's allocator; without one, what the e820 map shows as free, from 4 GiB downwards (proposal)"},
			{mallocUp, "the same, but without firmware from 1 MiB upwards (proposal)"},
			{mallocAnywhere, "the same, but without firmware from the end of RAM downwards (proposal)"},
		}},
	{Name: "bss", Text: "Who clears the kernel's BSS before its first instruction?", of: func(c *Choices) *string { return &c.BSS },
		Sources: []string{"arch/x86/kernel/head64.c:clear_bss (v6.12)", "drivers/firmware/efi/libstub/zboot.c (v6.12)"}, Values: []Value{
			{bssKernel, "nobody: the kernel does, in C"},
			{bssPadding, "the image is padded with zeroes, so that unpacking clears it"},
			{bssStub, "the stub, segment by segment"},
		}},
	{Name: "intent", Text: "Where a series has a defect: as it was posted, or as its author evidently meant it?", of: func(c *Choices) *string { return &c.Intent },
		Sources: []string{"[PATCH v5 06/27] x86/boot: Setup memory protection for bzImage code", "[RFC PATCH 2/3] efi/zboot: x86: Implement EFI zboot support"}, Values: []Value{
			{asPosted, "as posted, defects included"},
			{asIntended, "as evidently intended"},
		}},
}

// choiceNamed finds a choice.
func choiceNamed(name string) (*Choice, error) {
	var names []string
	for i := range allChoices {
		if allChoices[i].Name == name {
			return &allChoices[i], nil
		}
		names = append(names, allChoices[i].Name)
	}
	return nil, fmt.Errorf("choice %q: expected one of %s", name, strings.Join(names, ", "))
}
