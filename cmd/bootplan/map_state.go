package main

import (
	"fmt"
	"slices"

	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim/report"
)

// allocatorState is the state that the firmware's allocator must have had when it
// reported a map, as far as a map tells. Ends are exclusive.
type allocatorState struct {
	Bins        []allocatorBin `json:"bins"`
	DefaultEnd  string         `json:"default_end"` // where memory ends that is handed out first
	Assumptions []string       `json:"assumptions"`
}

// allocatorBin is memory that is set aside for a type.
type allocatorBin struct {
	Type  string `json:"type"`
	Start string `json:"start"`
	End   string `json:"end"`

	where memmap.Range
}

// stateOf infers the state behind an EFI map, with -v only; nil for a map of another kind
// or of a part of memory. The error says why no firmware could have reported the map.
func (a *app) stateOf(m *memmap.Map) (*allocatorState, error) {
	free := func(d memmap.EFIDescriptor) bool { return d.Type == memmap.EFIConventional }
	if !a.verbose || !slices.ContainsFunc(m.Descriptors, free) {
		return nil, nil
	}
	in, err := alloc.InferEFIState(alloc.EFIConfig{}, m.Descriptors)
	if err != nil {
		return nil, err
	}
	s := &allocatorState{Bins: []allocatorBin{}, DefaultEnd: report.Address(in.DefaultLast + 1), Assumptions: in.Assumptions}
	for _, b := range in.Bins {
		s.Bins = append(s.Bins, allocatorBin{b.Type.String(), report.Address(b.Range.Start), report.Address(b.Range.End), b.Range})
	}
	return s, nil
}

// printState prints the state behind a map.
func (a *app) printState(m *memmap.Map) error {
	state, err := a.stateOf(m)
	switch {
	case err != nil:
		fmt.Fprintf(a.out, "\nno allocator is behind it: %v\n", err)
		return nil
	case state == nil:
		return nil
	}
	fmt.Fprintln(a.out, "\nthe allocator behind it, if it is EDK2's")
	rows := [][]string{{"  next allocation", "from the top of the highest free range that is large enough, below " + state.DefaultEnd}}
	for _, b := range state.Bins {
		rows = append(rows, []string{"  bin of " + b.Type, b.where.String() + ", " + report.Size(b.where.Len())})
	}
	if err := report.Table(a.out, make([]report.Column, 2), rows); err != nil {
		return err
	}
	for _, text := range state.Assumptions {
		fmt.Fprintf(a.out, "  assumed: %s\n", text)
	}
	return nil
}
