// Package diff finds what changed between two memory maps of one kind: after an
// update of the firmware, or from one machine to another. It compares what the maps
// say about each address, so that entries that are only split, merged or ordered
// differently make no difference.
package diff

import (
	"slices"

	"bootplan/memmap"
)

// Change is a stretch of addresses about which two maps say different things.
type Change struct {
	Range         memmap.Range
	Before, After memmap.Word // the zero Word where a map says nothing
}

// Maps returns the changes from before to after, ascending; touching changes differ.
// Entries without a proper range take no part.
func Maps(before, after *memmap.Map) []Change {
	var changes []Change
	memmap.Align([][]memmap.Span[memmap.Word]{before.Flat(), after.Flat()}, func(r memmap.Range, words []memmap.Word) {
		if words[0] != words[1] {
			changes = append(changes, Change{r, words[0], words[1]})
		}
	})
	return changes
}

// SameEntries reports whether the maps hold the same entries in the same order.
func SameEntries(before, after *memmap.Map) bool {
	return slices.Equal(before.Entries, after.Entries) && slices.Equal(before.Descriptors, after.Descriptors)
}
