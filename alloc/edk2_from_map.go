package alloc

import (
	"cmp"
	"fmt"
	"slices"

	"bootplan/memmap"
)

// EFIInferred is what a reported map tells, or does not tell, about the state of the
// firmware that reported it.
type EFIInferred struct {
	Bins        []EFIBin // in ascending order
	DefaultLast uint64   // the last byte of where allocations come from first
	FreeSlots   int      // descriptors for which the firmware has room without another page
	Assumptions []string // what the map cannot tell, as sentences
}

// EFIPagesFromMap returns the firmware that reports descs, as far as a map can tell.
// Config.Bins, BinRange and GCD are not used: they follow from the map. Descriptors
// that wrap around, overlap or begin inside a page are an error: no firmware could
// allocate from such a map.
func EFIPagesFromMap(c EFIConfig, descs []memmap.EFIDescriptor) (*EFIPages, error) {
	p := &EFIPages{}
	return p, p.Restart(c, descs)
}

// Restart makes p the firmware that EFIPagesFromMap returns, in the memory of what it was
// before, so that boots one after another make no garbage. After an error p is useless.
func (p *EFIPages) Restart(c EFIConfig, descs []memmap.EFIDescriptor) error {
	c.Bins, c.BinRange, c.GCD = nil, memmap.Range{}, nil
	if err := checkAllocatable(descs); err != nil {
		return err
	}
	for i := range descs {
		if at := descs[i].Phys; at%memmap.PageSize != 0 {
			return fmt.Errorf("EFI descriptor %d begins at %#x, inside a page", i, at)
		}
	}
	if err := c.check(); err != nil {
		return err
	}
	p.reset(c)
	p.adopt(descs)
	return nil
}

// InferEFIState returns what EFIPagesFromMap takes from a map.
func InferEFIState(c EFIConfig, descs []memmap.EFIDescriptor) (EFIInferred, error) {
	p, err := EFIPagesFromMap(c, descs)
	if err != nil {
		return EFIInferred{}, err
	}
	row := findBins(descs)
	in := EFIInferred{Bins: row, DefaultLast: p.defaultLast, FreeSlots: p.entries.slots}
	if len(row) > 0 {
		in.Assumptions = append(in.Assumptions, "How much of each bin is in use is not known: the last page, as if it had just been taken into use.")
	} else {
		in.Assumptions = append(in.Assumptions, "No bins found, as OVMF lays them out: allocations come from below 4 GiB first.")
	}
	in.Assumptions = append(in.Assumptions,
		fmt.Sprintf("The firmware's own list has %d entries, and once had more: there is room for %d until it takes another page for it.",
			len(p.entries.list), p.entries.slots))
	return in, nil
}

// adopt takes over the state of the firmware that reported descs. How many slots for
// entries are free, no map tells; a whole page of them is what starting drivers leaves
// behind: no recorded boot of 64-bit OVMF took a page for entries while the stub ran.
func (p *EFIPages) adopt(descs []memmap.EFIDescriptor) {
	row, last := findBins(descs), lastMemory(descs)
	for i := range descs {
		if d := &descs[i]; d.Pages != 0 && !besideMemory(d, i > last) {
			p.adoptMemory(d, row)
		}
	}
	p.entries.list = mergeEntries(sortEntries(p.entries.list))
	n := len(p.entries.list)
	p.entries.residents, p.entries.key = n, uint64(n)
	p.entries.slots = slotsPerPage
	for i := range descs {
		if d := &descs[i]; d.Pages != 0 && besideMemory(d, i > last) {
			p.adoptGCD(d)
		}
	}
	p.adoptBins(row)
}

// lastMemory is the index of the last descriptor that is memory for certain, or -1.
func lastMemory(descs []memmap.EFIDescriptor) int {
	last := len(descs) - 1
	for last >= 0 && (ofGCD(&descs[last]) || descs[last].Type == memmap.EFIReserved) {
		last--
	}
	return last
}

// besideMemory reports whether d is of what the firmware knows of the rest of the address
// space and appends to the map: types that memory never has, and reserved ranges that
// come behind all memory or cannot be cached as memory is.
func besideMemory(d *memmap.EFIDescriptor, behind bool) bool {
	return ofGCD(d) || d.Type == memmap.EFIReserved && (behind || d.Attr&memmap.EFIWB == 0)
}

// ofGCD reports whether d can only come from the map of the address space.
func ofGCD(d *memmap.EFIDescriptor) bool {
	switch d.Type {
	case memmap.EFIMMIO, memmap.EFIMMIOPort:
		return d.Attr&memmap.EFIRuntime != 0
	case memmap.EFIPersistent:
		return d.Attr&memmap.EFINV != 0
	}
	return d.Type == memmap.EFIUnaccepted
}

