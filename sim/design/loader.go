package design

import (
	"fmt"

	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/firmware"
)

// A loader is a boot loader without EFI services: where it puts what a bzImage
// needs, as recorded from the real ones.
type loader struct {
	name       string
	realMode   uint64 // the real-mode part; 0: not loaded, the 32-bit entry is used
	bootParams uint64 // 0: the setup code's own structure
	cmdline    uint64
	heapEnd    uint64 // behind the real-mode part
	initrdMax  uint64 // highest address of its own choice for an initrd; 0: what the kernel states
}

var loaders = map[string]loader{
	"qemu":     {name: "qemu", realMode: 0x10000, cmdline: 0x20000, heapEnd: 0x10000},
	"ipxe":     {name: "ipxe", realMode: 0x10000, cmdline: 0x19000, heapEnd: 0x9000},
	"grub":     {name: "grub", bootParams: 0x8a000, cmdline: 0x8f000, initrdMax: 0x37ffffff},
	"grub-efi": {name: "grub-efi", bootParams: 0x87000, cmdline: 0x8c000, initrdMax: 0x37ffffff},
}

// chooseLoader returns the loader that the scenario names, or the one that fits its map.
func chooseLoader(b *sim.Boot) (loader, error) {
	name := b.Scenario.Loader
	efi := b.Scenario.Map.Kind == memmap.EFI
	switch {
	case name == "" && efi, name == "grub" && efi:
		name = "grub-efi"
	case name == "":
		name = "qemu"
	}
	l, ok := loaders[name]
	if !ok {
		return loader{}, fmt.Errorf("loader %q: expected qemu, ipxe or grub", name)
	}
	if efi && name != "grub-efi" {
		return loader{}, fmt.Errorf("loader %s does not run on EFI firmware: expected grub, or an e820 map", name)
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
	z.e820 = firmware.E820(b)
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
	case "grub-efi":
		return z.placeByGRUB(b)
	default:
		z.loaded = uint64(z.kernel.Setup.Code32Start)
	}
	return nil
}

// placeByGRUB follows GRUB on EFI, which allocates while the firmware is alive: at
// the preferred address if that is free; else it takes init_size bytes at the
// lowest free place from 16 MiB as a buffer, and the lowest aligned place behind it.
func (z *decompressor) placeByGRUB(b *sim.Boot) error {
	k := z.kernel.Setup
	pages, err := alloc.NewEFIPages(firmware.Descriptors(b))
	if err != nil {
		return fmt.Errorf("this map cannot be simulated: %w; bootplan map lint tells more", err)
	}
	places := []alloc.Request{
		{Size: uint64(k.InitSize), Align: memmap.PageSize, Min: 16 * memmap.MiB, Max: firmware.Below4G},
		{Size: uint64(k.InitSize), Align: uint64(k.KernelAlignment), Min: 16 * memmap.MiB, Max: firmware.Below4G},
	}
	z.loaded = k.PrefAddress
	if _, status := pages.AllocatePages(alloc.Address, memmap.EFILoaderData, pagesOf(k.InitSize), k.PrefAddress); status != alloc.Success {
		for _, q := range places {
			z.loaded, status = alloc.LowAllocAbove(pages, q)
			if status != alloc.Success || z.loaded+q.Size-1 > q.Max { // the lowest place: there is none below
				return &sim.Failure{Rule: "no-memory", Message: fmt.Sprintf("GRUB: %v", alloc.NoMemory(pages.Map(), q))}
			}
		}
	}
	z.efi = pages.Map()
	return nil
}

// pagesOf is the number of pages that hold size bytes.
func pagesOf(size uint32) uint64 { return (uint64(size) + memmap.PageSize - 1) / memmap.PageSize }

// loadRealMode places the setup code, boot_params and the command line.
func (z *decompressor) loadRealMode(b *sim.Boot, l loader) {
	z.realMode = l.realMode != 0
	z.bootParams = sized(l.bootParams, 4096)
	if z.realMode {
		segment := sized(l.realMode, l.heapEnd)
		b.Do(sim.Step{Op: sim.Alloc, Object: "setup code", Range: segment,
			Why: "one 64 KiB segment in low memory for the real-mode part, its stack and its heap", Source: bootProtocol})
		b.Do(sim.Step{Op: sim.Write, Object: "setup code", Range: sized(l.realMode, z.kernel.SetupBytes()),
			Why: "the first setup_sects+1 sectors of the file", Source: bootProtocol})
		z.setupCode = sized(l.realMode+0x200, z.kernel.SetupBytes()-0x200)
		z.bootParams = sized(l.realMode+z.kernel.SetupBootParams(), 4096)
	} else {
		b.Do(sim.Step{Op: sim.Alloc, Object: "boot_params", Range: z.bootParams,
			Why: "the 32-bit entry takes a zero page that the loader fills", Source: bootProtocol})
	}
	z.cmdline = sized(l.cmdline, uint64(len(b.Scenario.Cmdline))+1)
	b.Do(sim.Step{Op: sim.Alloc, Object: "command line", Range: z.cmdline, Why: "below 640 KiB, where 16-bit code can reach it", Source: bootProtocol})
	b.Do(sim.Step{Op: sim.Write, Object: "command line", Range: z.cmdline, Keep: true, Why: "what the user asked for", Source: bootProtocol})
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
			return &sim.Failure{Rule: "no-memory", Message: fmt.Sprintf("the loader finds no room for an initrd of %#x bytes", rd.Size)}
		}
	}
	z.initrd = sized(addr, rd.Size)
	b.Do(sim.Step{Op: sim.Alloc, Object: "initrd", Range: z.initrd, Why: "as high as the protocol allows: out of the kernel's way", Source: bootProtocol})
	b.Do(sim.Step{Op: sim.Write, Object: "initrd", Range: z.initrd, Keep: true, Why: "the kernel unpacks it much later", Source: bootProtocol})
	b.Place("initrd", z.initrd, 0)
	return nil
}

// roomForInitrd is the highest page in RAM at which size bytes have room; ok is false
// if there is none. Loaders leave the last few pages of RAM to ACPI tables, in units
// of 64 KiB. GRUB takes the size and 64 KiB off its own limit, and then keeps the
// initrd's end below the rest.
// Source: grub-core/loader/i386/linux.c:grub_cmd_initrd (2.06); recorded boots.
func (z *decompressor) roomForInitrd(l loader, size uint64) (addr uint64, ok bool) {
	limit := uint64(z.kernel.Setup.InitrdAddrMax) + 1
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
// the kernel will be unpacked.
func (z *decompressor) loadImage(b *sim.Boot) {
	file := sized(z.loaded, z.kernel.ProtectedModeBytes())
	b.Do(sim.Step{Op: sim.Alloc, Object: "compressed kernel", Range: file, Why: "the rest of the file goes to code32_start", Source: bootProtocol})
	b.Do(sim.Step{Op: sim.Alloc, Object: "unpacking window", Range: sized(z.output, uint64(z.kernel.Setup.InitSize)),
		Why: "the protocol asks to keep init_size bytes free from runtime_start on", Source: bootProtocol})
	b.Do(sim.Step{Op: sim.Write, Object: decompressorName, Range: file, Keep: true, Why: "decompressor and payload, as in the file", Source: bootProtocol})
	b.Place("compressed_kernel", file, 0)
}

const bootProtocol = "Documentation/arch/x86/boot.rst"

// sized is [start, start+size); what is given here never wraps.
func sized(start, size uint64) memmap.Range { return memmap.Range{Start: start, End: start + size} }
