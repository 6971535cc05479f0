package mapgen

import (
	"pgregory.net/rapid"

	"bootplan/memmap"
)

// SeaBIOS generates the e820 tables that SeaBIOS 1.16 reports for QEMU's "pc" machine
// with 32 MiB to 3 GiB below 4 GiB and any number of GiB above. The extended BIOS data
// area may begin lower than usual, as option ROMs and other BIOSes have it.
func SeaBIOS() *rapid.Generator[[]memmap.E820Entry] {
	ebda := rapid.SampledFrom([]uint64{639, 636, 631, 623, 512})
	low, high := rapid.Uint64Range(32, 3072), rapid.Uint64Range(0, 64)
	return rapid.Custom(func(t *rapid.T) []memmap.E820Entry {
		return seaBIOS(
			ebda.Draw(t, "base memory in KiB")*memmap.KiB,
			low.Draw(t, "MiB below 4 GiB")*memmap.MiB,
			high.Draw(t, "GiB above 4 GiB")*memmap.GiB,
		)
	})
}

// seaBIOS places the table's entries; the amounts are in bytes, low and high being
// the memory below and above 4 GiB.
func seaBIOS(base, low, high uint64) []memmap.E820Entry {
	const tables = 128 * memmap.KiB // at the top of low memory, for ACPI
	span := func(start, end uint64, t memmap.E820Type) memmap.E820Entry {
		return memmap.E820Entry{Addr: start, Size: end - start, Type: t}
	}
	entries := []memmap.E820Entry{
		span(0, base, memmap.E820RAM),
		span(base, 0xa0000, memmap.E820Reserved),
		span(0xf0000, memmap.MiB, memmap.E820Reserved),
		span(memmap.MiB, low-tables, memmap.E820RAM),
		span(low-tables, low, memmap.E820Reserved),
		span(0xfffc0000, 4*memmap.GiB, memmap.E820Reserved),
	}
	if high > 0 {
		entries = append(entries, span(4*memmap.GiB, 4*memmap.GiB+high, memmap.E820RAM))
	}
	return append(entries, span(0xfd_0000_0000, 0x100_0000_0000, memmap.E820Reserved))
}
