package mapgen

import (
	"pgregory.net/rapid"

	"bootplan/memmap"
)

// The most entries of a proper map: enough for every interplay, small enough to read.
const maxProper = 40

// E820 generates proper e820 tables of any types: at most 40 entries, sorted,
// disjoint, page aligned, below 1 TiB. The table may be empty and may lack RAM.
func E820() *rapid.Generator[[]memmap.E820Entry] {
	types := rapid.SampledFrom([]memmap.E820Type{
		memmap.E820RAM, memmap.E820RAM, memmap.E820Reserved, memmap.E820ACPI, memmap.E820NVS,
		memmap.E820Unusable, memmap.E820PMEM, memmap.E820PRAM, memmap.E820SoftReserved,
	})
	pieces := rapid.SliceOfN(pieceOf(gaps(), sizes(), types), 0, maxProper)
	return rapid.Map(pieces, func(p []piece[memmap.E820Type]) []memmap.E820Entry {
		return place(0, p, e820Entry)
	})
}

// EFI generates proper EFI maps of any types and of the attributes that belong to
// them: at most 40 descriptors, sorted, disjoint, below 1 TiB. The map may be empty
// and may lack RAM.
func EFI() *rapid.Generator[[]memmap.EFIDescriptor] {
	pieces := rapid.SliceOfN(pieceOf(gaps(), sizes(), rapid.SampledFrom(properKinds)), 0, maxProper)
	return rapid.Map(pieces, func(p []piece[kind]) []memmap.EFIDescriptor {
		return place(0, p, efiDescriptor)
	})
}

func e820Entry(phys, pages uint64, t memmap.E820Type) memmap.E820Entry {
	return memmap.E820Entry{Addr: phys, Size: pages * memmap.PageSize, Type: t}
}

// kind is what an EFI descriptor says about its pages.
type kind struct {
	Type memmap.EFIType
	Attr memmap.EFIAttr
}

func efiDescriptor(phys, pages uint64, k kind) memmap.EFIDescriptor {
	return memmap.EFIDescriptor{Type: k.Type, Phys: phys, Pages: pages, Attr: k.Attr}
}

// cached are the cacheability attributes of RAM.
const cached = memmap.EFIUC | memmap.EFIWC | memmap.EFIWT | memmap.EFIWB

var properKinds = []kind{
	{memmap.EFIConventional, cached},
	{memmap.EFIConventional, cached},
	{memmap.EFIBootServicesData, cached},
	{memmap.EFIBootServicesCode, cached},
	{memmap.EFILoaderData, cached},
	{memmap.EFILoaderCode, cached},
	{memmap.EFIReserved, cached},
	{memmap.EFIRuntimeServicesCode, cached | memmap.EFIRuntime},
	{memmap.EFIRuntimeServicesData, cached | memmap.EFIRuntime | memmap.EFIXP},
	{memmap.EFIACPIReclaim, cached},
	{memmap.EFIACPINVS, cached},
	{memmap.EFIUnusable, cached},
	{memmap.EFIMMIO, memmap.EFIUC | memmap.EFIRuntime},
	{memmap.EFIMMIOPort, memmap.EFIUC},
	{memmap.EFIPersistent, cached | memmap.EFINV},
	{memmap.EFIUnaccepted, cached},
	{memmap.EFIConventional, cached | memmap.EFIMoreReliable},
	{memmap.EFIConventional, cached | memmap.EFISP},
	{memmap.EFIConventional, cached | memmap.EFIHotPluggable},
	{memmap.EFIConventional, cached | memmap.EFICPUCrypto},
}
