package kaslr

import (
	"iter"

	"bootplan/memmap"
)

// entry is one entry of the map that is searched.
type entry struct {
	Extent
	free      bool // its type says that nothing uses it
	candidate bool // the search looks at it
}

// entries are those of the map that source stands for.
func (in *Input) entries(source Source) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		switch source {
		case FromKHO:
			areas, _ := scratchAreas(in.SetupData)
			for _, r := range areas {
				if !yield(entry{r, true, true}) {
					return
				}
			}
		case FromE820:
			for _, e := range in.E820 {
				ram := e.Type == memmap.E820RAM
				if !yield(entry{Extent{e.Addr, e.Size}, ram, ram}) {
					return
				}
			}
		case FromEFI:
			descs, _ := in.EFI.described() // without a size there is no source
			filter := newEFIFilter(in, descs)
			for i := range descs {
				d := &descs[i]
				r := Extent{d.Phys, d.Pages * memmap.PageSize}
				if !yield(entry{r, filter.free(d), filter.takes(d)}) {
					return
				}
			}
		}
	}
}

// proper returns e as a range; ok is false if it wraps around 2^64.
func (e Extent) proper() (r memmap.Range, ok bool) {
	r, err := memmap.Sized(e.Start, e.Size)
	return r, err == nil
}

// firmwareMap is the map that is searched, unless a kexec handover names other memory.
func (in *Input) firmwareMap() Source {
	if in.EFI.present() {
		return FromEFI
	}
	return FromE820
}

// candidates is the memory that the search looks at, or would look at if it took
// place, entries that wrap around 2^64 left out.
func (p *Plan) candidates(in *Input) *memmap.Set {
	source := p.Source
	if source == FromNothing {
		source = in.firmwareMap()
	}
	memory := &memmap.Set{}
	for e := range in.entries(source) {
		if r, ok := e.proper(); ok && e.candidate {
			memory.Add(r)
		}
	}
	return memory
}

// freeMemory makes free the memory that the firmware's map calls free and nothing else,
// even where the search looks at another list.
func (in *Input) freeMemory(free *memmap.Set) {
	source := in.firmwareMap()
	free.Clear()
	ascending, end := true, uint64(0)
	for e := range in.entries(source) {
		r, ok := e.proper()
		ascending, end = ascending && ok && r.Start >= end, r.End
		if ok && e.free {
			free.Add(r)
		}
	}
	if ascending {
		return // no entries share memory
	}
	for e := range in.entries(source) {
		if r, ok := e.proper(); ok && !e.free {
			free.Remove(r)
		}
	}
}
