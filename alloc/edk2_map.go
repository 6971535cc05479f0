package alloc

import "bootplan/memmap"

// EDK2DescriptorSize is the size in bytes of a descriptor of the map that EDK2
// reports. It is more than the structure needs, so that nobody relies on that.
const EDK2DescriptorSize = 48

// DescriptorSize is [EDK2DescriptorSize].
func (p *EFIPages) DescriptorSize() uint64 { return EDK2DescriptorSize }

// MapKey is the key of the present map.
func (p *EFIPages) MapKey() uint64 { return p.entries.key }

// MapSize is the number of bytes that GetMemoryMap asks for.
func (p *EFIPages) MapSize() uint64 {
	n := len(p.entries.list)
	for i := range p.gcd {
		if g := &p.gcd[i]; g.reported() && (g.Type != GCDUnaccepted || p.config.Release.countsUnaccepted()) {
			n++
		}
	}
	for i := range p.bins {
		if p.bins[i].shown() && p.config.Release.cutsBinsOut() {
			n += 2
		}
	}
	return uint64(n) * EDK2DescriptorSize
}

// GetMemoryMap is the boot service, called with a buffer of size bytes, or with none.
// used is what it stores as the size: the bytes of the map, or else those that it
// asks for. The map is valid until the next call.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:CoreGetMemoryMap.
func (p *EFIPages) GetMemoryMap(size uint64, noBuffer bool) (descs []memmap.EFIDescriptor, used uint64, status Status) {
	p.asserted = false
	switch need := p.MapSize(); {
	case size < need:
		return nil, need, BufferTooSmall
	case noBuffer:
		return nil, need, InvalidParameter
	}
	descs = p.Map()
	return descs, uint64(len(descs)) * EDK2DescriptorSize, Success
}

// Map is what GetMemoryMap reports: memory, ascending, then what else the firmware
// keeps from the operating system, ascending. It is valid until the next call.
func (p *EFIPages) Map() []memmap.EFIDescriptor {
	r := reportedMap{descs: p.report[:0], ascending: true}
	p.reportEntries(&r)
	if p.config.Release.cutsBinsOut() {
		p.cutBinsOut(&r)
	}
	p.reportGCD(&r)
	if r.attrs&accessAttrs != 0 {
		for i := range r.descs {
			r.descs[i].Attr &^= accessAttrs
		}
	}
	if r.attrs&accessAttrs != 0 || !r.ascending {
		r.descs = joinNeighbours(r.descs)
	}
	p.report = r.descs
	return p.report
}

// reportEntries adds the memory. Releases that cut bins out do so afterwards.
func (p *EFIPages) reportEntries(r *reportedMap) {
	cut := p.config.Release.cutsBinsOut()
	for i := range p.entries.list {
		e := &p.entries.list[i]
		d := memmap.EFIDescriptor{Type: e.t, Phys: e.start, Pages: (e.last - e.start + 1) / memmap.PageSize}
		if cut {
			d.Attr = p.runtimeAttr(e.t, e.attr)
		} else {
			d.Type, d.Attr = p.asBin(e)
		}
		r.add(d)
	}
}

// asBin: a free entry that lies in a bin, above the default range, is of the bin's type.
func (p *EFIPages) asBin(e *efiEntry) (t memmap.EFIType, attr memmap.EFIAttr) {
	t, attr = e.t, e.attr
	if e.t == memmap.EFIConventional && e.start > p.defaultLast {
		for i := range p.bins {
			if b := &p.bins[i]; b.shown() && e.start >= b.base && e.last <= b.last {
				t = memmap.EFIType(i)
			}
		}
	}
	if t < binTypes && p.bins[t].runtime {
		attr |= memmap.EFIRuntime
	}
	return t, attr
}

// runtimeAttr is the attribute of a descriptor that gets type t.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:SetEfiMemoryDescriptorType.
func (p *EFIPages) runtimeAttr(t memmap.EFIType, attr memmap.EFIAttr) memmap.EFIAttr {
	switch {
	case t >= binTypes:
		return attr
	case p.bins[t].runtime:
		return attr | memmap.EFIRuntime
	}
	return attr &^ memmap.EFIRuntime
}

