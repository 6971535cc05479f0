package design

import (
	"errors"
	"fmt"

	"bootplan/alloc"
	"bootplan/image"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/firmware"
	"bootplan/sim/kernel"
)

// efistubs are the EFI stub of each generation that unpacks the kernel itself.
func efistubs() []*Design {
	return []*Design{
		efistub("efistub", linux.V6_12, Choices{
			PELayout: peSplit, BootParams: paramsPage, Initrd: initrdLast, Trampoline: switchBelow4G, Output: outputRandom,
			Physical: physicalStub, Virtual: virtualStub, NX: nxText, Mapping: mapFirmware,
			SelfRelocation: relocateNever, Malloc: mallocBSS, BSS: bssKernel,
		}),
		efistub("efistub@v7.2", linux.V7_2, Choices{
			PELayout: peSplit, BootParams: paramsPage, Initrd: initrdLast, Trampoline: switchBelow4G, Output: outputRandom,
			Physical: physicalStub, Virtual: virtualStub, NX: nxText, Mapping: mapFirmware,
			SelfRelocation: relocateNever, Malloc: mallocBSS, BSS: bssKernel,
		}),
	}
}

// directEntry is the story of a bzImage started as an EFI application, since Linux
// 6.6: its stub unpacks the kernel while boot services are alive and enters it directly.
var directEntry = story{tell: (*Design).bootDirect}

func efistub(name string, v linux.Version, c Choices) *Design {
	return &Design{Version: v, Choices: c, story: &directEntry, Info: Info{
		Name:       name,
		Identifier: "D6",
		Title:      fmt.Sprintf("the EFI stub of Linux %s, which unpacks the kernel itself", v),
		Text: "The firmware loads the file as a PE image. Its stub asks the firmware's allocator for everything: boot_params, " +
			"two pages below 4 GiB for the paging switch, and a block for the kernel at a random place. It unpacks the kernel there, " +
			"asks for the text to be read-only and executable, loads the initrd, ends boot services, switches to 5-level paging if " +
			"the CPU can, and jumps to the kernel. The bare-metal decompressor does not run.",
		Sources: []string{"drivers/firmware/efi/libstub/x86-stub.c (" + v.String() + ")"},
	}}
}

// stubName is the object that is the running stub.
const stubName = "EFI stub"

// stub is one run of the EFI stub.
type stub struct {
	kernel  *image.Kernel
	version linux.Version
	choices *Choices
	fw      *firmware.Firmware
	options linux.StubOptions

	image      memmap.Range // the PE image
	bootParams memmap.Range
	cmdline    memmap.Range
	initrd     memmap.Range
	paging     memmap.Range // code page and table page of the 5-level switch
	block      memmap.Range // for the kernel
	e820       alloc.E820Table
	setupData  []kernel.SetupData // linked so far
	extension  memmap.Range       // for the entries that do not fit into boot_params
	finalMap   memmap.Range       // buffer of the memory map that the kernel reads
	virtual    uint64
}

// bootDirect is the story, in the order in which it happens.
func (d *Design) bootDirect(b *sim.Boot) error {
	b.Version(d.Version.String())
	k := b.Scenario.Kernel
	if err := needs(k); err != nil {
		return err
	}
	if k.PE == nil {
		return errors.New("the kernel has no EFI entry point: expected CONFIG_EFI_STUB")
	}
	assumeVersion(b, d.Version)
	fw, err := firmware.Start(b)
	if err != nil {
		return err
	}
	s := &stub{kernel: k, version: d.Version, choices: &d.Choices, fw: fw, options: linux.ParseStubOptions(b.Scenario.Cmdline), virtual: k.Setup.PrefAddress}
	for _, act := range []func(*sim.Boot) error{
		s.loadImage, s.start, s.preparePaging, s.placeKernel, s.unpack, s.loadInitrd, s.copyROMs, s.exitBootServices,
	} {
		if err := act(b); err != nil {
			return err
		}
	}
	s.switchPaging(b)
	s.enterKernel(b)
	return s.handOver(b)
}

// loadImage lets the firmware load the kernel file as an application.
func (s *stub) loadImage(b *sim.Boot) error {
	var err error
	s.image, err = s.fw.LoadImage(firmware.Application{Object: stubName, PE: s.kernel.PE, FileSize: s.kernel.FileSize})
	if err != nil {
		return err
	}
	b.Machine.Needed.Set(s.payload(), payloadName)
	return nil
}

// payload is the compressed kernel inside the PE image, which mirrors the file.
func (s *stub) payload() memmap.Range {
	return sized(s.startup()+uint64(s.kernel.Setup.PayloadOffset), uint64(s.kernel.Setup.PayloadLength))
}

// startup is where the decompressor begins inside the PE image.
func (s *stub) startup() uint64 { return s.image.Start + s.kernel.SetupBytes() }

