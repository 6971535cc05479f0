package mapgen

import (
	"pgregory.net/rapid"

	"bootplan/memmap"
)

// HostileE820 generates e820 tables that no firmware should report: at most 64
// entries of any address, size and type, in any order.
func HostileE820() *rapid.Generator[[]memmap.E820Entry] {
	return rapid.SliceOfN(hostileE820Entry(), 0, 64)
}

// HostileEFI generates EFI maps that no firmware should report: at most 64
// descriptors of any address, number of pages, type and attributes, in any order.
func HostileEFI() *rapid.Generator[[]memmap.EFIDescriptor] {
	return rapid.SliceOfN(hostileEFIDescriptor(), 0, 64)
}

// CrowdE820 generates hostile e820 tables of up to 10,000 entries: a few entries,
// repeated at a regular distance that may be 0.
func CrowdE820() *rapid.Generator[[]memmap.E820Entry] {
	return crowd(hostileE820Entry(), func(e memmap.E820Entry, by uint64) memmap.E820Entry {
		e.Addr += by
		return e
	})
}

// CrowdEFI is CrowdE820 for EFI maps.
func CrowdEFI() *rapid.Generator[[]memmap.EFIDescriptor] {
	return crowd(hostileEFIDescriptor(), func(d memmap.EFIDescriptor, by uint64) memmap.EFIDescriptor {
		d.Phys += by
		return d
	})
}

func hostileE820Entry() *rapid.Generator[memmap.E820Entry] {
	types := rapid.OneOf(
		rapid.SampledFrom([]memmap.E820Type{
			memmap.E820RAM, memmap.E820Reserved, memmap.E820ACPI, memmap.E820NVS, memmap.E820Unusable,
			memmap.E820Disabled, memmap.E820PMEM, memmap.E820PRAM, memmap.E820GRUBRuntime,
			memmap.E820ReservedKern, memmap.E820SoftReserved, 0,
		}),
		rapid.Map(rapid.Uint32(), func(t uint32) memmap.E820Type { return memmap.E820Type(t) }),
	)
	return rapid.Custom(func(t *rapid.T) memmap.E820Entry {
		return memmap.E820Entry{Addr: edges().Draw(t, "addr"), Size: edges().Draw(t, "size"), Type: types.Draw(t, "type")}
	})
}

func hostileEFIDescriptor() *rapid.Generator[memmap.EFIDescriptor] {
	types := rapid.OneOf(
		rapid.Map(rapid.Uint32Range(0, 16), func(t uint32) memmap.EFIType { return memmap.EFIType(t) }),
		rapid.Map(rapid.Uint32(), func(t uint32) memmap.EFIType { return memmap.EFIType(t) }),
	)
	attrs := rapid.OneOf(
		rapid.SampledFrom([]memmap.EFIAttr{cached, cached | memmap.EFIRuntime, memmap.EFIUC, 0}),
		rapid.Map(rapid.Uint64(), func(a uint64) memmap.EFIAttr { return memmap.EFIAttr(a) }),
	)
	pages := rapid.OneOf(
		rapid.Map(edges(), func(bytes uint64) uint64 { return bytes / memmap.PageSize }),
		edges(),
	)
	return rapid.Custom(func(t *rapid.T) memmap.EFIDescriptor {
		return memmap.EFIDescriptor{
			Type: types.Draw(t, "type"), Phys: edges().Draw(t, "phys"),
			Pages: pages.Draw(t, "pages"), Attr: attrs.Draw(t, "attr"),
		}
	})
}

// edges are numbers close to those at which boot code changes its mind, and any others.
func edges() *rapid.Generator[uint64] {
	near := rapid.SampledFrom([]uint64{
		0, memmap.PageSize, 2 * memmap.PageSize, 0x9fc00, 0xa0000, memmap.MiB, 2 * memmap.MiB,
		16 * memmap.MiB, 512 * memmap.MiB, memmap.GiB, 4 * memmap.GiB, 64 * memmap.TiB, 1 << 52, 1 << 63,
	})
	off := rapid.SampledFrom([]int64{0, 1, -1, memmap.PageSize, -memmap.PageSize, 512})
	return rapid.OneOf(
		rapid.Custom(func(t *rapid.T) uint64 { return near.Draw(t, "near") + uint64(off.Draw(t, "off")) }),
		rapid.Uint64Range(0, 4*memmap.GiB),
		rapid.Uint64(),
	)
}

// crowd repeats up to eight entries, each copy moved on from the one before.
func crowd[E any](entry *rapid.Generator[E], move func(e E, by uint64) E) *rapid.Generator[[]E] {
	pattern := rapid.SliceOfN(entry, 1, 8)
	times := rapid.SampledFrom([]uint64{1, 100, 1250})
	distance := rapid.SampledFrom([]uint64{0, 1, memmap.PageSize, memmap.MiB, memmap.GiB})
	return rapid.Custom(func(t *rapid.T) []E {
		return repeat(pattern.Draw(t, "pattern"), times.Draw(t, "times"), distance.Draw(t, "distance"), move)
	})
}

func repeat[E any](pattern []E, times, distance uint64, move func(e E, by uint64) E) []E {
	entries := make([]E, 0, times*uint64(len(pattern)))
	for i := range times {
		for _, e := range pattern {
			entries = append(entries, move(e, i*distance))
		}
	}
	return entries
}
