package firmware

import (
	"slices"

	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
)

// poolPages are pages of one type that hold pool blocks.
type poolPages struct {
	memmap.Range
	t memmap.EFIType
}

// poolPagesOf are the pages of a pool block of size bytes at addr that fills pages of its own,
// or the one page from which it is carved. EDK2 rounds the size up and puts a tail behind
// the block; other firmware does neither.
// Source: MdeModulePkg/Core/Dxe/Mem/Pool.c:POOL_TAIL, CoreInternalAllocatePool (edk2-stable202211).
func (f *Firmware) poolPagesOf(addr, size uint64) memmap.Range {
	end := addr + size
	switch {
	case !f.profile.Kind.EDK2():
	case f.profile.IA32:
		end = addr + memmap.AlignUp(size, 4) + 12
	default:
		end = addr + memmap.AlignUp(size, 8) + 16
	}
	return memmap.Range{Start: addr, End: end}.Outward(memmap.PageSize)
}

// TakePool allocates a pool block of type t and returns its size bytes. An error is a
// *sim.Failure with the rule no-memory.
func (f *Firmware) TakePool(t memmap.EFIType, size uint64) (memmap.Range, error) {
	addr, status := f.AllocatePool(t, size)
	if status != alloc.Success {
		return memmap.Range{}, f.noMemory(size, ^uint64(0))
	}
	return sized(addr, size), nil
}

// AllocatePool hands out a block of size bytes. A block may share a page with others of
// its type.
func (f *Firmware) AllocatePool(t memmap.EFIType, size uint64) (uint64, alloc.Status) {
	addr, status := f.pages.AllocatePool(t, size)
	if status != alloc.Success {
		return 0, status
	}
	block := sized(addr, size)
	if i := f.poolAt(addr); i < 0 {
		whole := f.poolPagesOf(addr, size)
		f.gave(whole, t, sim.FromPool, 0)
		f.pools = append(f.pools, poolPages{whole, t})
	} else {
		f.b.Do(sim.Step{Op: sim.Alloc, Object: f.object, Range: block, Memory: t.String(), Where: sim.FromPool, Why: f.why, Source: f.source})
	}
	f.blocks = append(f.blocks, block)
	return addr, status
}

// FreePool takes a block back, and its pages once they hold no other block. A block that
// leaves others behind belongs to nobody from then on.
func (f *Firmware) FreePool(addr uint64) alloc.Status {
	status := f.pages.FreePool(addr)
	i := slices.IndexFunc(f.blocks, func(r memmap.Range) bool { return r.Start == addr })
	if status != alloc.Success || i < 0 {
		return status
	}
	block := f.blocks[i]
	f.blocks = slices.Delete(f.blocks, i, i+1)
	p := f.poolAt(addr)
	whole := f.pools[p]
	if slices.ContainsFunc(f.blocks, whole.Covers) {
		f.b.Do(sim.Step{Op: sim.Free, Object: f.object, Range: block, Why: "not needed any more", Source: f.source})
		return status
	}
	f.gotBack(whole.Range, whole.t)
	f.pools = slices.Delete(f.pools, p, p+1)
	return status
}

// poolAt is the index of the pool pages that hold addr, or -1.
func (f *Firmware) poolAt(addr uint64) int {
	return slices.IndexFunc(f.pools, func(p poolPages) bool { return p.Contains(addr) })
}

// ReleasePool gives back a pool block that this boot allocated for object.
func (f *Firmware) ReleasePool(object string, block memmap.Range, source string) {
	_ = f.For(object, "", source).FreePool(block.Start)
}
