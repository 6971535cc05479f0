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

// Maps returns the changes from before to after, ascending. Touching stretches that
// change in the same way are one. Entries without a proper range take no part.
func Maps(before, after *memmap.Map) []Change {
	var changes []Change
	memmap.Align([][]memmap.Span[memmap.Word]{before.Flat(), after.Flat()}, func(r memmap.Range, words []memmap.Word) {
		c := Change{r, words[0], words[1]}
		if c.Before == c.After {
			return
		}
		if n := len(changes); n > 0 {
			last := &changes[n-1]
			if last.Range.End == r.Start && last.Before == c.Before && last.After == c.After {
				last.Range.End = r.End
				return
			}
		}
		changes = append(changes, c)
	})
	return changes
}

// SameEntries reports whether the maps hold the same entries in the same order.
func SameEntries(before, after *memmap.Map) bool {
	return slices.Equal(before.Entries, after.Entries) && slices.Equal(before.Descriptors, after.Descriptors)
}
