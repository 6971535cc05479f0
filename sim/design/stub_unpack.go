package design

import (
	"bootplan/memmap"
	"bootplan/sim"
)

// unpack decompresses the kernel into its block.
func (s *stub) unpack(b *sim.Boot) error {
	heap, err := s.workSpace()
	if err != nil {
		return err
	}
	u := unpacking{kernel: s.kernel, payload: s.payload(), base: s.block.Start, virtual: s.virtual, self: stubName, heap: heap}
	run := unpacking.run
	if s.choices.BSS == bssPadding {
		run = unpacking.runPadded
	}
	if err := run(u, b); err != nil {
		return err
	}
	if s.choices.Malloc == mallocFirmware {
		s.fw.ReleasePool(heapName, heap, heapSource)
	}
	if s.choices.BSS == bssStub {
		s.clearKernelBSS(b)
	}
	return nil
}

// runPadded unpacks a kernel that is packed as it lies in memory, with zeroes for its BSS
// and the relocation table behind: there are no segments to move.
func (u unpacking) runPadded(b *sim.Boot) error {
	flat := u.kernel.Flat()
	if err := u.takeWorkSpace(b); err != nil {
		return err
	}
	b.Do(sim.Step{Op: sim.Copy, Object: kernelName, Range: sized(u.base, flat.Unpacked()), From: u.payload, Lays: sim.KernelImage,
		Why: "the kernel as it lies in memory, with zeroes for its BSS, and the relocation table behind it", Source: "arch/x86/boot/compressed/misc.c:decompress_kernel"})
	b.Release(payloadName, u.payload)
	u.relocate(b, memmap.Range{Start: u.base + flat.Size, End: u.base + flat.Unpacked()})
	b.Place("kernel", sized(u.base, flat.Size), kernelMap+u.virtual)
	b.Place("kernel_output", sized(u.base, flat.Unpacked()), 0)
	return nil
}

const (
	heapName   = "work space"
	heapSource = "include/linux/decompress/mm.h:malloc"
)

// workSpace is the memory that the decompression library allocates from.
func (s *stub) workSpace() (memmap.Range, error) {
	if s.choices.Malloc == mallocFirmware {
		return s.fw.For(heapName, "the decompression library's work space, from the firmware", heapSource).
			TakePool(memmap.EFILoaderData, s.kernel.Decompressor.HeapSize)
	}
	return heapAt(s.kernel, s.startup()), nil
}

// clearKernelBSS zeroes what the image does not hold.
func (s *stub) clearKernelBSS(b *sim.Boot) {
	b.Do(sim.Step{Op: sim.Write, Object: kernelName, Range: kernelBSS(s.kernel, s.block.Start),
		Why: "the kernel's BSS is zeroed, so that its first instructions can rely on it", Source: "drivers/firmware/efi/libstub/zboot-x86.c:efi_zboot_entry"})
}

// enterKernel jumps to the kernel.
func (s *stub) enterKernel(b *sim.Boot) error {
	b.MeasureWX(sim.WXAtKernelEntry)
	enterKernel(b, s.kernel, s.block.Start, "drivers/firmware/efi/libstub/x86-stub.c:enter_kernel")
	return nil
}