// start is the PE entry point: boot_params and the command line.
func (s *stub) start(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/x86-stub.c:efi_pe_entry"
	b.In(sim.Stub)
	b.MeasureWX("stub_entry")
	entry := sized(s.image.Start+uint64(s.kernel.PE.EntryRVA), 64)
	b.Do(sim.Step{Op: sim.Exec, Object: stubName, Range: entry, Why: "the firmware starts the image at its entry point", Source: source})
	var err error
	s.bootParams, err = s.fw.For("boot_params", "the zero page; nothing is copied from the image", source).
		TakePages(memmap.EFILoaderData, memmap.PageSize, ^uint64(0))
	if err != nil {
		return err
	}
	b.Do(sim.Step{Op: sim.Write, Object: "boot_params", Range: s.bootParams, Keep: true, Why: "it starts empty", Source: source})
	b.Place("boot_params", s.bootParams, 0)
	return s.convertCmdline(b)
}

// convertCmdline makes a command line of the load options, which are UTF-16.
func (s *stub) convertCmdline(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/efi-stub-helper.c:efi_convert_cmdline"
	size := uint64(len(b.Scenario.Cmdline)) + 1
	var err error
	s.cmdline, err = s.fw.For("command line", "a pool block: a page, of which the rest stays free", source).
		TakePool(memmap.EFILoaderData, size)
	if err != nil {
		return err
	}
	b.Do(sim.Step{Op: sim.Write, Object: "command line", Range: s.cmdline, Keep: true, Why: "the load options, converted from UTF-16", Source: source})
	b.Place("command_line", s.cmdline, 0)
	return nil
}

// preparePaging allocates code and table for a switch of paging levels, whenever
// the CPU knows 5-level paging, wanted or not.
func (s *stub) preparePaging(b *sim.Boot) error {
	if !b.Scenario.CPU.LA57 {
		return nil
	}
	const source = "drivers/firmware/efi/libstub/x86-5lvl.c:efi_setup_5level_paging"
	var err error
	s.paging, err = s.fw.For(switchName, "two pages below 4 GiB: the switch runs in 32-bit mode", source).
		TakePages(memmap.EFILoaderData, 2*memmap.PageSize, firmware.Below4G)
	if err != nil {
		return err
	}
	b.Do(sim.Step{Op: sim.Write, Object: switchName, Range: s.switchCode(), Keep: true, Why: "code from a template, the rest of the page filled with no-ops", Source: source})
	s.fw.AllowExecution(switchName, s.switchCode())
	b.Place("paging_trampoline", s.paging, 0)
	return nil
}

// switchCode is the code page of the switch; the other one is its page table.
func (s *stub) switchCode() memmap.Range { return sized(s.paging.Start, memmap.PageSize) }

func (s *stub) switchTable() memmap.Range {
	return sized(s.paging.Start+memmap.PageSize, memmap.PageSize)
}

// unpack decompresses the kernel and makes its text executable.
func (s *stub) unpack(b *sim.Boot) error {
	u := unpacking{kernel: s.kernel, payload: s.payload(), base: s.block.Start, virtual: s.virtual, self: stubName, image: s.startup()}
	if err := u.run(b); err != nil {
		return err
	}
	vo := s.kernel.VO
	s.fw.AllowExecution(kernelName, sized(s.block.Start, vo.TextSize))
	if vo.InitTextSize != 0 {
		s.fw.AllowExecution(kernelName, sized(s.block.Start+vo.InitTextOffset, vo.InitTextSize))
	}
	return nil
}

// loadInitrd reads the initial RAM disk into pages of its own.
func (s *stub) loadInitrd(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/efi-stub-helper.c:efi_load_initrd"
	size := b.Scenario.Initrd.Size
	if size == 0 || s.options.NoInitrd {
		return nil
	}
	r, err := s.fw.For("initrd", "as high as the firmware has room", source).TakePages(memmap.EFILoaderData, size, ^uint64(0))
	if err != nil {
		return err
	}
	s.initrd = sized(r.Start, size)
	b.Do(sim.Step{Op: sim.Write, Object: "initrd", Range: s.initrd, Keep: true, Why: "read through the firmware", Source: source})
	b.Place("initrd", s.initrd, 0)
	return nil
}

const mapName = "EFI memory map"

// mapHead is what the stub puts before the descriptors in a buffer for the memory map.
const mapHead = 40