// adoptMemory adds an entry for a descriptor of memory. Of a bin all but the last page
// is free.
func (p *EFIPages) adoptMemory(d *memmap.EFIDescriptor, row []EFIBin) {
	e := efiEntry{start: d.Phys, last: descEnd(d) - 1, attr: d.Attr, t: d.Type}
	if d.Type < binTypes && p.bins[d.Type].runtime {
		e.attr &^= memmap.EFIRuntime // the report adds it
	}
	inRow := len(row) > 0 && row[0].Range.Start <= d.Phys && d.Phys < row[len(row)-1].Range.End
	if used := p.config.granule(d.Type); inRow && e.last-e.start >= used {
		free := e
		free.t, free.last = memmap.EFIConventional, e.last-used
		p.entries.list = append(p.entries.list, free)
		e.start = free.last + 1
	}
	p.entries.list = append(p.entries.list, e)
}

// sortEntries sorts entries by their start; those of most maps are sorted.
func sortEntries(list []efiEntry) []efiEntry {
	byStart := func(a, b efiEntry) int { return cmp.Compare(a.start, b.start) }
	if !slices.IsSortedFunc(list, byStart) {
		slices.SortStableFunc(list, byStart)
	}
	return list
}

// mergeEntries joins ascending entries of one type and attribute that touch, in place.
func mergeEntries(list []efiEntry) []efiEntry {
	kept := 0
	for i := range list {
		e := &list[i]
		if kept > 0 {
			if last := &list[kept-1]; last.last+1 == e.start && last.t == e.t && last.attr == e.attr {
				last.last = e.last
				continue
			}
		}
		if kept < i {
			list[kept] = *e
		}
		kept++
	}
	return list[:kept]
}

// adoptGCD adds a range that is not memory, and what lies before it, which keeps it
// apart from its neighbour.
func (p *EFIPages) adoptGCD(d *memmap.EFIDescriptor) {
	g := GCDEntry{Start: d.Phys, Last: descEnd(d) - 1, Attributes: d.Attr}
	switch d.Type {
	case memmap.EFIReserved:
		g.Type = GCDReserved
	case memmap.EFIMMIOPort:
		g.Type = GCDMMIO
		g.Attributes |= gcdPortIO
	case memmap.EFIMMIO:
		g.Type = GCDMMIO
	case memmap.EFIPersistent:
		g.Type = GCDPersistent
	case memmap.EFIUnaccepted:
		g.Type = GCDUnaccepted
	}
	p.gcd = append(p.gcd, GCDEntry{Last: d.Phys - 1}, g)
}

// adoptBins takes over the bins. Firmware whose bins are not seen is believed to
// allocate below 4 GiB first.
func (p *EFIPages) adoptBins(row []EFIBin) {
	p.sizes = p.sizes[:0]
	for i := len(row) - 1; i >= 0; i-- {
		b := row[i]
		s := BinSize{b.Type, uint32(b.Range.Len() / memmap.PageSize)}
		p.sizes = append(p.sizes, s)
		p.setBin(s, b.Range.Start)
		p.fixBin(len(p.sizes) - 1)
	}
	if len(row) == 0 {
		p.defaultLast = min(p.defaultLast, 4*memmap.GiB-1)
	}
	p.startBins()
}

// ovmfBins are the types for which OVMF sets memory aside.
// Source: OvmfPkg/PlatformPei/MemTypeInfo.c (edk2-stable202211).
var ovmfBins = [...]memmap.EFIType{
	memmap.EFIReserved, memmap.EFIRuntimeServicesCode, memmap.EFIRuntimeServicesData, memmap.EFIACPIReclaim, memmap.EFIACPINVS,
}

// findBins returns the bins that a map shows: a row of neighbours of all the types for
// which OVMF sets memory aside, each of them once. They ascend.
func findBins(descs []memmap.EFIDescriptor) []EFIBin {
	row := make([]EFIBin, 0, len(ovmfBins))
	for i := range descs {
		d := &descs[i]
		if !slices.Contains(ovmfBins[:], d.Type) {
			row = row[:0]
			continue
		}
		r := memmap.Range{Start: d.Phys, End: descEnd(d)}
		touches := len(row) > 0 && row[len(row)-1].Range.End == r.Start
		again := slices.ContainsFunc(row, func(b EFIBin) bool { return b.Type == d.Type })
		if !touches || again {
			row = row[:0]
		}
		row = append(row, EFIBin{d.Type, r, true})
		if len(row) == len(ovmfBins) {
			return row
		}
	}
	return nil
}
