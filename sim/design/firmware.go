package design

import (
	"fmt"

	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
)

// firmware is EFI firmware as a stub meets it: a page allocator whose every answer
// becomes a step, page tables, and a policy that protects memory by its type.
type firmware struct {
	b      *sim.Boot
	pages  *alloc.EFIPages
	policy sim.Policy
	bins   bins

	// What the next allocation is for.
	object, why, source string
}

// below4G is the highest address that 32-bit code can reach.
const below4G = 4*memmap.GiB - 1

// startFirmware brings boot services and their page tables to life.
func startFirmware(b *sim.Boot) (*firmware, error) {
	descs := efiOf(b)
	pages, err := alloc.NewEFIPages(descs)
	if err != nil {
		return nil, fmt.Errorf("this map cannot be simulated: %w; bootplan map lint tells more", err)
	}
	f := &firmware{b: b, pages: pages, policy: b.Scenario.Policy, bins: findBins(descs)}
	tables := &sim.Tables{Name: "firmware", Paging: true}
	tables.Perm.Set(everything, sim.RWX)
	for _, d := range descs {
		if r, err := d.Range(); err == nil {
			tables.Perm.Set(r, f.perm(d.Type))
		}
	}
	b.In(sim.Firmware)
	b.Machine.BootServices = true
	b.SwitchTo(tables, sim.Step{Object: "firmware's page tables", Range: memmap.Range{},
		Why: "an identity map of all memory; its permissions follow the firmware's policy", Source: "MdeModulePkg/Core/Dxe/Misc/MemoryProtection.c:InitializeDxeNxMemoryProtectionPolicy (edk2-stable202502)"})
	return f, nil
}

// perm is how memory of type t is mapped when it changes hands.
func (f *firmware) perm(t memmap.EFIType) sim.Perm { return f.enforced(f.policy.Of(t)) }

// enforced is what the CPU makes of p: without an execute-disable bit everything that
// is mapped can be executed.
func (f *firmware) enforced(p sim.Perm) sim.Perm {
	if f.b.Scenario.CPU.NX {
		return p
	}
	return p | sim.X
}

// Map is the present map.
func (f *firmware) Map() []memmap.EFIDescriptor { return f.pages.Map() }

// AllocatePages hands out pages and maps them as the policy has it.
func (f *firmware) AllocatePages(kind alloc.Kind, t memmap.EFIType, pages, addr uint64) (uint64, alloc.Status) {
	got, status := f.search(kind, t, pages, addr)
	if status == alloc.Success {
		r := sized(got, pages*memmap.PageSize)
		f.b.Do(sim.Step{Op: sim.Alloc, Object: f.object, Range: r, Memory: t.String(), Why: f.why, Source: f.source})
		f.b.Machine.Tables.Perm.Set(r, f.perm(t))
	}
	return got, status
}

// search looks where EDK2 looks first: in the type's own bin, then below all bins.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:FindFreePages (edk2-stable202211).
func (f *firmware) search(kind alloc.Kind, t memmap.EFIType, pages, addr uint64) (uint64, alloc.Status) {
	if kind != alloc.Address {
		if got, ok := f.bins.take(t, pages); ok {
			return got, alloc.Success
		}
	}
	for _, top := range []uint64{f.bins.top, below4G} {
		if kind == alloc.AnyPages || kind == alloc.MaxAddress && addr >= top {
			if got, status := f.pages.AllocatePages(alloc.MaxAddress, t, pages, top); status == alloc.Success {
				return got, status
			}
		}
	}
	return f.pages.AllocatePages(kind, t, pages, addr)
}

// FreePages takes pages back.
func (f *firmware) FreePages(addr, pages uint64) alloc.Status {
	status := f.pages.FreePages(addr, pages)
	if status == alloc.Success {
		r := sized(addr, pages*memmap.PageSize)
		f.b.Do(sim.Step{Op: sim.Free, Object: f.object, Range: r, Why: "not needed any more", Source: f.source})
		f.b.Machine.Tables.Perm.Set(r, f.perm(memmap.EFIConventional))
	}
	return status
}

// release gives back what this boot allocated under the same name, which cannot fail.
func (f *firmware) release(object string, r memmap.Range, source string) {
	_ = f.forObject(object, "", source).FreePages(r.Start, r.Len()/memmap.PageSize)
}

// forObject says what the next allocation is for.
func (f *firmware) forObject(object, why, source string) *firmware {
	f.object, f.why, f.source = object, why, source
	return f
}

// take allocates size bytes of type t anywhere at or below last.
func (f *firmware) take(t memmap.EFIType, size, last uint64) (memmap.Range, error) {
	pages := (size + memmap.PageSize - 1) / memmap.PageSize
	addr, status := f.AllocatePages(alloc.MaxAddress, t, pages, last)
	if status != alloc.Success {
		q := alloc.Request{Size: size, Align: memmap.PageSize, Max: last}
		return memmap.Range{}, &sim.Failure{Rule: "no-memory", Message: fmt.Sprintf("%s: %v", f.object, alloc.NoMemory(f.Map(), q))}
	}
	return sized(addr, pages*memmap.PageSize), nil
}

// allowExecution makes r read-only and executable as far as the firmware lets the
// stub: through the memory attribute protocol, or through the DXE services, which
// the stub uses to take restrictions away only.
// Source: drivers/firmware/efi/libstub/x86-stub.c:efi_adjust_memory_range_protection (v6.12).
func (f *firmware) allowExecution(object string, r memmap.Range) {
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
