package design

import (
	"bootplan/image"
	"bootplan/sim"
)

// extract chooses a place, unpacks the kernel there and relocates it.
// Source: arch/x86/boot/compressed/misc.c:extract_kernel (v6.12).
func (z *decompressor) extract(b *sim.Boot) error {
	if err := z.chooseOutput(b); err != nil {
		return err
	}
	if err := z.unpackOutput(b); err != nil || z.choices.Mapping != mapDemandRW {
		return err
	}
	return z.allowText(b)
}

// chooseOutput is what comes before the place for the kernel is touched.
func (z *decompressor) chooseOutput(b *sim.Boot) error {
	const source = "arch/x86/boot/compressed/misc.c:extract_kernel"
	b.Do(sim.Step{Op: sim.Write, Object: paramsName, Range: sized(z.bootParams.Start+0x211, 1), Why: "clears the KASLR flag", Source: source})
	z.findRSDP(b)
	return z.randomise(b)
}

// unpackOutput unpacks the kernel to the place that was chosen, and relocates it.
func (z *decompressor) unpackOutput(b *sim.Boot) error {
	if err := image.CheckDestination(z.output, z.virtual, z.kernel.NeededSize(), z.target+z.kernel.Decompressor.BootHeap); err != nil {
		return halted(err)
	}
	z.acceptOutput(b)
	u := unpacking{kernel: z.kernel, payload: z.payload(), base: z.output, virtual: z.virtual, self: bssName, heap: heapAt(z.kernel, z.target)}
	return u.run(b)
}

// enterKernel jumps to the unpacked kernel.
func (z *decompressor) enterKernel(b *sim.Boot) error {
	b.MeasureWX(sim.WXAtKernelEntry)
	for _, own := range []string{z.image, bssName, pageTablesName} {
		b.Release(own, z.in(z.target, 0, z.kernel.Decompressor.End)) // the kernel needs none of it
	}
	enterKernel(b, z.kernel, z.output, "arch/x86/boot/compressed/head_64.S:.Lrelocated")
	return nil
}

// handOver states what the decompressor and its loader leave.
func (z *decompressor) handOver(b *sim.Boot) error {
	return handOver(b, &arrival{
		kernel: z.kernel, version: z.version, phys: z.output, cmdline: b.Scenario.Cmdline, e820: z.e820, setupData: z.setupData, initrd: z.initrd,
		loader: z.loaderType, efi: z.efi, bios: z.biosWords(b), la57: z.la57, random: z.random,
	})
}
