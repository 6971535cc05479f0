package firmware

import (
	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
)

// SpaceType is the type of a stretch of address space (EFI_GCD_MEMORY_TYPE). The zero
// type is address space without memory.
// Source: UEFI PI 1.8, II-7.2.4.
type SpaceType uint8

// The types that boot code can tell apart here.
const (
	NoMemory SpaceType = iota
	ReservedSpace
	SystemMemory
	MMIO
	PersistentSpace
	MoreReliable
	Unaccepted
)

// SpaceDescriptor is what the DXE services know of a stretch of address space
// (EFI_GCD_MEMORY_SPACE_DESCRIPTOR).
type SpaceDescriptor struct {
	memmap.Range
	Type         SpaceType
	Capabilities memmap.EFIAttr
	Attributes   memmap.EFIAttr
}

// space is the address space as the DXE services see it. Most boots never ask.
type space struct {
	known bool
	spans memmap.Spans[region]
}

// region is what a stretch of address space has in common.
type region struct {
	t                        SpaceType
	capabilities, attributes memmap.EFIAttr
}

// cacheMask are the attributes that say how memory may be cached.
const cacheMask = memmap.EFIUC | memmap.EFIWC | memmap.EFIWT | memmap.EFIWB | memmap.EFIUCE | memmap.EFIWP

// dxe reports whether there is a table of DXE services.
func (f *Firmware) dxe() bool { return !f.policy.NoDXE && f.profile.Kind != sim.UBoot }

// SpaceDescriptor describes the stretch of address space around addr. It is NotFound
// beyond the address space.
// Source: MdeModulePkg/Core/Dxe/Gcd/Gcd.c:CoreGetMemorySpaceDescriptor (edk2-stable202502).
func (f *Firmware) SpaceDescriptor(addr uint64) (SpaceDescriptor, alloc.Status) {
	if !f.dxe() {
		return SpaceDescriptor{}, alloc.Unsupported
	}
	if !everything.Contains(addr) {
		return SpaceDescriptor{}, alloc.NotFound
	}
	f.surveySpace()
	d := SpaceDescriptor{Range: everything}
	f.space.spans.Over(everything, func(s memmap.Span[region]) bool {
		d.Range, d.Type, d.Capabilities, d.Attributes = s.Range, s.Value.t, s.Value.capabilities, s.Value.attributes
		return !s.Contains(addr)
	})
	return d, alloc.Success
}

// surveySpace notes how the DXE services see memory before this boot touches it. They
// learn from the page tables once, when the driver of the CPU starts, and hear of no
// allocation since; what was free then counts as the policy has free memory.
// Source: UefiCpuPkg/CpuDxe/CpuPageTable.c:RefreshGcdMemoryAttributesFromPaging (edk2-stable202502).
func (f *Firmware) surveySpace() {
	if f.space.known {
		return
	}
	f.space.known = true
	f.space.spans.Clear()
	capabilities := memmap.EFIRO | memmap.EFIRP
	if f.noExec {
		capabilities |= memmap.EFIXP
	}
	for i := range f.initial {
		d := &f.initial[i]
		r, err := d.Range()
		if err != nil {
			continue
		}
		now := region{t: spaceType(d), capabilities: d.Attr&cacheMask | capabilities, attributes: usualCache(d.Attr)}
		if !f.policy.StaleSpace {
			now.attributes |= f.policy.Restrictions(d.Type) & capabilities
		}
		f.space.spans.Set(r, now)
	}
}

// usualCache is how memory is cached that allows what attr says.
func usualCache(attr memmap.EFIAttr) memmap.EFIAttr {
	if attr&memmap.EFIWB != 0 {
		return memmap.EFIWB
	}
	return memmap.EFIUC
}

// spaceType is the type of the address space in which d lies. What firmware reports as
// reserved and uncacheable is no RAM.
func spaceType(d *memmap.EFIDescriptor) SpaceType {
	switch {
	case d.Type == memmap.EFIMMIO, d.Type == memmap.EFIMMIOPort:
		return MMIO
	case d.Type == memmap.EFIPersistent:
		return PersistentSpace
	case d.Type == memmap.EFIUnaccepted:
		return Unaccepted
	case d.Type == memmap.EFIReserved && d.Attr&memmap.EFIWB == 0:
		return ReservedSpace
	case d.Attr&memmap.EFIMoreReliable != 0:
		return MoreReliable
	}
	return SystemMemory
}

// SetSpaceAttributes replaces the attributes of r. They must name how r is cached:
// without any of the bits that the CPU knows nothing changes. Called by a 64-bit kernel,
// 32-bit firmware finds paging off: it changes no page table, and refuses restrictions.
// Source: MdeModulePkg/Core/Dxe/Gcd/Gcd.c:CoreConvertSpace (edk2-stable202502).
func (f *Firmware) SetSpaceAttributes(object string, r memmap.Range, attr memmap.EFIAttr) alloc.Status {
	const source = "MdeModulePkg/Core/Dxe/Gcd/Gcd.c:CoreSetMemorySpaceAttributes (edk2-stable202502)"
	f.b.AskForPermissions()
	if status := f.maySetSpace(r, attr); status != alloc.Success {
		return status
	}
	if attr&(cacheMask|accessMask) == 0 {
		return alloc.Success
	}
	if f.policy.Ignores || f.policy.OnlyRelaxes && attr&accessMask != 0 {
		f.ignored(r, "SetMemorySpaceAttributes reports success and changes nothing")
		return alloc.Success
	}
	if !f.profile.IA32 {
		f.b.Do(sim.Step{Op: sim.Protect, Object: object, Range: r, Perm: f.enforced(sim.RWX &^ f.denied(attr)), By: sim.ByServices,
			Why: replacing(attr), Source: source})
	}
	f.space.spans.Update(r, func(now region) region {
		now.attributes = attr
		return now
	})
	return alloc.Success
}

// replacing says what SetMemorySpaceAttributes does.
func replacing(attr memmap.EFIAttr) string {
	if attr&accessMask == 0 {
		return "the DXE services replace all attributes: no restriction is left"
	}
	return "the DXE services replace all attributes by " + attr.String()
}

// maySetSpace is what EDK2 answers before it changes anything.
func (f *Firmware) maySetSpace(r memmap.Range, attr memmap.EFIAttr) alloc.Status {
	if !f.dxe() {
		return alloc.Unsupported
	}
	if r.Empty() {
		return alloc.InvalidParameter
	}
	if !everything.Covers(r) {
		return alloc.Unsupported
	}
	if attr&memmap.EFIRuntime != 0 && !aligned(r) {
		return alloc.InvalidParameter
	}
	f.surveySpace()
	status := alloc.Success
	f.space.spans.Over(r, func(s memmap.Span[region]) bool {
		if attr&^(s.Value.capabilities|memmap.EFIRuntime) != 0 {
			status = alloc.Unsupported
		}
		return status == alloc.Success
	})
	cache := attr & cacheMask
	switch {
	case status != alloc.Success:
	case cache&(cache-1) != 0:
		status = alloc.InvalidParameter
	case attr&(cacheMask|accessMask) != 0 && (!aligned(r) || f.profile.IA32 && attr&accessMask != 0):
		status = alloc.Unsupported
	}
	return status
}
