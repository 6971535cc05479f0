package firmware

import (
	"bootplan/memmap"
	"bootplan/sim"
)

// everything is what 64-bit firmware maps: the address space of 4-level paging.
var everything = memmap.Range{End: 1 << 46}

// mapEverything makes the firmware's page tables: an identity map in which each memory
// type has the permissions of the policy, and what the map does not mention all of them.
func (f *Firmware) mapEverything() *sim.Tables {
	t := f.b.NewTables("firmware")
	t.Policy = &f.policy
	f.tables = t
	end := everything.End
	if f.profile.IA32 {
		end = Below4G + 1
	}
	at := uint64(0)
	for i := range f.initial {
		d := &f.initial[i]
		r, err := d.Range()
		if err != nil || r.Empty() || r.Start < at {
			continue // entries that overlap are refused before; empty ones say nothing
		}
		if at < r.Start {
			f.set(memmap.Range{Start: at, End: r.Start}, sim.RWX, sim.Change{By: sim.ByFirmware})
		}
		f.set(r, f.policy.Of(d.Type), sim.Change{By: sim.ByPolicy, Type: d.Type})
		at = r.End
	}
	f.set(memmap.Range{Start: at, End: max(at, end)}, sim.RWX, sim.Change{By: sim.ByFirmware})
	if f.policy.NullPage {
		f.set(memmap.Range{End: memmap.PageSize}, 0, sim.Change{By: sim.ByFirmware, Object: "page 0"})
	}
	return t
}

// retype follows memory that changes its type: the permissions become those of the new
// type. EDK2 leaves them alone where both types have the same, so that what boot code
// has changed survives.
// Source: MdeModulePkg/Core/Dxe/Misc/MemoryProtection.c:ApplyMemoryProtectionPolicy (edk2-stable202502).
func (f *Firmware) retype(r memmap.Range, from, to memmap.EFIType) {
	perm := f.policy.Of(to)
	changes := f.policy.Reapply || perm != f.policy.Of(from)
	if changes || perm != sim.RWX && f.tables.Uniform(r, f.enforced(perm)) {
		f.set(r, perm, sim.Change{By: sim.ByPolicy, Type: to}) // if only to note that the new type is treated alike
	}
}

// set maps r with perm, as far as the CPU can, for the reason that c states.
func (f *Firmware) set(r memmap.Range, perm sim.Perm, c sim.Change) {
	if r.Empty() {
		return
	}
	c.Range, c.Perm, c.Step = r, f.enforced(perm), max(0, f.b.Step()-1)
	f.tables.Set(c)
}

// enforced is what the CPU makes of p: without an execute-disable bit everything that
// is mapped can be executed.
func (f *Firmware) enforced(p sim.Perm) sim.Perm {
	if p != 0 && !f.noExec {
		return p | sim.X
	}
	return p
}
