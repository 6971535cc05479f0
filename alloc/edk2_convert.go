package alloc

import "bootplan/memmap"

// addMemory adds memory that the firmware did not know of, or that it did.
func (p *EFIPages) addMemory(e efiEntry) {
	p.assert(e.start%memmap.PageSize == 0 && e.last > e.start)
	p.entries.addMemory(e)
	p.settle()
}

// settle makes all temporary entries resident. A page of descriptors is allocated when
// the slots run out, which settles nothing in between.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:CoreFreeMemoryMapStack.
func (p *EFIPages) settle() {
	if p.settling {
		return
	}
	p.settling = true
	for p.entries.temporaries() > 0 {
		if p.entries.slots == 0 {
			p.addSlots()
		}
		p.entries.settle()
	}
	p.settling = false
}

// addSlots allocates a page of descriptors. It is BootServicesData and never freed.
// Without memory for it the real firmware stops: it follows a null pointer until
// 202502, and tries for ever since then.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:AllocateMemoryMapEntry.
func (p *EFIPages) addSlots() {
	if p.allocatePoolPages(memmap.EFIBootServicesData, 1, memmap.PageSize, false) == 0 {
		p.stopped = true
	}
	p.entries.slots += slotsPerPage
}

// A change is what happens to a range: it gets another type, or another attribute.
type change struct {
	t        memmap.EFIType
	attr     memmap.EFIAttr
	attrOnly bool
}

// convert changes pages from start on. Memory is given a type only where it is free,
// all of it in one entry, and freed only where it is not; where that ends, what lies
// before stays changed, and the status is NotFound.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:CoreConvertPagesEx.
func (p *EFIPages) convert(start, pages uint64, c change) Status {
	last := start + pages*memmap.PageSize - 1
	valid := pages != 0 && start%memmap.PageSize == 0 && start < last
	p.assert(valid)
	if !valid {
		return InvalidParameter
	}
	for start < last {
		i := p.entries.at(start)
		if i < 0 {
			return NotFound
		}
		e := p.entries.list[i]
		if !c.attrOnly {
			allocate, free := c.t != memmap.EFIConventional, e.t == memmap.EFIConventional
			if allocate != free || allocate && e.last < last {
				return NotFound
			}
			p.count(e.t, c.t, start, pages)
		}
		end := min(e.last, last)
		p.cut(i, start, end)
		e.start, e.last = start, end
		if c.attrOnly {
			e.attr = c.attr
		} else {
			e.t = c.t
		}
		p.entries.add(e)
		p.settle()
		start = end + 1
	}
	return Success
}

// cut takes [start, last] out of entry i. What is left above it is a temporary entry.
func (p *EFIPages) cut(i int, start, last uint64) {
	e := &p.entries.list[i]
	switch {
	case e.start == start:
		e.start = last + 1
	case e.last == last:
		e.last = start - 1
	default:
		rest := efiEntry{start: last + 1, last: e.last, attr: e.attr, t: e.t}
		e.last = start - 1
		p.entries.push(rest)
		return
	}
	if e.start == e.last+1 {
		p.entries.remove(i)
	}
}
