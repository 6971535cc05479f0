package kernel

import (
	"bootplan/memmap"
)

// Sizes of large pages, in bytes.
const (
	page2M = 2 * memmap.MiB
	page1G = memmap.GiB
)

// pageSizes is a set of large page sizes that a part of the direct map may use.
type pageSizes uint8

const (
	use2M pageSizes = 1 << iota
	use1G
)

// directMap is the kernel's mapping of all RAM while it grows. Memory for its page
// tables comes from a buffer in .brk first, and then from what is mapped already: so
// it grows from the top of memory downwards, in steps that become larger.
// Source: arch/x86/mm/init.c (v6.12).
type directMap struct {
	*Setup
	sizes      pageSizes // that the processor has
	tables     pageTables
	buffer     memmap.Range // the part of the buffer in .brk that is left
	avoid      bool         // the buffer is being mapped itself, and must not be used
	minMapped  uint64       // end of what is not mapped yet, from below
	maxMapped  uint64       // end of what is mapped
	justMapped uint64       // bytes of RAM that the last step mapped
	pieces     []piece      // of the range being mapped
}

// mapMemory builds the direct map and lets memblock give out what it covers.
// Source: arch/x86/mm/init.c:init_mem_mapping, probe_page_size_mask (v6.12).
func (k *Setup) mapMemory() error {
	end := k.in.Image.brk().End
	d := &k.direct
	d.tables.reset(k.Regions.PageOffset, k.in.CPU.LA57)
	*d = directMap{
		Setup: k, sizes: use2M, tables: d.tables, pieces: d.pieces,
		buffer: memmap.Range{Start: memmap.AlignDown(end, memmap.PageSize) - k.tablesInBrk(), End: end},
	}
	if k.in.CPU.GBPages && !k.params.noGBPages {
		k.print("Using GB pages for direct mapping")
		d.sizes |= use1G
	}
	if err := d.mapRange(memmap.Range{End: memmap.MiB}); err != nil {
		return err
	}
	ram := memmap.Range{Start: memmap.MiB, End: k.MaxPFN * memmap.PageSize}
	if err := d.grow(ram); err != nil {
		return err
	}
	k.Memblock.Limit = d.maxMapped
	return nil
}

// grow maps the RAM in all, in the direction in which memblock gives memory out.
func (d *directMap) grow(all memmap.Range) error {
	if !d.Memblock.BottomUp {
		return d.growDown(all)
	}
	kernelEnd := d.in.Image.whole().End
	if err := d.growUp(memmap.Range{Start: kernelEnd, End: all.End}); err != nil {
		return err
	}
	return d.growUp(memmap.Range{Start: all.Start, End: kernelEnd})
}

// growDown begins with 2 MiB of free memory as high as possible, for page tables.
// Source: arch/x86/mm/init.c:memory_map_top_down (v6.12).
func (d *directMap) growDown(all memmap.Range) error {
	begin, err := d.topOfMemory(all)
	if err != nil {
		return err
	}
	step, mapped := page2M, uint64(0)
	d.maxMapped, d.minMapped = 0, begin
	for last := begin; last > all.Start; {
		if end := memmap.AlignUp(d.endOfRAM(last), step); end < last && step != 0 {
			last = max(end, all.Start) // the kernel steps through what is no RAM
			d.minMapped = last
			continue
		}
		start := all.Start
		if last > step {
			start = max(start, memmap.AlignDown(last-1, step))
		}
		if err := d.mapRAM(memmap.Range{Start: start, End: last}); err != nil {
			return err
		}
		mapped += d.justMapped
		last, d.minMapped = start, start
		if mapped >= step {
			step = largerStep(step)
		}
	}
	if begin < all.End {
		return d.mapRAM(memmap.Range{Start: begin, End: all.End})
	}
	return nil
}

// endOfRAM is the end of the highest RAM below addr; 0 if there is none.
func (d *directMap) endOfRAM(addr uint64) uint64 {
	var end uint64
	for _, r := range d.Memblock.Memory.Regions {
		if r.Start < addr {
			end = min(r.End, addr)
		}
	}
	return end
}

// largerStep keeps one bit less than a table level apart: in the worst case a step
// needs 4 KiB pages only.
func largerStep(step uint64) uint64 { return step << 8 }

// topOfMemory is the end of the highest 2 MiB that are free.
func (d *directMap) topOfMemory(all memmap.Range) (uint64, error) {
	if d.old() {
		return d.Memblock.Find(all.Start, all.End, page2M, page2M) + page2M, nil
	}
	const caller = "init_mem_mapping"
	at, err := d.allocate(caller, all, page2M, page2M)
	switch {
	case err != nil:
		return 0, err
	case at == 0:
		d.print("Failed to release memory for alloc_low_pages()")
		return max(all.Start, memmap.AlignDown(all.End, page2M)), nil
	}
	d.Memblock.Caller = caller
	return at + page2M, d.Memblock.Free(at, page2M)
}

// growUp is growDown for movable_node: memory near the kernel can't be removed anyway.
// Source: arch/x86/mm/init.c:memory_map_bottom_up (v6.12).
func (d *directMap) growUp(all memmap.Range) error {
	step, mapped := page2M, uint64(0)
	d.minMapped = all.Start
	for start := all.Start; start < all.End; {
		if ram := memmap.AlignDown(d.startOfRAM(start), step); ram > start && step != 0 {
			start = min(ram, all.End)
			continue
		}
		next := all.End
		if step != 0 && all.End-start > step {
			next = min(next, memmap.AlignUp(start+1, step))
		}
		if err := d.mapRAM(memmap.Range{Start: start, End: next}); err != nil {
			return err
		}
		mapped += d.justMapped
		start = next
		if mapped >= step {
			step = largerStep(step)
		}
	}
	return nil
}

// startOfRAM is the start of the lowest RAM from addr on; 2^64-1 if there is none.
func (d *directMap) startOfRAM(addr uint64) uint64 {
	for _, r := range d.Memblock.Memory.Regions {
		if r.End > addr {
			return max(r.Start, addr)
		}
	}
	return ^uint64(0)
}

// mapRAM maps what is RAM in r.
// Source: arch/x86/mm/init.c:init_range_memory_mapping (v6.12).
func (d *directMap) mapRAM(r memmap.Range) error {
	d.justMapped = 0
	for _, region := range d.Memblock.Memory.Regions {
		ram := region.Inward(memmap.PageSize).Intersect(r)
		if ram.Empty() {
			continue
		}
		d.avoid = max(ram.Start, d.buffer.Start) < min(ram.End, d.buffer.End)
		err := d.mapRange(ram)
		d.avoid = false
		if err != nil {
			return err
		}
		d.justMapped += ram.Len()
	}
	return nil
}

// mapRange maps r, RAM or not.
// Source: arch/x86/mm/init.c:init_memory_mapping (v6.12).
func (d *directMap) mapRange(r memmap.Range) error {
	last := r.Start
	for _, p := range d.split(r) {
		var err error
		if last, err = d.tables.add(p, d.tablePage); err != nil {
			return err
		}
	}
	d.Mapped.Add(memmap.Range{Start: r.Start, End: last})
	d.maxMapped = max(d.maxMapped, last)
	return nil
}
