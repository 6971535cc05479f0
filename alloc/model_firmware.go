package alloc

import "bootplan/memmap"

const (
	// maxPages is the first page count that no firmware can serve: 2^64 bytes.
	maxPages = 1 << 52
	// lastPage is the address of the last page of a 64-bit address space.
	lastPage = ^uint64(0) - memmap.PageSize + 1
)

// ModelFirmware is a firmware whose map never changes: what it hands out stays
// free, and FreePages always succeeds. The stub's helpers were recorded with it.
// Free memory is the union of all Conventional descriptors, whatever their
// attributes, without the busy ranges.
type ModelFirmware struct {
	descs []memmap.EFIDescriptor
	free  memmap.Set
}

// NewModelFirmware returns the firmware that reports descs and refuses every
// request that touches a busy range. Descriptors that end above 2^64-4096 are
// reported but hold no free memory. The firmware keeps descs.
func NewModelFirmware(descs []memmap.EFIDescriptor, busy ...memmap.Range) *ModelFirmware {
	m := &ModelFirmware{descs: descs}
	for _, d := range descs {
		r, err := d.Range()
		if d.Type == memmap.EFIConventional && err == nil && r.End <= lastPage {
			m.free.Add(r)
		}
	}
	for _, r := range busy {
		m.free.Remove(r)
	}
	return m
}

// Map is the map that the firmware was made with.
func (m *ModelFirmware) Map() []memmap.EFIDescriptor { return m.descs }

// FreePages succeeds and changes nothing.
func (m *ModelFirmware) FreePages(addr, pages uint64) Status { return Success }

// AllocatePages answers from the top of memory downwards. A request for no pages,
// for 2^52 or more, or for an address inside a page is an InvalidParameter.
func (m *ModelFirmware) AllocatePages(kind Kind, _ memmap.EFIType, pages, addr uint64) (uint64, Status) {
	if pages == 0 || pages >= maxPages {
		return 0, InvalidParameter
	}
	size := pages * memmap.PageSize
	switch {
	case kind == AnyPages:
		return m.highest(size, ^uint64(0))
	case kind == MaxAddress:
		return m.highest(size, addr)
	case addr%memmap.PageSize != 0:
		return 0, InvalidParameter
	case addr+size >= addr && m.free.Covers(memmap.Range{Start: addr, End: addr + size}):
		return addr, Success
	}
	return 0, NotFound
}

// highest finds size bytes of whole pages of which the last byte is at most last.
func (m *ModelFirmware) highest(size, last uint64) (uint64, Status) {
	ranges := m.free.Ranges()
	for i := len(ranges) - 1; i >= 0; i-- {
		if at, ok := topOf(ranges[i], size, last); ok {
			return at, Success
		}
	}
	return 0, OutOfResources
}

// topOf returns the highest page in r at which size bytes fit so that the last one
// is at most last. A last byte that does not end a page drops to the page before.
func topOf(r memmap.Range, size, last uint64) (at uint64, ok bool) {
	end := memmap.AlignDown(r.End, memmap.PageSize)
	if last < r.End {
		end = min(end, memmap.AlignDown(last+1, memmap.PageSize))
	}
	if end < size || end-size < r.Start {
		return 0, false
	}
	return end - size, true
}
