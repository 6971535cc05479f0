package mapgen

import (
	"pgregory.net/rapid"

	"bootplan/memmap"
)

// A piece is one entry of a map, stated relative to the end of the piece before it.
type piece[W any] struct {
	Gap, Pages uint64 // of 4096 bytes
	What       W
}

func pieceOf[W any](gap, pages *rapid.Generator[uint64], what *rapid.Generator[W]) *rapid.Generator[piece[W]] {
	return rapid.Custom(func(t *rapid.T) piece[W] {
		return piece[W]{gap.Draw(t, "gap"), pages.Draw(t, "pages"), what.Draw(t, "what")}
	})
}

// place puts pieces one after the other from address start on.
func place[W, E any](start uint64, pieces []piece[W], entry func(phys, pages uint64, what W) E) []E {
	entries := make([]E, 0, len(pieces))
	for _, p := range pieces {
		start += p.Gap * memmap.PageSize
		entries = append(entries, entry(start, p.Pages, p.What))
		start += p.Pages * memmap.PageSize
	}
	return entries
}

// length is the number of bytes that pieces take when placed.
func length[W any](pieces []piece[W]) (bytes uint64) {
	for _, p := range pieces {
		bytes += (p.Gap + p.Pages) * memmap.PageSize
	}
	return bytes
}

// sizes are numbers of pages on three scales: a few, up to 16 MiB, up to 4 GiB.
func sizes() *rapid.Generator[uint64] {
	return rapid.OneOf(
		rapid.Uint64Range(1, 16),
		rapid.Uint64Range(1, 16*memmap.MiB/memmap.PageSize),
		rapid.Uint64Range(1, 4*memmap.GiB/memmap.PageSize),
	)
}

// gaps are mostly nothing, sometimes as large as an entry.
func gaps() *rapid.Generator[uint64] {
	return rapid.OneOf(rapid.Just(uint64(0)), rapid.Just(uint64(0)), sizes())
}
