package design

import (
	"fmt"
	"slices"

	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/firmware"
)

// A loader is a boot loader without EFI services: how it enters a bzImage and where it
// puts what that needs, as recorded from the real ones.
type loader struct {
	name       string
	entry      entry
	kind       uint8  // type_of_loader
	realMode   uint64 // the real-mode part, if it is loaded
	bootParams uint64 // 0: the setup code's own structure
	cmdline    uint64
	heapEnd    uint64 // behind the real-mode part
	initrdMax  uint64 // highest address of its own choice for an initrd; 0: what the kernel states
	initrdHigh bool   // of a kernel that can be loaded anywhere it does not believe what that states for an initrd
	efiMap     uint64 // where the memory map of EFI firmware goes
}

// canBeAbove4G is XLF_CAN_BE_LOADED_ABOVE_4G.
const canBeAbove4G = 1 << 1

const (
	loaderGRUBEFI = "grub-efi" // GRUB on EFI firmware, whose boot services it ends itself
	loaderKexec64 = "kexec64"  // a running kernel
)

// loaders in the order in which Loaders lists them.
var loaders = []loader{
	{name: "qemu", kind: loaderQEMU, realMode: 0x10000, cmdline: 0x20000, heapEnd: 0x10000, initrdHigh: true},
	{name: "grub", entry: enterProtected, kind: loaderGRUB, bootParams: 0x8a000, cmdline: 0x8f000, initrdMax: 0x37ffffff},
	{name: "ipxe", kind: loaderIPXE, realMode: 0x10000, cmdline: 0x19000, heapEnd: 0x9000},
	{name: loaderGRUBEFI, entry: enterProtected, kind: loaderGRUB, bootParams: 0x87000, cmdline: 0x8c000, initrdMax: 0x37ffffff, efiMap: 0x8d000},
	{name: loaderKexec64, entry: enterLong, kind: loaderKexec},
}

// Loaders lists the names of what can load a kernel: those that enter the decompressor,
// then those that start the EFI stub. GRUB on EFI firmware goes by the name of GRUB.
func Loaders() []string {
	var names []string
	for _, l := range loaders {
		if l.name != loaderGRUBEFI {
			names = append(names, l.name)
		}
	}
	return append(names, "image", "handover")
}

// chooseLoader returns the loader that the scenario names, or the one that fits its map.
func chooseLoader(b *sim.Boot) (loader, error) {
	name := b.Scenario.Loader
	efi := b.Scenario.Map.Kind == memmap.EFI
	switch {
	case name == "" && efi, name == "grub" && efi:
		name = loaderGRUBEFI
	case name == "":
		name = "qemu"
	}
	i := slices.IndexFunc(loaders, func(l loader) bool { return l.name == name })
	if i < 0 {
		return loader{}, fmt.Errorf("loader %q: expected qemu, ipxe, grub or kexec64", name)
	}
	l := loaders[i]
	if efi && name != loaderGRUBEFI && name != loaderKexec64 {
		return loader{}, fmt.Errorf("loader %s does not run on EFI firmware: expected grub, kexec64, or an e820 map", name)
	}
	return l, nil
}

// load lets the loader place everything that the boot protocol asks for.
// Source: Documentation/arch/x86/boot.rst (v6.12).
func (z *decompressor) load(b *sim.Boot) error {
	l, err := chooseLoader(b)
	if err != nil {
		return err
	}
	b.In(sim.Loader)
	if l.name == loaderGRUBEFI {
		z.table = grubE820(z.table, firmware.Descriptors(b))
		z.e820 = z.table
		if b.Scenario.Firmware.Paging != sim.FourLevels {
			b.Assume("GRUB is taken to switch the firmware's 5-level paging off before it enters the kernel")
		}
	} else {
		z.e820 = firmware.E820(b)
	}
	z.entry, z.loaderType = l.entry, l.kind
	if l.entry == enterLong {
		return z.loadByKernel(b)
	}
	if err := z.placeImage(b, l); err != nil {
		return err
	}
	z.geometry()
	z.loadRealMode(b, l)
	if err := z.loadInitrd(b, l); err != nil {
		return err
	}
	z.loadImage(b)
	return nil
}

// placeImage decides where the protected-mode part goes.
func (z *decompressor) placeImage(b *sim.Boot, l loader) error {
	switch l.name {
	case "grub":
		z.loaded = z.kernel.Setup.PrefAddress
	case loaderGRUBEFI:
		return z.placeByGRUB(b, l)
	default:
		z.loaded = uint64(z.kernel.Setup.Code32Start)
	}
	return nil
}

// pagesOf is the number of pages that hold size bytes.
func pagesOf(size uint32) uint64 { return (uint64(size) + memmap.PageSize - 1) / memmap.PageSize }

// loadRealMode places the setup code, boot_params and the command line.
func (z *decompressor) loadRealMode(b *sim.Boot, l loader) {
	z.bootParams = sized(l.bootParams, memmap.PageSize)
	if l.entry == enterRealMode {
		segment := sized(l.realMode, l.heapEnd)
		b.Do(sim.Step{Op: sim.Alloc, Object: "setup code", Range: segment,
			Why: "one 64 KiB segment in low memory for the real-mode part, its stack and its heap", Source: bootProtocol})
		b.Do(sim.Step{Op: sim.Write, Object: "setup code", Range: sized(l.realMode, z.kernel.SetupBytes()),
			Why: "the first setup_sects+1 sectors of the file", Source: bootProtocol})
		z.setupCode = sized(l.realMode+0x200, z.kernel.SetupBytes()-0x200)
		z.bootParams = sized(l.realMode+z.kernel.SetupBootParams(), memmap.PageSize)
	} else {
		b.Do(sim.Step{Op: sim.Alloc, Object: paramsName, Range: z.bootParams,
			Why: "the 32-bit entry takes a zero page that the loader fills", Source: bootProtocol})
	}
	z.placeCmdline(b, l.cmdline, "below 640 KiB, where 16-bit code can reach it")
}

