package firmware

import (
	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

// AllowExecution makes r read-only and executable as far as the firmware lets the
// stub: through the memory attribute protocol, or through the DXE services, which
// the stub uses to take restrictions away only. Only an error of the protocol is one.
// Source: drivers/firmware/efi/libstub/x86-stub.c:efi_adjust_memory_range_protection (v6.12).
func (f *Firmware) AllowExecution(object string, r memmap.Range) alloc.Status {
	r = r.Outward(memmap.PageSize)
	if f.Attributes() {
		if status := f.SetMemoryAttributes(object, r, memmap.EFIRO); status != alloc.Success {
			return status
		}
		return f.ClearMemoryAttributes(object, r, memmap.EFIXP)
	}
	f.LiftRestrictions(object, r)
	return alloc.Success
}

// LiftRestrictions walks the stretches of address space that the DXE services know in r
// and lifts all restrictions from those in system memory that are read-only or not
// executable. An error ends the walk. It does nothing without DXE services.
// Source: drivers/firmware/efi/libstub/x86-stub.c:adjust_memory_range_protection (v5.19), efi_adjust_memory_range_protection (v6.12).
func (f *Firmware) LiftRestrictions(object string, r memmap.Range) alloc.Status {
	for at := r.Start; at < r.End; {
		d, status := f.SpaceDescriptor(at)
		if status != alloc.Success {
			return status
		}
		at = d.End
		if d.Type != SystemMemory || d.Attributes&(memmap.EFIRO|memmap.EFIXP) == 0 {
			continue
		}
		if status := f.SetSpaceAttributes(object, d.Range.Intersect(r.Outward(memmap.PageSize)), memmap.EFIWB); status != alloc.Success {
			return status
		}
	}
	return alloc.Success
}

// ignored tells of a request that the firmware only pretends to serve.
func (f *Firmware) ignored(r memmap.Range, message string) {
	f.b.Find(sim.Finding{Rule: "firmware-ignored", Severity: rule.Warning, Range: r, Object: "firmware", Message: message})
}
