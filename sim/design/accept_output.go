package design

import (
	"bootplan/memmap"
	"bootplan/sim"
)

// acceptOutput accepts the memory that the kernel needs, where it lies, as far as the stub
// has left it to be accepted.
// Source: arch/x86/boot/compressed/misc.c:extract_kernel, mem.c:init_unaccepted_memory (v6.5).
func (z *decompressor) acceptOutput(b *sim.Boot) {
	const source = "drivers/firmware/efi/libstub/unaccepted_memory.c:accept_memory"
	if z.unaccepted == nil {
		return
	}
	b.Do(sim.Step{Op: sim.Write, Object: unacceptedTableName, Range: z.bitmap, Keep: true,
		Why: "found by the EFI system table: the bits of the kernel's memory are cleared", Source: source})
	z.unaccepted.Accept(z.output, z.kernel.NeededSize(), func(r memmap.Range) {
		b.Do(sim.Step{Op: sim.Accept, Object: unacceptedName, Range: r, Why: "the kernel will be unpacked here", Source: source})
	})
}
