package design

import (
	"errors"

	"bootplan/image"
	"bootplan/kaslr"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/kernel"
	"bootplan/trampoline"
)

// arrival is what boot code leaves to the kernel proper, apart from the scenario.
type arrival struct {
	kernel  *image.Kernel
	version linux.Version // of the design
	phys    uint64        // where the kernel runs

	cmdline   string
	e820      []memmap.E820Entry // in boot_params
	setupData []kernel.SetupData // in the order of the list
	loader    uint8              // type_of_loader
	initrd    memmap.Range
	efi       *kernel.EFI
	bios      linux.BIOSWords
	la57      bool // 5-level paging is on
	random    bool // KASLR_FLAG is set
}

// Types of boot loaders, as boot_params states them.
// Source: Documentation/arch/x86/boot.rst (v6.12); recorded boots.
const (
	loaderStub  = 0x21
	loaderIPXE  = 0x46
	loaderGRUB  = 0x72
	loaderQEMU  = 0xb0
	loaderKexec = 0xd0
)

// handOver follows the kernel through the first hundred steps of its own.
func handOver(b *sim.Boot, a *arrival) error {
	if b.Stopped() {
		return nil
	}
	h, ok := a.handover(b)
	if !ok {
		b.Assume("the image has no section headers: the early kernel's memory is not followed")
		return nil
	}
	var log []string
	if b.Traced() {
		h.Log = func(line string) { log = append(log, line) }
	}
	b.In(sim.Kernel)
	own := kernelTables{b, h.Image, h.Version}
	own.enter()
	state, err := sim.Scratch[kernel.Setup](b).Arch(&h)
	stopped, ends := errors.AsType[*linux.Panic](err)
	if err != nil && !ends {
		return err
	}
	if b.Traced() {
		b.KernelSays(log, state.IOMem(&h.Image))
	}
	a.showKernel(b, state)
	if ends {
		return &sim.Failure{Rule: "kernel-panic", Message: stopped.Error()}
	}
	own.finish(state)
	return nil
}

// handover is the arrival as the kernel sees it; ok is false if its layout is not known.
func (a *arrival) handover(b *sim.Boot) (h kernel.Handover, ok bool) {
	layout := a.kernel.VO.Layout
	if layout == nil {
		return h, false
	}
	version := releaseOf(a.kernel, a.version)
	h = kernel.Handover{
		Version: version, Cmdline: a.cmdline,
		Image:  kernel.Image{Phys: a.phys, Layout: *layout, RealModeSize: trampoline.RealModeSize(version)},
		Memory: memmap.BootMemory{Table: a.e820}, TypeOfLoader: a.loader, Initrd: a.initrd, EFI: a.efi, BIOS: a.bios,
		CPU:     kernel.CPU{LA57: a.la57, GBPages: true},
		Regions: a.regions(b, version), SetupData: a.setupData,
	}
	return h, true
}

// regions are where the kernel puts the direct map and its neighbours.
func (a *arrival) regions(b *sim.Boot, v linux.Version) func(maxPFN uint64) kaslr.Regions {
	config := kaslr.DebianRegions(v)
	config.Enabled, config.LA57 = a.random, a.la57
	return func(maxPFN uint64) kaslr.Regions {
		return kaslr.RandomizeRegions(config, maxPFN, b.Scenario.Random.Memory())
	}
}

// showKernel tells what the kernel did.
func (a *arrival) showKernel(b *sim.Boot, s *kernel.State) {
	const source = "arch/x86/realmode/init.c:reserve_real_mode"
	if !s.RealMode.Empty() {
		b.Do(sim.Step{Op: sim.Alloc, Object: realModeName, Range: s.RealMode,
			Why: "further processors start in real mode: as high below 1 MiB as there is room", Source: source})
		b.Place("realmode_trampoline", s.RealMode, 0)
	}
	b.Do(sim.Step{Op: sim.Alloc, Object: "low memory", Range: memmap.Range{End: memmap.MiB},
		Why: "the rest of the first MiB is kept from use: BIOSes write to it at any time", Source: source})
	b.Place("direct_map", memmap.Range{End: s.MaxPFN * memmap.PageSize}, s.Regions.PageOffset)
	if s.Initrd.Start != a.initrd.Start && !s.Initrd.Empty() {
		b.Do(sim.Step{Op: sim.Alloc, Object: "initrd", Range: s.Initrd,
			Why: "mem= or memmap= took the memory away in which it lies: it moves", Source: "arch/x86/kernel/setup.c:relocate_initrd"})
		b.Place("moved_initrd", s.Initrd, 0)
	}
}

// handOver states what the stub leaves.
func (s *stub) handOver(b *sim.Boot) error {
	efi := s.passedEFI()
	a := &arrival{
		kernel: s.kernel, version: s.version, phys: s.block.Start, cmdline: s.text, e820: s.e820.Entries, initrd: s.initrd, loader: s.loaderType(),
		efi: &efi, bios: b.Scenario.BIOS, la57: s.la57, random: s.toldRandom(),
		setupData: s.allSetupData(),
	}
	return handOver(b, a)
}

// passedEFI is what boot_params say of the firmware's memory map.
func (s *stub) passedEFI() kernel.EFI {
	return kernel.EFI{MapAddr: s.finalMap.Start + s.ways.mapHead, DescSize: s.fw.DescriptorSize(), Descriptors: s.final}
}

// loaderType is what boot_params say of who loaded the kernel: the stub itself, or QEMU,
// whose kernel OVMF enters by the handover protocol.
func (s *stub) loaderType() uint8 {
	if s.handover {
		return loaderQEMU
	}
	return loaderStub
}

// allSetupData is the whole setup_data list: what was linked, then the e820 extension.
func (s *stub) allSetupData() []kernel.SetupData {
	ext := s.e820.Extension
	if len(ext) == 0 {
		return s.setupData
	}
	const entryBytes = 20
	return append(s.setupData, kernel.SetupData{
		SetupDataNode: memmap.SetupDataNode{Addr: s.extension.Start, Type: setupE820Ext, Len: uint32(len(ext) * entryBytes)}, E820: ext,
	})
}
