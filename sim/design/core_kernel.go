package design

import (
	"bootplan/memmap"
	"bootplan/sim"
)

// unpack unpacks the kernel into its block, and relocates it there.
func (c *core) unpack(b *sim.Boot) error {
	u := unpacking{kernel: c.kernel, payload: c.payload(), base: c.output, virtual: c.virtual, self: heapName, heap: c.heap}
	if c.built.flat {
		return u.runPadded(b)
	}
	return u.run(b)
}

// restrict gives every part of the kernel the rights that it asks for.
func (c *core) restrict(b *sim.Boot) error {
	for part := range elfParts(c.kernel, c.output) {
		r := part.Outward(memmap.PageSize).Intersect(c.block)
		if err := c.grow(r); err != nil { // its bounds may need page tables of 4 KiB pages
			return exhausted(err)
		}
		b.Do(sim.Step{Op: sim.Protect, Object: kernelName, Range: r, Perm: c.enforced(b, part.perm), Why: "unpacked and relocated, this part gets the rights that it asks for", Source: coreSource})
	}
	return nil
}

// enterKernel jumps to the kernel: a flat one begins with its entry point.
func (c *core) enterKernel(b *sim.Boot) error {
	if !c.built.flat {
		return c.decompressor.enterKernel(b)
	}
	b.MeasureWX(sim.WXAtKernelEntry)
	b.Do(sim.Step{Op: sim.Exec, Object: kernelName, Range: sized(c.output, 64), Why: "the kernel's first instructions are its first bytes", Source: coreSource})
	return nil
}
