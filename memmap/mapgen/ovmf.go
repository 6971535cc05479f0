package mapgen

import (
	"slices"

	"pgregory.net/rapid"

	"bootplan/memmap"
)

// OVMF generates EFI maps in the layout of EDK2's OVMF for QEMU's "q35" machine with
// 128 MiB to 2 GiB below 4 GiB and any number of GiB above.
func OVMF() *rapid.Generator[[]memmap.EFIDescriptor] {
	low, high := rapid.Uint64Range(128, 2048), rapid.Uint64Range(0, 64)
	churn := rapid.SliceOfN(pieceOf(
		rapid.Just(uint64(0)),
		rapid.Uint64Range(1, memmap.MiB/memmap.PageSize),
		rapid.SampledFrom([]kind{
			{memmap.EFIBootServicesData, cached}, {memmap.EFIBootServicesCode, cached},
			{memmap.EFIConventional, cached}, {memmap.EFILoaderData, cached}, {memmap.EFILoaderCode, cached},
		}),
	), 0, 60)
	return rapid.Custom(func(t *rapid.T) []memmap.EFIDescriptor {
		return ovmf(
			low.Draw(t, "MiB below 4 GiB")*memmap.MiB,
			high.Draw(t, "GiB above 4 GiB")*memmap.GiB,
			churn.Draw(t, "allocations"),
		)
	})
}

// ovmf places, from the top of low memory downwards, the runtime regions, then what
// drivers and loaders allocated, then free memory down to what PEI keeps at 8 MiB.
func ovmf(low, high uint64, churn []piece[kind]) []memmap.EFIDescriptor {
	const (
		ram     = memmap.EFIConventional
		runtime = cached | memmap.EFIRuntime
	)
	bottom := []piece[kind]{
		{0, 0xa0, kind{ram, cached}},
		{0x60, 0x706, kind{ram, cached}},
		{0, 2, kind{memmap.EFIACPINVS, cached}},
		{0, 8, kind{ram, cached}},
		{0, 0xf0, kind{memmap.EFIACPINVS, cached}},
		{0, 0xc00, kind{memmap.EFIBootServicesData, cached}},
	}
	top := []piece[kind]{
		{0, 0x102, kind{memmap.EFIRuntimeServicesData, runtime}},
		{0, 0x94a, kind{memmap.EFIBootServicesData, cached}},
		{0, 0x100, kind{memmap.EFIRuntimeServicesData, runtime}},
		{0, 0x100, kind{memmap.EFIRuntimeServicesCode, runtime}},
		{0, 0x80, kind{memmap.EFIReserved, cached}},
		{0, 0x12, kind{memmap.EFIACPIReclaim, cached}},
		{0, 0x80, kind{memmap.EFIACPINVS, cached}},
		{0, 0x6f6, kind{memmap.EFIBootServicesData, cached}},
		{0, 0x84, kind{memmap.EFIRuntimeServicesData, runtime}},
		{0, 0x88, kind{memmap.EFIACPINVS, cached}},
	}
	free := (low - length(bottom) - length(churn) - length(top)) / memmap.PageSize
	middle := []piece[kind]{{0, free, kind{ram, cached}}}
	descs := place(0, slices.Concat(bottom, middle, churn, top), efiDescriptor)
	descs = append(descs,
		efiDescriptor(0xb0000000, 0x10000, kind{memmap.EFIReserved, memmap.EFIUC}),
		efiDescriptor(0xffc00000, 0x400, kind{memmap.EFIMMIO, memmap.EFIUC | memmap.EFIRuntime}))
	if high > 0 {
		descs = append(descs, efiDescriptor(4*memmap.GiB, high/memmap.PageSize, kind{ram, cached}))
	}
	return descs
}