// fetchMap takes a buffer of type t for the memory map, with room for a few more
// descriptors than there are, and fills it.
func (s *stub) fetchMap(b *sim.Boot, t memmap.EFIType, why string) (memmap.Range, error) {
	const source = "drivers/firmware/efi/libstub/mem.c:efi_get_memory_map"
	size := mapHead + s.fw.MapSize() + alloc.MapSlack*firmware.DescriptorSize
	r, err := s.fw.For(mapName, why, source).TakePool(t, size)
	if err != nil {
		return r, err
	}
	b.Do(sim.Step{Op: sim.Write, Object: mapName, Range: r, Keep: true, Why: "fetched from the firmware", Source: source})
	return r, nil
}

// exitBootServices takes the final memory map and makes the e820 table of it.
func (s *stub) exitBootServices(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/x86-stub.c:exit_boot"
	extension, err := s.allocateE820(b)
	if err != nil {
		return err
	}
	s.finalMap, err = s.fetchMap(b, memmap.EFIACPIReclaim, "the map that the kernel will read, in memory that it keeps")
	if err != nil {
		return err
	}
	s.extension = extension
	b.MeasureWX("exit_boot_services")
	s.fw.ExitBootServices(source)
	return s.writeE820(b, extension)
}

// allocateE820 provides for a map with more entries than boot_params can hold.
func (s *stub) allocateE820(b *sim.Boot) (memmap.Range, error) {
	const source = "drivers/firmware/efi/libstub/x86-stub.c:allocate_e820"
	buffer, err := s.fetchMap(b, memmap.EFILoaderData, "a copy of the map, to count its entries")
	if err != nil {
		return memmap.Range{}, err
	}
	defer s.fw.ReleasePool(mapName, buffer, source)
	size := alloc.AllocateE820(uint32(len(s.fw.Map())), alloc.MapSlack)
	if size == 0 {
		return memmap.Range{}, nil
	}
	r, err := s.fw.For("e820 extension", "the map has more entries than boot_params can hold: the rest goes into a setup_data node", source).
		TakePool(memmap.EFILoaderData, uint64(size))
	if err != nil {
		return memmap.Range{}, err
	}
	b.Place("e820_extension", sized(r.Start, uint64(size)), 0)
	return sized(r.Start, uint64(size)), nil
}

// writeE820 converts the final map for the kernel.
func (s *stub) writeE820(b *sim.Boot, extension memmap.Range) error {
	const source = "drivers/firmware/efi/libstub/x86-stub.c:setup_e820"
	table, status := alloc.SetupE820(s.fw.Map(), uint32(extension.Len()), memmap.ConvertOptions{
		UnacceptedMemory: releaseOf(s.kernel, s.version) >= linux.V6_5, SoftReserve: !s.options.NoSoftReserve,
	})
	if status != alloc.Success {
		return &sim.Failure{Rule: "no-memory", Message: "the e820 table and its extension are too small for the memory map: " + status.Error()}
	}
	b.Do(sim.Step{Op: sim.Write, Object: "boot_params", Range: s.bootParams, Keep: true, Why: "the e820 table, made of the EFI map", Source: source})
	if len(table.Extension) > 0 {
		b.Do(sim.Step{Op: sim.Write, Object: "e820 extension", Range: extension, Keep: true, Why: "what did not fit into boot_params", Source: source})
	}
	s.e820 = table
	return nil
}

// wants5Level reports whether the paging level is switched.
func (s *stub) wants5Level() bool {
	return !s.paging.Empty() && !s.options.No5Level && knows5Level(s.kernel)
}

// switchPaging turns 5-level paging on, if it is wanted.
func (s *stub) switchPaging(b *sim.Boot) {
	if !s.wants5Level() {
		return
	}
	const source = "drivers/firmware/efi/libstub/x86-5lvl.c:efi_5level_switch"
	b.Do(sim.Step{Op: sim.Write, Object: pageTablesName, Range: s.switchTable(), Keep: true,
		Why: "one level more on top: its first entry points at the firmware's tables", Source: source})
	b.Do(sim.Step{Op: sim.Exec, Object: switchName, Range: s.switchCode(), Why: "paging off, LA57 on, paging on again", Source: source})
}

// enterKernel jumps to the kernel.
func (s *stub) enterKernel(b *sim.Boot) {
	b.MeasureWX("kernel_entry")
	enterKernel(b, s.kernel, s.block.Start, "drivers/firmware/efi/libstub/x86-stub.c:enter_kernel")
}

// placeKernel asks the firmware for the block into which the kernel goes.
func (s *stub) placeKernel(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/x86-stub.c:efi_decompress_kernel"
	buffer, err := s.fetchMap(b, memmap.EFILoaderData, "a copy of the map, to count places in")
	if err != nil {
		return err
	}
	s.fw.For("kernel block", "room for the unpacked file and the running kernel, at the multiple of 2 MiB that the seed chooses", source)
	if s.block, err = s.allocateRandom(b); err != nil {
		return err
	}
	s.fw.ReleasePool(mapName, buffer, source)
	b.Place("kernel_block", s.block, 0)
	return nil
}