// placeCmdline lets the loader put the command line at addr.
func (z *decompressor) placeCmdline(b *sim.Boot, addr uint64, why string) {
	b.Do(sim.Step{Op: sim.Alloc, Object: cmdlineName, Range: sized(addr, uint64(len(b.Scenario.Cmdline))+1), Why: why, Source: bootProtocol})
	z.writeCmdline(b, addr)
}

// writeCmdline lets the loader write the command line into memory that it has at addr.
func (z *decompressor) writeCmdline(b *sim.Boot, addr uint64) {
	z.cmdline = sized(addr, uint64(len(b.Scenario.Cmdline))+1)
	b.Do(sim.Step{Op: sim.Write, Object: cmdlineName, Range: z.cmdline, Keep: true, Why: "what the user asked for", Source: bootProtocol})
	b.Place("command_line", z.cmdline, 0)
}

// loadInitrd places the initial RAM disk as high as the loader dares.
func (z *decompressor) loadInitrd(b *sim.Boot, l loader) error {
	rd := b.Scenario.Initrd
	if rd.Size == 0 {
		return nil
	}
	addr := rd.Addr
	if addr == 0 {
		var ok bool
		if addr, ok = z.roomForInitrd(l, rd.Size); !ok {
			return noRoomForInitrd(rd.Size)
		}
	}
	z.placeInitrd(b, addr)
	return nil
}

func noRoomForInitrd(size uint64) error {
	return &sim.Failure{Rule: "no-memory", Message: fmt.Sprintf("the loader finds no room for an initrd of %#x bytes", size)}
}

// placeInitrd lets the loader put the initial RAM disk at addr.
func (z *decompressor) placeInitrd(b *sim.Boot, addr uint64) {
	z.initrd = sized(addr, b.Scenario.Initrd.Size)
	b.Do(sim.Step{Op: sim.Alloc, Object: "initrd", Range: z.initrd, Why: "as high as the protocol allows: out of the kernel's way", Source: bootProtocol})
	b.Do(sim.Step{Op: sim.Write, Object: "initrd", Range: z.initrd, Keep: true, Why: "the kernel unpacks it much later", Source: bootProtocol})
	b.Place("initrd", z.initrd, 0)
}

// roomForInitrd is the highest page in RAM at which size bytes have room; ok is false
// if there is none. Loaders leave the last few pages of RAM to ACPI tables, in units
// of 64 KiB. GRUB takes the size and 64 KiB off its own limit, and then keeps the
// initrd's end below the rest.
// Source: grub-core/loader/i386/linux.c:grub_cmd_initrd (2.06); QEMU
// hw/i386/x86.c:x86_load_linux (v7.2); recorded boots.
func (z *decompressor) roomForInitrd(l loader, size uint64) (addr uint64, ok bool) {
	limit := uint64(z.kernel.Setup.InitrdAddrMax) + 1
	if l.initrdHigh && z.kernel.Setup.XLoadFlags&canBeAbove4G != 0 {
		limit = 4 * memmap.GiB
	}
	if l.initrdMax != 0 {
		reach := l.initrdMax - 64*memmap.KiB
		whole := memmap.AlignUp(size, memmap.PageSize)
		limit = min(limit, memmap.AlignDown(reach-min(reach, whole), memmap.PageSize))
	}
	for _, e := range z.e820 {
		r, err := e.Range()
		if err != nil || e.Type != memmap.E820RAM {
			continue
		}
		end := min(memmap.AlignDown(r.End, 64*memmap.KiB), limit)
		if start := memmap.AlignDown(end-min(end, size), memmap.PageSize); start >= r.Start && end-start >= size {
			addr, ok = max(addr, start), true
		}
	}
	return addr, ok
}

// loadImage places the protected-mode part and keeps the window free into which
// the kernel will be unpacked, or what the decompressor needs where it lies.
func (z *decompressor) loadImage(b *sim.Boot) {
	file := sized(z.loaded, z.kernel.ProtectedModeBytes())
	b.Do(sim.Step{Op: sim.Alloc, Object: "compressed kernel", Range: file, Why: "the rest of the file goes to code32_start", Source: bootProtocol})
	window := sim.Step{Op: sim.Alloc, Object: "unpacking window", Range: sized(z.output, uint64(z.kernel.Setup.InitSize)),
		Why: "the protocol asks to keep init_size bytes free from runtime_start on", Source: bootProtocol}
	if z.target == z.loaded {
		window.Object, window.Range = bssName, z.in(z.loaded, z.kernel.ProtectedModeBytes(), z.kernel.Decompressor.End)
		window.Why = "a decompressor that stays where it is needs its BSS and its page tables there"
	}
	b.Do(window)
	b.Do(sim.Step{Op: sim.Write, Object: decompressorName, Range: file, Keep: true, Lays: sim.CompressedImage, Why: "decompressor and payload, as in the file", Source: bootProtocol})
	b.Place("compressed_kernel", file, 0)
}

const bootProtocol = "Documentation/arch/x86/boot.rst"

// sized is [start, start+size); what is given here never wraps.
func sized(start, size uint64) memmap.Range { return memmap.Range{Start: start, End: start + size} }