// cutBinsOut gives the free memory of every bin the bin's type.
func (p *EFIPages) cutBinsOut(r *reportedMap) {
	r.descs = joinNeighbours(r.descs)
	for i := range p.bins {
		b := &p.bins[i]
		if !b.shown() {
			continue
		}
		cut := p.spare[:0]
		for _, d := range r.descs {
			if d.Type == memmap.EFIConventional && descEnd(&d)-1 >= b.base && d.Phys <= b.last {
				cut = p.cutBinOut(cut, d, memmap.EFIType(i))
			} else {
				cut = append(cut, d)
			}
		}
		r.descs, p.spare = joinNeighbours(cut), r.descs
	}
}

// cutBinOut appends the parts of d, which is free and overlaps the bin of type t.
func (p *EFIPages) cutBinOut(to []memmap.EFIDescriptor, d memmap.EFIDescriptor, t memmap.EFIType) []memmap.EFIDescriptor {
	b := &p.bins[t]
	part := func(t memmap.EFIType, start, last uint64) memmap.EFIDescriptor {
		return memmap.EFIDescriptor{Type: t, Phys: start, Pages: (last - start + 1) / memmap.PageSize, Attr: p.runtimeAttr(t, d.Attr)}
	}
	last := descEnd(&d) - 1
	if d.Phys < b.base {
		to = append(to, part(d.Type, d.Phys, b.base-1))
	}
	to = append(to, part(t, max(d.Phys, b.base), min(last, b.last)))
	if last > b.last {
		to = append(to, part(d.Type, b.last+1, last))
	}
	return to
}

// reportGCD adds what is not memory. Neighbours in the list that are alike are
// one entry, whether they touch or not: in a real list they do.
func (p *EFIPages) reportGCD(r *reportedMap) {
	var run GCDEntry
	for i := range p.gcd {
		g := &p.gcd[i]
		if g.alike(&run) {
			run.Last = g.Last
			continue
		}
		p.reportRun(r, &run)
		run = *g
	}
	p.reportRun(r, &run)
}

func (p *EFIPages) reportRun(r *reportedMap, run *GCDEntry) {
	if run.reported() {
		p.assert(run.Start%memmap.PageSize == 0 && (run.Last+1)%memmap.PageSize == 0)
		d := run.descriptor()
		r.add(d)
	}
}

// reportedMap is a map under construction.
type reportedMap struct {
	descs     []memmap.EFIDescriptor
	ascending bool           // every descriptor so far ends at or below the start of the next, and
	end       uint64         // the last one here
	attrs     memmap.EFIAttr // of any descriptor
}

// add appends d, or merges it with the first descriptor of its type and attribute that
// touches it. As long as the map ascends, that can only be the last one.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:MergeMemoryMapDescriptor.
func (r *reportedMap) add(d memmap.EFIDescriptor) {
	end := descEnd(&d)
	r.attrs |= d.Attr
	if r.ascending = r.ascending && d.Phys >= r.end && d.Phys < end; !r.ascending {
		r.addAnywhere(d)
		return
	}
	if n := len(r.descs); n > 0 && d.Phys == r.end {
		if last := &r.descs[n-1]; d.Type == last.Type && d.Attr == last.Attr {
			last.Pages += d.Pages
			r.end = end
			return
		}
	}
	r.descs = append(r.descs, d)
	r.end = end
}

// addAnywhere is add to a map that does not ascend.
func (r *reportedMap) addAnywhere(d memmap.EFIDescriptor) {
	end := descEnd(&d)
	for i := range r.descs {
		o := &r.descs[i]
		if o.Type != d.Type || o.Attr != d.Attr {
			continue
		}
		if descEnd(o) == d.Phys {
			o.Pages += d.Pages
			return
		}
		if end == o.Phys {
			o.Phys = d.Phys
			o.Pages += d.Pages
			return
		}
	}
	r.descs = append(r.descs, d)
}

// CheckMapKey is what ExitBootServices makes sure of first: the key is that of the
// present map, and memory for runtime services consists of whole pages of theirs.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:CoreTerminateMemoryMap.
func (p *EFIPages) CheckMapKey(key uint64) Status {
	p.asserted = false
	if key != p.entries.key {
		return InvalidParameter
	}
	granule := p.config.Arch.granule()
	for i := range p.entries.list {
		e := &p.entries.list[i]
		if e.t < binTypes && p.bins[e.t].runtime && (e.start%granule != 0 || (e.last+1)%granule != 0) {
			return InvalidParameter
		}
	}
	return Success
}
