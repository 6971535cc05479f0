package firmware

import (
	"bootplan/memmap"
	"bootplan/sim"
)

// AllowExecution makes r read-only and executable as far as the firmware lets the
// stub: through the memory attribute protocol, or through the DXE services, which
// the stub uses to take restrictions away only.
// Source: drivers/firmware/efi/libstub/x86-stub.c:efi_adjust_memory_range_protection (v6.12).
func (f *Firmware) AllowExecution(object string, r memmap.Range) {
	const source = "drivers/firmware/efi/libstub/x86-stub.c:efi_adjust_memory_range_protection"
	r = r.Outward(memmap.PageSize)
	if f.policy.Attribute {
		f.b.Do(sim.Step{Op: sim.Protect, Object: object, Range: r, Perm: sim.RX,
			Why: "the memory attribute protocol: read-only first, then executable, so that it is never both", Source: source})
		return
	}
	if !f.b.Machine.Tables.Least(r).Has(sim.RWX) {
		f.b.Do(sim.Step{Op: sim.Protect, Object: object, Range: r, Perm: sim.RWX,
			Why: "no memory attribute protocol: the DXE services take restrictions away and add none", Source: source})
	}
}
