package mapgen

import (
	"pgregory.net/rapid"

	"bootplan/memmap"
)

// Server generates EFI maps of large machines: many holes and firmware regions below
// 2 GiB, and above 4 GiB up to twelve blocks of any kind of memory that servers and
// confidential guests have.
func Server() *rapid.Generator[[]memmap.EFIDescriptor] {
	low := rapid.SliceOfN(pieceOf(
		rapid.OneOf(rapid.Just(uint64(0)), rapid.Uint64Range(1, 0x400)),
		rapid.Uint64Range(1, 16*memmap.MiB/memmap.PageSize),
		rapid.SampledFrom(properKinds[:11]),
	), 0, 60)
	const perGiB = memmap.GiB / memmap.PageSize
	inGiB := func(least, most uint64) *rapid.Generator[uint64] {
		return rapid.Map(rapid.Uint64Range(least, most), func(n uint64) uint64 { return n * perGiB })
	}
	high := rapid.SliceOfN(pieceOf(
		rapid.OneOf(rapid.Just(uint64(0)), inGiB(1, 1024)),
		inGiB(1, 512),
		rapid.SampledFrom([]kind{
			{memmap.EFIConventional, cached},
			{memmap.EFIConventional, cached | memmap.EFIMoreReliable},
			{memmap.EFIConventional, cached | memmap.EFIHotPluggable},
			{memmap.EFIConventional, cached | memmap.EFISP},
			{memmap.EFIUnaccepted, cached},
			{memmap.EFIPersistent, cached | memmap.EFINV},
			{memmap.EFIReserved, memmap.EFIUC},
		}),
	), 0, 12)
	return rapid.Custom(func(t *rapid.T) []memmap.EFIDescriptor {
		return server(low.Draw(t, "below 2 GiB"), high.Draw(t, "above 4 GiB"))
	})
}

func server(low, high []piece[kind]) []memmap.EFIDescriptor {
	ram := kind{memmap.EFIConventional, cached}
	mmio := kind{memmap.EFIMMIO, memmap.EFIUC | memmap.EFIRuntime}
	descs := place(0, []piece[kind]{
		{0, 0xa0, ram},
		{0, 0x60, kind{memmap.EFIReserved, 0}},
		{0, 0x10000, ram},
	}, efiDescriptor)
	descs = append(descs, place(0x10100000, low, efiDescriptor)...)
	descs = append(descs,
		efiDescriptor(0x80000000, 0x10000, mmio),
		efiDescriptor(0xfec00000, 1, mmio),
		efiDescriptor(0xfee00000, 1, mmio),
		efiDescriptor(0xff000000, 0x1000, mmio))
	return append(descs, place(4*memmap.GiB, high, efiDescriptor)...)
}
