package design

import (
	"bootplan/image"
	"bootplan/memmap"
	"bootplan/sim"
)

// mapDataOnDemand is the proposal of 2023: own tables with exact permissions for the
// decompressor, and a page-fault handler that maps data and never code.
// Source: mails of 2023-03-14, -15 and 2023-05-03 in the thread; a model of their intent.
func (z *decompressor) mapDataOnDemand(b *sim.Boot) error {
	z.handleFaults(b, "a page-fault gate: from here on data that faults is mapped without execute permission, 2 MiB at a time; an instruction fetch stops the boot")
	z.beginExactTables(b, z.poolPages())
	text := memmap.AlignDown(z.text().Start, memmap.PageSize)
	data := memmap.AlignDown(dataOf(z.kernel, z.target).Start, memmap.PageSize)
	rw := z.enforced(b, sim.RW)
	err := z.mapNeeded(b,
		sim.Step{Object: payloadName, Range: memmap.Range{Start: z.target, End: text}, Perm: rw}, // the kernel may be unpacked over it
		sim.Step{Object: z.image, Range: memmap.Range{Start: text, End: data}, Perm: sim.RX},
		sim.Step{Object: bssName, Range: memmap.Range{Start: data, End: z.target + z.kernel.Decompressor.End}, Perm: rw})
	if err != nil {
		return err
	}
	z.serveFaults(b, rw)
	return nil
}

// enforced is what the CPU makes of p: without an execute-disable bit everything that
// is mapped can be executed.
func (z *decompressor) enforced(b *sim.Boot, p sim.Perm) sim.Perm {
	if b.Scenario.CPU.NX {
		return p
	}
	return p | sim.X
}

// allowText makes the text of the unpacked kernel read-only and executable: nothing that
// the page-fault handler has mapped can be executed.
func (z *decompressor) allowText(b *sim.Boot) error {
	text := sized(z.output, kernelText(z.kernel)).Outward(memmap.PageSize)
	if err := z.identity.Add(text.Start, text.End); err != nil {
		return exhausted(err)
	}
	b.Do(sim.Step{Op: sim.Protect, Object: kernelName, Range: text, Perm: sim.RX,
		Why: "unpacked and relocated: its text becomes read-only and executable", Source: "arch/x86/boot/compressed/ident_map_64.c (proposal of 2023)"})
	return nil
}

// kernelText is the size of the kernel's text in bytes; where the image does not state
// it, that of its first segment, which is text and read-only data.
func kernelText(k *image.Kernel) uint64 {
	if n := k.VO.TextSize; n != 0 {
		return n
	}
	for s := range k.ELF.Loads {
		return s.Memsz
	}
	return k.VO.TotalSize
}
