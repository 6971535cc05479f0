package sim

import (
	"bootplan/alloc"
	"bootplan/kaslr"
)

// Randomness is what a boot's random numbers chose from, for exact distributions.
// Exactly one of Decompressor and Stub is set once the boot got that far.
type Randomness struct {
	Decompressor *kaslr.Plan
	Input        *kaslr.Input // from which the plan was made
	Stub         *StubPlaces
}

// StubPlaces is what the EFI stub's seed chooses from.
type StubPlaces struct {
	Request      alloc.Request
	Areas        []alloc.Area // in map order
	Seeded       bool         // false: the physical seed is forced to 0, the first place is taken
	Override     string       // what forced it: "mem=", "American Megatrends", "nokaslr" …
	VirtualRange uint64       // bytes; 0: the virtual address is fixed
}

// Randomness notes what the random numbers chose from.
func (b *Boot) Randomness(r Randomness) { b.result.Randomness = r }
