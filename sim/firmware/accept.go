package firmware

import (
	"bootplan/memmap"
	"bootplan/sim"
)

// AllowUnaccepted tells the firmware that memory which nobody has accepted may stay so
// after boot services: the kernel accepts it itself.
// Source: OvmfPkg/AmdSevDxe/AmdSevDxe.c:AllowUnacceptedMemory (edk2-stable202502).
func (f *Firmware) AllowUnaccepted() { f.allowUnaccepted = true }

// acceptAll accepts what is left of unaccepted memory before boot services end, for
// kernels that know nothing of it. Firmware never hands such memory out.
// Source: OvmfPkg/AmdSevDxe/AmdSevDxe.c:AcceptAllMemory (edk2-stable202502).
func (f *Firmware) acceptAll() {
	const source = "OvmfPkg/AmdSevDxe/AmdSevDxe.c:AcceptAllMemory (edk2-stable202502)"
	if f.allowUnaccepted {
		return
	}
	for _, d := range f.initial {
		r, err := d.Range()
		if d.Type != memmap.EFIUnaccepted || err != nil {
			continue
		}
		f.acceptedAll = true
		f.b.Do(sim.Step{Op: sim.Accept, Object: "unaccepted memory", Range: r,
			Why: "the boot code has not said that it would accept memory itself", Source: source})
	}
}

// withAccepted is descs once everything has been accepted.
func withAccepted(descs []memmap.EFIDescriptor) []memmap.EFIDescriptor {
	var after []memmap.EFIDescriptor
	for _, d := range descs {
		if d.Type == memmap.EFIUnaccepted {
			d.Type = memmap.EFIConventional
		}
		after = append(after, d)
	}
	return mergeTouching(after)
}
