package design

import (
	"iter"

	"bootplan/image"
	"bootplan/memmap"
	"bootplan/sim"
)

// elfPart is a part of a kernel in memory, and what it has to be allowed.
type elfPart struct {
	memmap.Range
	perm sim.Perm
}

// elfParts are the segments of kernel k when it lies at base. Init text is a segment of
// its own, as Baskov's series has the linker make it; what shares a segment with it
// in k can be written and not be executed.
// Source: [PATCH v5 02/27] x86/build: Remove RWX sections and align on 4KB.
func elfParts(k *image.Kernel, base uint64) iter.Seq[elfPart] {
	var init memmap.Range
	if l := k.VO.Layout; l != nil && l.InitTextEnd != 0 {
		init = memmap.Range{Start: base + l.InitText, End: base + l.InitTextEnd}.Outward(memmap.PageSize)
	}
	return func(yield func(elfPart) bool) {
		for segment := range k.ELF.Loads {
			whole := elfPart{sized(base+segment.Paddr-k.Setup.PrefAddress, segment.Memsz), permOf(segment)}
			if whole.perm == sim.RX || init.Empty() || !whole.Covers(init) {
				if !yield(whole) {
					return
				}
				continue
			}
			for _, part := range [...]elfPart{
				{memmap.Range{Start: whole.Start, End: init.Start}, sim.RW}, {init, sim.RX}, {memmap.Range{Start: init.End, End: whole.End}, sim.RW},
			} {
				if !part.Empty() && !yield(part) {
					return
				}
			}
		}
	}
}

// permOf is what the flags of a segment allow; everything if they say nothing.
func permOf(segment image.Segment) sim.Perm {
	perm, err := sim.ParsePerm(segment.Perm)
	if err != nil {
		return sim.RWX
	}
	return perm
}
