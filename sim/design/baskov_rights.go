package design

import (
	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/firmware"
)

// restrictSegments gives every segment of the kernel the rights that it asks for.
// Source: [PATCH v5 06/27] x86/boot: Setup memory protection for bzImage code.
func (s *stub) restrictSegments() {
	for part := range elfParts(s.kernel, s.block.Start) {
		var attr memmap.EFIAttr
		if !part.perm.Has(sim.X) {
			attr |= memmap.EFIXP
		}
		if !part.perm.Has(sim.W) {
			attr |= memmap.EFIRO
		}
		s.restrict(kernelName, part.Range, attr)
	}
}

// restrict asks that r have the restrictions attr and no others: of the memory attribute
// protocol, which clears first and sets then, so that what becomes executable is
// writable too for a moment; or of the DXE services, which are only asked to take
// restrictions away. Nobody looks at the answer.
// Source: drivers/firmware/efi/libstub/mem.c:efi_adjust_memory_range_protection
// ([PATCH v5 10/27] and [PATCH v5 25/27] efi/libstub: Use memory attribute protocol).
func (s *stub) restrict(object string, r memmap.Range, attr memmap.EFIAttr) {
	const all = memmap.EFIRO | memmap.EFIXP | memmap.EFIRP
	r = r.Outward(memmap.PageSize)
	if !s.fw.Attributes() {
		s.relax(object, r, attr)
		return
	}
	if s.fw.ClearMemoryAttributes(object, r, all&^attr) == alloc.Success && attr != 0 {
		_ = s.fw.SetMemoryAttributes(object, r, attr)
	}
}

// relax has the DXE services take away what attr does not ask for, stretch by stretch. It
// skips none: the test for one that is right already compares how it is cached as well.
func (s *stub) relax(object string, r memmap.Range, attr memmap.EFIAttr) {
	const restrictions = memmap.EFIRO | memmap.EFIXP
	for !r.Empty() {
		d, status := s.fw.SpaceDescriptor(r.Start)
		if status != alloc.Success || d.Type != firmware.SystemMemory {
			return
		}
		part := d.Range.Intersect(r)
		if s.fw.SetSpaceAttributes(object, part, d.Attributes&^(restrictions&^attr)) != alloc.Success {
			return
		}
		r.Start = part.End
	}
}
