package design

import (
	"errors"
	"fmt"

	"bootplan/alloc"
	"bootplan/image"
	"bootplan/kaslr"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/firmware"
	"bootplan/sim/kernel"
)

// efistubs are the EFI stub of each generation that unpacks the kernel itself.
func efistubs() []*Design {
	merged := Choices{
		PELayout: peLegacy, BootParams: paramsCopied, Initrd: initrdLast, Trampoline: switchBelow4G, Output: outputRandom,
		Physical: physicalStub, Virtual: virtualStub, NX: nxClear, Mapping: mapFirmware,
		SelfRelocation: relocateNever, Malloc: mallocBSS, BSS: bssKernel,
	}
	current := merged
	current.PELayout, current.BootParams, current.NX = peSplit, paramsPage, nxText
	return []*Design{
		efistub("efistub@v6.6", "D5", linux.V6_6, merged, Info{
			Title: "the first EFI stub that unpacks the kernel itself, of Linux v6.6.0",
			Text: directText + " This first release still had the old PE layout, copied the setup header out of the image, " +
				"made the whole kernel executable and left it writable, and knew neither a lowest address nor an option that restricts memory.",
			Lacks: []string{
				"mem=, memmap= and hugepages=: the kernel is placed as if they were not given",
				"a lowest address: the kernel may be placed below 16 MiB, where drivers for old devices need memory",
				noSRAT,
				"random places for the kernel's memory regions: it is not told that its address is random",
			},
		}),
		efistub("efistub", "D6", linux.V6_12, current, Info{
			Title: "the EFI stub of Linux v6.12, which unpacks the kernel itself",
			Text:  directText + " Kernel text is read-only before it becomes executable. Debian's 6.1 carries this stub too, with differences that it is told by its release.",
			Lacks: directLacks,
		}),
		efistub("efistub@v7.2", "D6", linux.V7_2, current, Info{
			Title: "the EFI stub of Linux v7.2, which unpacks the kernel itself",
			Text:  directText + " The kernel is entered in its init text, which becomes executable as well.",
			Lacks: directLacks,
		}),
	}
}

const directText = "The firmware loads the file as a PE image. Its stub asks the firmware's allocator for everything: boot_params, " +
	"two pages below 4 GiB for the paging switch, and a block for the kernel at a random place. It unpacks the kernel there, " +
	"asks for permissions to execute it, loads the initrd, ends boot services, switches to 5-level paging if " +
	"the CPU can, and jumps to the kernel. The bare-metal decompressor does not run."

var directLacks = []string{noLimits, noSRAT}

// What several stubs lack.
const (
	noLimits = "mem=, memmap= and hugepages= as limits: they make the place the lowest one, which may still lie in memory that they take away"
	noSRAT   = "the ACPI SRAT: memory that may be unplugged is known by its EFI attribute only"
)

// directEntry is the story of a bzImage started as an EFI application, since Linux
// 6.6: its stub unpacks the kernel while boot services are alive and enters it directly.
var directEntry = story{tell: (*Design).bootDirect, offers: []offer{
	{"pe-layout", []string{peLegacy, peSplit, peZboot}},
	{"boot-params", []string{paramsPage, paramsCopied, paramsStatic}},
	{"initrd", []string{initrdLast, initrdFirst}},
	{"trampoline", []string{switchBelow4G, switchLowEFI, switchLow, switchLowAlways}},
	{"output", []string{outputRandom, outputAbove}},
	{"physical", []string{physicalStub, physicalRNG, physicalDecompressor, physicalNone}},
	{"virtual", []string{virtualStub, virtualPosted, virtualRevised, virtualAlloc, virtualDecompressor}},
	{"nx", []string{nxText, nxClear, nxPrefix, nxExact, nxNone}},
	{"malloc", []string{mallocBSS, mallocFirmware}},
	{"bss", []string{bssKernel, bssPadding, bssStub}},
}}

func efistub(name, identifier string, v linux.Version, c Choices, info Info) *Design {
	info.Name, info.Identifier = name, identifier
	info.Sources = []string{"drivers/firmware/efi/libstub/x86-stub.c (" + v.String() + ")"}
	return &Design{Version: v, Choices: c, story: &directEntry, Info: info}
}

// stubName is the object that is the running stub.
const stubName = "EFI stub"

