package firmware

import (
	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
)

// accessMask are the attributes that page tables enforce.
const accessMask = memmap.EFIRP | memmap.EFIXP | memmap.EFIRO

// Attributes reports whether the memory attribute protocol is installed.
func (f *Firmware) Attributes() bool { return f.policy.Attribute }

// SetMemoryAttributes adds restrictions to r: any of RP, XP and RO. The statuses are
// EDK2's, Unsupported without the protocol and from 32-bit firmware that is called with
// paging off: it finds no page tables to change.
// Source: UefiCpuPkg/CpuDxe/CpuPageTable.c:EfiSetMemoryAttributes, ConvertMemoryPageAttributes (edk2-stable202502).
func (f *Firmware) SetMemoryAttributes(object string, r memmap.Range, attr memmap.EFIAttr) alloc.Status {
	const source = "UefiCpuPkg/CpuDxe/CpuPageTable.c:EfiSetMemoryAttributes (edk2-stable202502)"
	f.b.AskForPermissions()
	if status := f.mayConvert(r, attr); status != alloc.Success {
		return status
	}
	if f.policy.Ignores || f.policy.OnlyRelaxes {
		f.ignored(r, "SetMemoryAttributes reports success and changes nothing")
		return alloc.Success
	}
	deny := f.denied(attr)
	f.convert(sim.Step{Object: object, Range: r, By: sim.ByProtocol, Why: adding(attr), Source: source},
		func(p sim.Perm) sim.Perm { return p &^ deny })
	return alloc.Success
}

// ClearMemoryAttributes takes restrictions from r: any of RP, XP and RO. The statuses are
// those of SetMemoryAttributes.
// Source: UefiCpuPkg/CpuDxe/CpuPageTable.c:EfiClearMemoryAttributes (edk2-stable202502).
func (f *Firmware) ClearMemoryAttributes(object string, r memmap.Range, attr memmap.EFIAttr) alloc.Status {
	const source = "UefiCpuPkg/CpuDxe/CpuPageTable.c:EfiClearMemoryAttributes (edk2-stable202502)"
	f.b.AskForPermissions()
	if status := f.mayConvert(r, attr); status != alloc.Success {
		return status
	}
	if f.policy.Ignores {
		f.ignored(r, "ClearMemoryAttributes reports success and changes nothing")
		return alloc.Success
	}
	f.convert(sim.Step{Object: object, Range: r, By: sim.ByProtocol, Why: clearing(attr), Source: source},
		func(p sim.Perm) sim.Perm { return f.granted(p, attr) })
	return alloc.Success
}

// GetMemoryAttributes returns the restrictions of r. NoMapping: not the same throughout.
// Source: UefiCpuPkg/CpuDxe/CpuPageTable.c:EfiGetMemoryAttributes (edk2-stable202502).
func (f *Firmware) GetMemoryAttributes(r memmap.Range) (memmap.EFIAttr, alloc.Status) {
	switch {
	case !f.policy.Attribute, f.profile.IA32, !aligned(r):
		return 0, alloc.Unsupported
	case r.Empty():
		return 0, alloc.InvalidParameter
	case r.End > everything.End:
		return 0, alloc.Unsupported
	}
	var attr memmap.EFIAttr
	status := alloc.Success
	f.tables.Over(r, func(s memmap.Span[sim.Perm]) bool {
		if now := restrictions(s.Value); s.Start == r.Start {
			attr = now
		} else if now != attr {
			attr, status = 0, alloc.NoMapping
		}
		return status == alloc.Success
	})
	return attr, status
}

// adding says what SetMemoryAttributes does, without making garbage for the usual calls.
func adding(attr memmap.EFIAttr) string {
	switch attr {
	case memmap.EFIRO:
		return "the memory attribute protocol takes the right to write away (adds RO)"
	case memmap.EFIXP:
		return "the memory attribute protocol takes the right to execute away (adds XP)"
	}
	return "the memory attribute protocol adds " + attr.String()
}

// clearing says what ClearMemoryAttributes does.
func clearing(attr memmap.EFIAttr) string {
	switch attr {
	case memmap.EFIRO:
		return "the memory attribute protocol grants the right to write (clears RO)"
	case memmap.EFIXP:
		return "the memory attribute protocol grants the right to execute (clears XP)"
	}
	return "the memory attribute protocol clears " + attr.String()
}

// mayConvert is what EDK2 answers before it touches a page table.
func (f *Firmware) mayConvert(r memmap.Range, attr memmap.EFIAttr) alloc.Status {
	switch {
	case !f.policy.Attribute:
		return alloc.Unsupported
	case attr == 0, attr&^accessMask != 0, r.Empty():
		return alloc.InvalidParameter
	case !aligned(r), f.profile.IA32, r.End > everything.End:
		return alloc.Unsupported
	}
	return alloc.Success
}

func aligned(r memmap.Range) bool {
	return r.Start%memmap.PageSize == 0 && r.End%memmap.PageSize == 0
}

// convert does s once for each stretch of its range with equal permissions, with what
// becomes of them.
func (f *Firmware) convert(s sim.Step, becomes func(sim.Perm) sim.Perm) {
	for at := s.Range; !at.Empty(); {
		part, now := at, sim.Perm(0)
		f.tables.Over(at, func(p memmap.Span[sim.Perm]) bool {
			part, now = p.Range, p.Value
			return false
		})
		step := s
		step.Op, step.Range, step.Perm = sim.Protect, part, becomes(now)
		f.b.Do(step)
		at.Start = part.End
	}
}

// denied are the permissions that attr takes away. Without an execute-disable bit
// nobody can take execution away.
func (f *Firmware) denied(attr memmap.EFIAttr) sim.Perm {
	var deny sim.Perm
	if attr&memmap.EFIRO != 0 {
		deny |= sim.W
	}
	if attr&memmap.EFIXP != 0 && f.noExec {
		deny |= sim.X
	}
	if attr&memmap.EFIRP != 0 {
		deny = sim.RWX
	}
	return deny
}

// granted is what becomes of p once the restrictions attr are gone. What the entry of an
// unmapped page says besides is not kept: it comes back as data.
func (f *Firmware) granted(p sim.Perm, attr memmap.EFIAttr) sim.Perm {
	if p == 0 && attr&memmap.EFIRP == 0 {
		return 0
	}
	if p == 0 {
		p = f.enforced(sim.RW)
	}
	if attr&memmap.EFIRO != 0 {
		p |= sim.W
	}
	if attr&memmap.EFIXP != 0 {
		p |= sim.X
	}
	return p
}

// restrictions are the attributes that stand for p.
func restrictions(p sim.Perm) memmap.EFIAttr {
	if p == 0 {
		return memmap.EFIRP
	}
	var attr memmap.EFIAttr
	if !p.Has(sim.W) {
		attr |= memmap.EFIRO
	}
	if !p.Has(sim.X) {
		attr |= memmap.EFIXP
	}
	return attr
}
