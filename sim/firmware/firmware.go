package firmware

import (
	"fmt"

	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
)

// Firmware is EFI firmware while boot services are alive. It is an [alloc.Firmware]
// whose every answer becomes a step.
type Firmware struct {
	b      *sim.Boot
	pages  *alloc.EFIPages
	policy sim.Policy
	bins   bins

	// What the next call is for.
	object, why, source string
}

// Below4G is the highest address that 32-bit code can reach.
const Below4G = 4*memmap.GiB - 1

// DescriptorSize is the size in bytes of a descriptor of the memory map on EDK2.
const DescriptorSize = 48

// everything is what firmware maps: the address space of 4-level paging.
var everything = memmap.Range{End: 1 << 46}

// Start brings boot services and their page tables to life. The error says that no
// firmware could work with the scenario's map.
func Start(b *sim.Boot) (*Firmware, error) {
	descs := Descriptors(b)
	pages, err := alloc.NewEFIPages(descs)
	if err != nil {
		return nil, fmt.Errorf("this map cannot be simulated: %w; bootplan map lint tells more", err)
	}
	f := &Firmware{b: b, pages: pages, policy: b.Scenario.Policy, bins: findBins(descs)}
	tables := b.NewTables("firmware")
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
func (f *Firmware) perm(t memmap.EFIType) sim.Perm { return f.enforced(f.policy.Of(t)) }

// enforced is what the CPU makes of p: without an execute-disable bit everything that
// is mapped can be executed.
func (f *Firmware) enforced(p sim.Perm) sim.Perm {
	if f.b.Scenario.CPU.NX {
		return p
	}
	return p | sim.X
}

// For says what the next call is for: the object, one sentence of why, and the source
// of the code that makes it.
func (f *Firmware) For(object, why, source string) *Firmware {
	f.object, f.why, f.source = object, why, source
	return f
}

// Map is the present map, valid until the next call.
func (f *Firmware) Map() []memmap.EFIDescriptor { return f.pages.Map() }

// AllocatePages hands out pages and maps them as the policy has it.
func (f *Firmware) AllocatePages(kind alloc.Kind, t memmap.EFIType, pages, addr uint64) (uint64, alloc.Status) {
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
func (f *Firmware) search(kind alloc.Kind, t memmap.EFIType, pages, addr uint64) (uint64, alloc.Status) {
	if kind != alloc.Address {
		if got, ok := f.bins.take(t, pages); ok {
			return got, alloc.Success
		}
	}
	for _, top := range []uint64{f.bins.top, Below4G} {
		if kind == alloc.AnyPages || kind == alloc.MaxAddress && addr >= top {
			if got, status := f.pages.AllocatePages(alloc.MaxAddress, t, pages, top); status == alloc.Success {
				return got, status
			}
		}
	}
	return f.pages.AllocatePages(kind, t, pages, addr)
}

// FreePages takes pages back.
func (f *Firmware) FreePages(addr, pages uint64) alloc.Status {
	status := f.pages.FreePages(addr, pages)
	if status == alloc.Success {
		r := sized(addr, pages*memmap.PageSize)
		f.b.Do(sim.Step{Op: sim.Free, Object: f.object, Range: r, Why: "not needed any more", Source: f.source})
		f.b.Machine.Tables.Perm.Set(r, f.perm(memmap.EFIConventional))
	}
	return status
}

// TakePages allocates whole pages for size bytes of type t, the last one at or below
// last. An error is a *sim.Failure with the rule no-memory.
func (f *Firmware) TakePages(t memmap.EFIType, size, last uint64) (memmap.Range, error) {
	pages := (size + memmap.PageSize - 1) / memmap.PageSize
	addr, status := f.AllocatePages(alloc.MaxAddress, t, pages, last)
	if status != alloc.Success {
		return memmap.Range{}, f.noMemory(size, last)
	}
	return sized(addr, pages*memmap.PageSize), nil
}

// noMemory is the failure of the present request.
func (f *Firmware) noMemory(size, last uint64) error {
	q := alloc.Request{Size: size, Align: memmap.PageSize, Max: last}
	return &sim.Failure{Rule: "no-memory", Message: fmt.Sprintf("%s: %v", f.object, alloc.NoMemory(f.Map(), q))}
}

// ReleasePages gives back pages that this boot allocated for object, which cannot fail.
func (f *Firmware) ReleasePages(object string, r memmap.Range, source string) {
	_ = f.For(object, "", source).FreePages(r.Start, r.Len()/memmap.PageSize)
}

// What EDK2 puts before a pool block that fills pages of its own, and behind it.
// Source: MdeModulePkg/Core/Dxe/Mem/Pool.c (edk2-stable202211).
const (
	poolHead = 24
	poolTail = 16
)

// TakePool allocates a pool block of type t and returns its size bytes. An error is a
// *sim.Failure with the rule no-memory.
func (f *Firmware) TakePool(t memmap.EFIType, size uint64) (memmap.Range, error) {
	r, err := f.TakePages(t, poolHead+size+poolTail, ^uint64(0))
	if err != nil {
		return r, err
	}
	return sized(r.Start+poolHead, size), nil
}

// ReleasePool gives back a pool block that this boot allocated for object.
func (f *Firmware) ReleasePool(object string, block memmap.Range, source string) {
	f.ReleasePages(object, block.Outward(memmap.PageSize), source)
}

// MapSize is the size in bytes that GetMemoryMap asks for.
func (f *Firmware) MapSize() uint64 { return uint64(len(f.Map())) * DescriptorSize }

// ExitBootServices ends boot services. The page tables stay in force.
func (f *Firmware) ExitBootServices(source string) {
	f.b.Do(sim.Step{Op: sim.Exit, Object: "boot services", Why: "the firmware's allocator is gone; its page tables stay in force", Source: source})
}

// sized is the range of size bytes from start.
func sized(start, size uint64) memmap.Range { return memmap.Range{Start: start, End: start + size} }