// stub is one run of an EFI stub. Its acts are methods that follow its choices, so
// that a story is a list of acts in the order of its code.
type stub struct {
	packed  packed
	kernel  *image.Kernel // as it is packed
	version linux.Version // of the design
	choices *Choices
	ways    ways
	fw      *firmware.Firmware
	options linux.StubOptions
	text    string // the command line
	cut     bool   // it was longer

	handover   bool         // a boot loader enters it by the handover protocol
	root       uint64       // where its own page tables begin, if 32-bit firmware has started it
	image      memmap.Range // where it was loaded, and
	code       uint64       // how far behind its beginning the decompressor's offset 0 lies
	bootParams memmap.Range
	cmdline    memmap.Range
	initrd     memmap.Range
	paging     pagingSwitch
	la57       bool           // 5-level paging is on
	places     sim.StubPlaces // for the kernel's block, and
	size       uint64         // how large the block has to be, in bytes
	block      memmap.Range   // the one that it got
	virtual    uint64         // offset of the kernel's virtual address, LOAD_PHYSICAL_ADDR unless randomised
	drawn      struct{ physical, virtual uint32 }

	decompressor kaslr.Plan   // what the decompressor's code would choose from, where it is asked
	input        *kaslr.Input // what it is asked with
	decision     kaslr.Choice
	minimumCap   uint64 // of that plan; 0: the decompressor's own

	e820       alloc.E820Table
	setupData  []kernel.SetupData     // linked so far
	extension  memmap.Range           // for the entries that do not fit into boot_params
	unaccepted *alloc.UnacceptedTable // nil: there is none
	bitmap     memmap.Range           // where that table is
	finalMap   memmap.Range           // buffer of the memory map that the kernel reads
	final      []memmap.EFIDescriptor // that map, when boot services are over
}

// startStub brings the firmware to life and readies the stub of a design.
func startStub(b *sim.Boot, d *Design) (*stub, error) {
	b.Version(d.Version.String())
	if c := &d.Choices; c.BootParams == paramsCopied && isZboot(c.PELayout) {
		return nil, fmt.Errorf("boot-params=%s: a zboot image has no setup header to copy, so choose boot-params=%s too", paramsCopied, paramsPage)
	}
	k := b.Scenario.Kernel
	if err := needs(k); err != nil {
		return nil, err
	}
	if k.PE == nil {
		return nil, errors.New("the kernel has no EFI entry point: expected CONFIG_EFI_STUB")
	}
	if b.Scenario.Firmware.Paging != sim.FourLevels && !b.Scenario.CPU.LA57 {
		return nil, errors.New("the firmware uses 5-level paging, which the CPU does not have: expected la57=on")
	}
	assumeVersion(b, d.Version)
	if l := b.Scenario.Loader; l != "" && l != "image" && l != "handover" {
		b.Assume("loader=" + l + " is for designs that begin with the decompressor, and is left aside")
	}
	fw, err := firmware.Start(b)
	if err != nil {
		return nil, err
	}
	s := sim.Scratch[stub](b)
	s.reset(d, k, fw)
	s.handover = entersByHandover(b.Scenario)
	s.text = b.Scenario.Cmdline
	if !s.handover {
		s.text, s.cut = linux.StubCommandLine(s.text)
	}
	s.options = linux.ParseStubOptions(s.text)
	s.la57 = b.Scenario.Firmware.Paging != sim.FourLevels
	return s, nil
}

// reset begins a boot, in the memory of the last one.
func (s *stub) reset(d *Design, k *image.Kernel, fw *firmware.Firmware) {
	*s = stub{
		kernel: &s.packed.kernel, version: d.Version, choices: &d.Choices, ways: waysOf(d.Version, k), fw: fw, virtual: k.Setup.PrefAddress, size: k.NeededSize(),
		packed: s.packed, places: sim.StubPlaces{Areas: s.places.Areas, Map: s.places.Map}, decompressor: s.decompressor,
		e820: s.e820, setupData: s.setupData[:0],
	}
	s.packed.arrange(k, d.Choices.PELayout)
	s.packed.promise(d.Version >= linux.V5_19)
}

// entersByHandover reports whether a boot loader places the kernel, which it does on
// 32-bit firmware unless told otherwise: the image loader of OVMF does not take it there.
func entersByHandover(sc *sim.Scenario) bool {
	switch sc.Loader {
	case "handover":
		return true
	case "image":
		return false
	}
	return sc.Firmware.IA32
}

// bootDirect is the story, in the order in which it happens.
func (d *Design) bootDirect(b *sim.Boot) error {
	s, err := startStub(b, d)
	if err != nil {
		return err
	}
	if d.Choices.Initrd == initrdFirst {
		return perform(s, b,
			(*stub).load, (*stub).start, (*stub).preparePaging, (*stub).parseOptions,
			(*stub).loadInitrd, (*stub).placeKernel, (*stub).unpack, (*stub).protect,
			(*stub).collect, (*stub).exitBootServices, (*stub).switchPaging, (*stub).enterKernel, (*stub).handOver)
	}
	return perform(s, b,
		(*stub).load, (*stub).start, (*stub).preparePaging, (*stub).parseOptions,
		(*stub).placeKernel, (*stub).unpack, (*stub).protect, (*stub).loadInitrd,
		(*stub).collect, (*stub).exitBootServices, (*stub).switchPaging, (*stub).enterKernel, (*stub).handOver)
}
