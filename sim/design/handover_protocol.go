package design

import (
	"fmt"

	"bootplan/alloc"
	"bootplan/image"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/firmware"
)

// handedOver is what a boot loader leaves that uses the EFI handover protocol: it loads
// the file itself and jumps into it while boot services are alive.
type handedOver struct {
	setup   memmap.Range // the real-mode part, whose first page becomes boot_params
	image   memmap.Range // the protected-mode part, with room to unpack
	cmdline memmap.Range
	initrd  memmap.Range // empty: none
}

// Limits of OVMF's loader: the last byte that an allocation may have.
const (
	setupMax   = memmap.GiB - 1
	cmdlineMax = 0xa0000 - 1
)

// loadForHandover has OVMF's own loader of Linux place kernel k. OVMF uses it for QEMU's
// -kernel where its image loader does not accept the file: on 32-bit firmware, and when
// Secure Boot finds no signature.
// Source: OvmfPkg/Library/X86QemuLoadImageLib/X86QemuLoadImageLib.c:QemuLoadLegacyImage,
// OvmfPkg/Library/LoadLinuxLib/Linux.c (edk2-stable202502).
func loadForHandover(b *sim.Boot, fw *firmware.Firmware, k *image.Kernel) (h handedOver, err error) {
	const source = "OvmfPkg/Library/X86QemuLoadImageLib/X86QemuLoadImageLib.c:QemuLoadLegacyImage (edk2-stable202502)"
	b.In(sim.Loader)
	if h.setup, err = fw.For("setup code", "the real-mode part; its first page becomes boot_params", source).
		TakePages(memmap.EFILoaderData, k.SetupBytes(), setupMax); err != nil {
		return h, err
	}
	b.Do(sim.Step{Op: sim.Write, Object: paramsName, Range: sized(h.setup.Start, memmap.PageSize), Keep: true, Why: "zeroed, but for the setup header", Source: source})
	b.Place("boot_params", sized(h.setup.Start, memmap.PageSize), 0)
	if h.image, err = placeForHandover(fw, k); err != nil {
		return h, err
	}
	b.Do(sim.Step{Op: sim.Write, Object: stubName, Range: sized(h.image.Start, k.ProtectedModeBytes()), Lays: sim.CompressedImage, Why: "the rest of the file", Source: source})
	b.Place("compressed_kernel", h.image, 0)
	if h.cmdline, err = placeCmdline(b, fw, source); err != nil {
		return h, err
	}
	h.initrd, err = placeInitrd(b, fw, k, source)
	return h, err
}

// placeForHandover tries one address after the other: every second multiple of the
// kernel's alignment.
func placeForHandover(fw *firmware.Firmware, k *image.Kernel) (memmap.Range, error) {
	const source = "OvmfPkg/Library/LoadLinuxLib/Linux.c:LoadLinuxAllocateKernelPages (edk2-stable202502)"
	const tries = 511
	pages, step := pagesOf(k.Setup.InitSize), 2*uint64(k.Setup.KernelAlignment)
	fw.For("compressed kernel", "init_size bytes, at the first multiple of 4 MiB with room", source)
	for i := uint64(1); i <= tries; i++ {
		if addr, status := fw.AllocatePages(alloc.Address, memmap.EFILoaderCode, pages, i*step); status == alloc.Success {
			return sized(addr, pages*memmap.PageSize), nil
		}
	}
	return memmap.Range{}, &sim.Failure{Rule: "no-memory", Message: fmt.Sprintf("compressed kernel: no room for %#x bytes at any of the first %d multiples of %#x", pages*memmap.PageSize, tries, step)}
}

// placeCmdline puts the command line into low memory.
func placeCmdline(b *sim.Boot, fw *firmware.Firmware, source string) (memmap.Range, error) {
	size := uint64(len(b.Scenario.Cmdline)) + 1
	r, err := fw.For(cmdlineName, "below 640 KiB", source).TakePages(memmap.EFILoaderData, size, cmdlineMax)
	if err != nil {
		return r, err
	}
	r = sized(r.Start, size)
	b.Do(sim.Step{Op: sim.Write, Object: cmdlineName, Range: r, Keep: true, Why: "what the user asked for", Source: source})
	b.Place("command_line", r, 0)
	return r, nil
}

// placeInitrd loads the initrd for kernels that do not know LoadFile2. Those that do
// load it once more.
func placeInitrd(b *sim.Boot, fw *firmware.Firmware, k *image.Kernel, source string) (memmap.Range, error) {
	size := b.Scenario.Initrd.Size
	if size == 0 {
		return memmap.Range{}, nil
	}
	r, err := fw.For("loader's initrd", "as high as the kernel allows", source).TakePages(memmap.EFILoaderData, size, uint64(k.Setup.InitrdAddrMax))
	if err != nil {
		return r, err
	}
	b.Do(sim.Step{Op: sim.Write, Object: "loader's initrd", Range: sized(r.Start, size), Why: "for kernels that cannot ask the firmware for it", Source: source})
	return sized(r.Start, size), nil
}

// handoverEntry is where a loader jumps to in a kernel whose startup_32 lies at base; ok
// is false if the kernel has no such entry point.
// Source: Documentation/arch/x86/boot.rst (v6.12).
func handoverEntry(k *image.Kernel, base uint64, ia32 bool) (r memmap.Range, ok bool) {
	const flag32, flag64, offset64 = 1 << 2, 1 << 3, 0x200 // XLF_EFI_HANDOVER_32, XLF_EFI_HANDOVER_64
	at := base + uint64(k.Setup.HandoverOffset)
	flag := uint16(flag32)
	if !ia32 {
		flag, at = flag64, at+offset64
	}
	return sized(at, 64), k.Setup.HandoverOffset != 0 && k.Setup.XLoadFlags&flag != 0
}
