package firmware

import (
	"fmt"

	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
)

// AllocatePages hands out pages and maps them as the policy has it.
func (f *Firmware) AllocatePages(kind alloc.Kind, t memmap.EFIType, pages, addr uint64) (uint64, alloc.Status) {
	if f.profile.IA32 && kind != alloc.Address {
		if kind == alloc.AnyPages {
			addr = Below4G
		}
		kind, addr = alloc.MaxAddress, min(addr, Below4G)
	}
	if f.profile.IA32 && addr > Below4G {
		return 0, alloc.NotFound
	}
	got, status := f.pages.AllocatePages(kind, t, pages, addr)
	if status == alloc.Success {
		where, limit := request(kind, addr)
		f.gave(sized(got, pages*memmap.PageSize), t, where, limit)
	}
	return got, status
}

// request is what a call of AllocatePages says of the address, and where the pages have to end.
func request(kind alloc.Kind, addr uint64) (sim.Where, uint64) {
	switch {
	case kind == alloc.Address:
		return sim.At, 0
	case kind == alloc.MaxAddress && addr+1 != 0:
		return sim.Below, addr + 1
	}
	return sim.Anywhere, 0
}

// gave notes that r was free and has type t from now on, as somebody asked for it.
func (f *Firmware) gave(r memmap.Range, t memmap.EFIType, where sim.Where, limit uint64) {
	f.b.Do(sim.Step{Op: sim.Alloc, Object: f.object, Range: r, Memory: t.String(), Where: where, Limit: limit, Why: f.why, Source: f.source})
	f.retype(r, memmap.EFIConventional, t)
	f.taken.Set(r, taken{true, t})
}

// FreePages takes pages back. EDK2 since August 2025 keeps what is not readable and
// writable throughout, and says nothing.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:CoreFreePages (edk2-stable202605).
func (f *Firmware) FreePages(addr, pages uint64) alloc.Status {
	r := sized(addr, pages*memmap.PageSize)
	if f.leaks(r) {
		f.ignored(r, "FreePages reports success and keeps the pages: they are not readable and writable throughout")
		return alloc.Success
	}
	old := f.typeOf(addr)
	status := f.pages.FreePages(addr, pages)
	if status == alloc.Success {
		f.gotBack(r, old)
	}
	return status
}

// leaks reports whether the firmware would keep r instead of freeing it.
func (f *Firmware) leaks(r memmap.Range) bool {
	if !f.edk2Since(sim.EDK2Stable202605) || !f.Attributes() {
		return false
	}
	attr, status := f.GetMemoryAttributes(r)
	return status == alloc.NoMapping || status == alloc.Success && attr&(memmap.EFIRO|memmap.EFIRP) != 0
}

// gotBack notes that r had type t and is free from now on.
func (f *Firmware) gotBack(r memmap.Range, t memmap.EFIType) {
	f.b.Do(sim.Step{Op: sim.Free, Object: f.object, Range: r, Why: "not needed any more", Source: f.source})
	f.retype(r, t, memmap.EFIConventional)
	f.taken.Set(r, taken{})
}

// typeOf is the memory type of the page at addr.
func (f *Firmware) typeOf(addr uint64) memmap.EFIType {
	if own := f.taken.At(addr); own.yes {
		return own.t
	}
	for _, d := range f.initial {
		if addr >= d.Phys && addr-d.Phys < d.Pages*memmap.PageSize {
			return d.Type
		}
	}
	return memmap.EFIReserved
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
