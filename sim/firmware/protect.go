package firmware

import (
	"slices"

	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

// AllowExecution makes r read-only and executable as far as the firmware lets the
// stub: through the memory attribute protocol, or through the DXE services, which
// the stub uses to take restrictions away only. Only an error of the protocol is one.
// Source: drivers/firmware/efi/libstub/x86-stub.c:efi_adjust_memory_range_protection (v6.12).
func (f *Firmware) AllowExecution(object string, r memmap.Range, also ...SpaceType) alloc.Status {
	if !f.Attributes() {
		f.LiftRestrictions(object, r, also...)
		return alloc.Success
	}
	r = r.Outward(memmap.PageSize)
	if status := f.SetMemoryAttributes(object, r, memmap.EFIRO); status != alloc.Success {
		return status
	}
	return f.ClearMemoryAttributes(object, r, memmap.EFIXP)
}

// LiftRestrictions walks the stretches of address space that the DXE services know in r
// and lifts all restrictions from those in system memory, and in memory of the types also,
// that are read-only or not executable. An error ends the walk, and is not looked at. It
// does nothing without DXE services.
// Source: drivers/firmware/efi/libstub/x86-stub.c:adjust_memory_range_protection (v5.19), efi_adjust_memory_range_protection (v6.12).
func (f *Firmware) LiftRestrictions(object string, r memmap.Range, also ...SpaceType) {
	for at := r.Start; at < r.End; {
		d, status := f.SpaceDescriptor(at)
		if status != alloc.Success {
			return
		}
		at = d.End
		if d.Type != SystemMemory && !slices.Contains(also, d.Type) || d.Attributes&(memmap.EFIRO|memmap.EFIXP) == 0 {
			continue
		}
		if f.SetSpaceAttributes(object, d.Range.Intersect(r.Outward(memmap.PageSize)), memmap.EFIWB) != alloc.Success {
			return
		}
	}
}

// ignored tells of a request that the firmware only pretends to serve.
func (f *Firmware) ignored(r memmap.Range, message string) {
	f.b.Find(sim.Finding{Rule: "firmware-ignored", Severity: rule.Warning, Range: r, Object: "firmware", Message: message})
}
