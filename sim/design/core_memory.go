package design

import (
	"fmt"

	"bootplan/alloc"
	"bootplan/image"
	"bootplan/kaslr"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
)

// findMemory readies the allocator: RAM of the e820 map from 1 MiB on, without the
// core itself, what its loader left, and what mem= and memmap= take away.
func (c *core) findMemory(b *sim.Boot) error {
	b.Do(sim.Step{Op: sim.Read, Object: paramsName, Range: c.bootParams, Why: "which memory there is, and what of it is in use", Source: coreSource})
	c.limits.ReadMemoryOptions(b.Scenario.Cmdline, c.release)
	c.taken = append(c.taken[:0], c.in(c.loaded, 0, c.kernel.Decompressor.End), c.bootParams, c.cmdline, c.initrd)
	for i := range c.setupData {
		c.taken = append(c.taken, sized(c.setupData[i].Addr, setupDataHead+uint64(c.setupData[i].Len)))
	}
	for _, avoid := range c.limits.Avoid {
		c.taken = append(c.taken, memmap.Range{Start: avoid.Start, End: avoid.End()})
	}
	limit := c.limits.Limit
	if c.choices.Malloc != mallocAnywhere {
		limit = min(limit, 4*memmap.GiB)
	}
	c.memory.Find(c.e820, limit, c.taken)
	b.Do(sim.Step{Op: sim.Write, Object: bssName, Range: sized(c.loaded+c.kernel.Decompressor.BSS, coreData*memmap.PageSize),
		Why: "a list of what is free", Source: coreSource})
	return nil
}

// take allocates pages for size bytes, the last of them at most at address last, and maps
// them for data.
func (c *core) take(b *sim.Boot, object string, size, last uint64, why string) (memmap.Range, error) {
	pages := memmap.AlignUp(size, memmap.PageSize) / memmap.PageSize
	addr, status := c.memory.AllocatePages(alloc.MaxAddress, memmap.EFILoaderData, pages, last)
	if status != alloc.Success {
		return memmap.Range{}, c.noRoom(object, alloc.Request{Size: size, Align: memmap.PageSize, Max: last})
	}
	return c.mapTaken(b, object, sized(addr, pages*memmap.PageSize), why)
}

// mapTaken maps what was allocated.
func (c *core) mapTaken(b *sim.Boot, object string, r memmap.Range, why string) (memmap.Range, error) {
	b.Do(sim.Step{Op: sim.Alloc, Object: object, Range: r, Why: why, Source: coreSource})
	return r, c.mapExactly(b, sim.Step{Object: object, Range: r, Perm: sim.RW, Why: "mapped as it is allocated, for data", Source: coreSource})
}

// noRoom is the failure of an allocation.
func (c *core) noRoom(object string, q alloc.Request) error {
	return &sim.Failure{Rule: "no-memory", Message: fmt.Sprintf("%s: %v", object, alloc.NoMemory(c.memory.Map(), q))}
}

// switchPaging turns 5-level paging on or off, as CPU and user want it, from two
// allocated pages.
func (c *core) switchPaging(b *sim.Boot) error {
	if c.la57 == c.wants5Level(b) {
		return nil
	}
	t, err := c.take(b, switchName, 2*memmap.PageSize, 4*memmap.GiB-1, "code and page table of the switch, where 32-bit code reaches them")
	if err != nil {
		return err
	}
	code, table := sized(t.Start, memmap.PageSize), sized(t.Start+memmap.PageSize, memmap.PageSize)
	b.Place("paging_trampoline", t, 0)
	b.Do(sim.Step{Op: sim.Write, Object: switchName, Range: code, Why: "code from a template", Source: coreSource})
	b.Do(sim.Step{Op: sim.Protect, Object: switchName, Range: code, Perm: c.enforced(b, sim.RX), Why: "from here on it is code", Source: coreSource})
	b.Do(sim.Step{Op: sim.Write, Object: pageTablesName, Range: table, Keep: true, Why: newRoot(c.la57), Source: coreSource})
	b.Do(sim.Step{Op: sim.Exec, Object: switchName, Range: code, Bits32: true, Why: toggling(c.la57), Source: coreSource})
	c.la57 = !c.la57
	return nil
}

// placeKernel allocates the kernel's block, at the place among all that are free which a
// random number chooses, and the work space of the decompression library.
func (c *core) placeKernel(b *sim.Boot) error {
	q := alloc.Request{Size: c.built.unpackedSize(), Align: image.MinKernelAlign, Min: c.kernel.Setup.PrefAddress, Max: ^uint64(0)}
	addr, status := alloc.RandomAlloc(&c.memory, q, c.draw(b, q), memmap.EFILoaderData)
	if status != alloc.Success {
		return c.noRoom(blockName, q)
	}
	var err error
	c.output = addr
	if c.block, err = c.mapTaken(b, blockName, sized(addr, memmap.AlignUp(q.Size, memmap.PageSize)), "room for the unpacked kernel, at the multiple of 2 MiB that was chosen"); err != nil {
		return err
	}
	b.Place("kernel_block", c.block, 0)
	c.heap, err = c.take(b, heapName, c.kernel.Decompressor.HeapSize, ^uint64(0), "the decompression library's malloc is the same allocator")
	return err
}

// draw chooses the kernel's virtual address, and the seed of its physical one.
func (c *core) draw(b *sim.Boot, q alloc.Request) (seed uint64) {
	p := &c.places
	p.Request, p.TotalSize = q, c.kernel.VO.TotalSize
	p.Map = append(p.Map, c.memory.Map()...)
	p.Areas = q.Areas(p.Areas, p.Map)
	p.NoKASLR = linux.FindOptionBool(c.cmdline.Start, b.Scenario.Cmdline, "nokaslr")
	p.NoSeed = c.kernel.Relocs == nil
	if c.random = !p.NoKASLR && !p.NoSeed; c.random {
		physical, virtual := b.Scenario.Random.StubSeed()
		seed = uint64(physical)
		p.VirtualFirst, p.VirtualRange = kaslr.LoadPhysicalAddr, kaslr.StubVirtualRange(p.TotalSize)
		c.virtual = kaslr.StubVirtual(p.TotalSize, virtual, image.MinKernelAlign)
	}
	b.Randomness(sim.Randomness{Stub: p})
	return seed
}
