package design

import (
	"bootplan/memmap"
	"bootplan/sim"
)

// mapForKASLR maps what unpacking the kernel at its new place will touch, before 5.10:
// nothing handles a fault. A pool that runs out goes unnoticed, and what is not mapped
// then faults.
// Source: arch/x86/boot/compressed/kaslr.c:choose_random_location, kaslr_64.c (v5.3).
func (z *decompressor) mapForKASLR(b *sim.Boot, moved, found bool) {
	const source = "arch/x86/boot/compressed/kaslr.c:mem_avoid_init"
	z.beginTables(b)
	if !found {
		return // the tables are left as they are
	}
	end := z.kernel.Decompressor.End
	ranges := []sim.Step{
		{Object: z.image, Range: memmap.Range{Start: z.payload().Start, End: z.target + end}, Why: "it goes on running, under tables that it makes", Source: source},
		{Object: cmdlineName, Range: z.cmdline, Why: "it is read again", Source: source},
		{Object: paramsName, Range: z.bootParams, Why: "the kernel will need it at its start", Source: source},
		{Object: kernelName, Range: sized(z.output, z.kernel.NeededSize()), Why: "the kernel will be unpacked here",
			Source: "arch/x86/boot/compressed/kaslr.c:choose_random_location"},
	}
	if !moved {
		ranges = ranges[:3]
	}
	if !z.continuesTables() {
		z.useNewTables(b, 0)
	}
	for _, s := range ranges {
		if z.identity.Add(s.Range.Start, s.Range.End) == nil {
			s.Range, s.Perm = s.Range.Outward(leaf), sim.RWX
			z.mapMissing(b, s)
		}
	}
}
