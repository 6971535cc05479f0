package alloc

import (
	"slices"

	"bootplan/memmap"
)

// EFIBin is memory that is set aside for a type.
type EFIBin struct {
	Type    memmap.EFIType
	Range   memmap.Range
	Special bool // protected from other types, and reported as of its type even where it is free
}

// EFIState is what decides about future allocations, beside the memory itself.
type EFIState struct {
	BinsReady   bool
	Bins        []EFIBin  // by type
	DefaultBase uint64    // the lowest address given from below the bins
	DefaultLast uint64    // the last byte below the bins
	Sizes       []BinSize // the most pages that each type used since the bins are ready
}

// State returns the present state.
func (p *EFIPages) State() EFIState {
	s := EFIState{BinsReady: p.ready, DefaultBase: p.defaultBase, DefaultLast: p.defaultLast, Sizes: slices.Clone(p.sizes)}
	for i := range p.bins {
		if b := &p.bins[i]; b.pages > 0 {
			s.Bins = append(s.Bins, EFIBin{memmap.EFIType(i), memmap.Range{Start: b.base, End: b.last + 1}, b.special})
		}
	}
	return s
}
