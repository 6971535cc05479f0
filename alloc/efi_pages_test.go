package alloc

import (
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/memmap"
)

// desc is a descriptor of page numbers [start, end).
func desc(t memmap.EFIType, start, end uint64) memmap.EFIDescriptor {
	return memmap.EFIDescriptor{Type: t, Phys: start * memmap.PageSize, Pages: end - start, Attr: memmap.EFIWB}
}

const (
	conv = memmap.EFIConventional
	data = memmap.EFILoaderData
	code = memmap.EFILoaderCode
)

func newPages(t testing.TB, descs ...memmap.EFIDescriptor) *EFIPages {
	p, err := EFIPagesFromMap(EFIConfig{}, descs)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEFIPagesSplitsAndMerges(t *testing.T) {
	p := newPages(t, desc(conv, 1, 16), desc(memmap.EFIReserved, 16, 20), desc(conv, 32, 36))
	type step struct {
		kind        Kind
		t           memmap.EFIType
		pages, addr uint64 // in pages
		at          uint64
		want        []memmap.EFIDescriptor
	}
	reserved := desc(memmap.EFIReserved, 16, 20)
	for i, s := range []step{
		{AnyPages, data, 2, 0, 34, []memmap.EFIDescriptor{desc(conv, 1, 16), reserved, desc(conv, 32, 34), desc(data, 34, 36)}},
		{AnyPages, data, 3, 0, 13, []memmap.EFIDescriptor{desc(conv, 1, 13), desc(data, 13, 16), reserved, desc(conv, 32, 34), desc(data, 34, 36)}},
		{Address, code, 2, 5, 5, []memmap.EFIDescriptor{desc(conv, 1, 5), desc(code, 5, 7), desc(conv, 7, 13), desc(data, 13, 16), reserved, desc(conv, 32, 34), desc(data, 34, 36)}},
		{MaxAddress, code, 1, 8, 7, []memmap.EFIDescriptor{desc(conv, 1, 5), desc(code, 5, 8), desc(conv, 8, 13), desc(data, 13, 16), reserved, desc(conv, 32, 34), desc(data, 34, 36)}},
	} {
		at, status := p.AllocatePages(s.kind, s.t, s.pages, s.addr*memmap.PageSize)
		if status != Success || at != s.at*memmap.PageSize {
			t.Fatalf("step %d: got %#x, %v", i, at, status)
		}
		if diff := gocmp.Diff(s.want, p.Map()); diff != "" {
			t.Fatalf("step %d: %s", i, diff)
		}
	}
	// One free may take back two allocations of different types.
	for _, s := range []struct{ addr, pages uint64 }{{34, 2}, {13, 3}, {5, 3}} {
		if status := p.FreePages(s.addr*memmap.PageSize, s.pages); status != Success {
			t.Fatalf("freeing page %d: %v", s.addr, status)
		}
	}
	if diff := gocmp.Diff([]memmap.EFIDescriptor{desc(conv, 1, 16), reserved, desc(conv, 32, 36)}, p.Map()); diff != "" {
		t.Error(diff)
	}
}

func TestEFIPagesRefuses(t *testing.T) {
	p := newPages(t, desc(conv, 0, 8), desc(data, 8, 10), desc(conv, 10, 12))
	for _, c := range []struct {
		name        string
		kind        Kind
		t           memmap.EFIType
		pages, addr uint64 // bytes
		want        Status
	}{
		{"more than there is", AnyPages, data, 9, 0, OutOfResources},
		{"no pages", AnyPages, data, 0, 0, OutOfResources},
		{"a size that wraps around", AnyPages, data, 1 << 52, 0, InvalidParameter},
		{"page 0 without asking for it", MaxAddress, data, 8, 0x7fff, OutOfResources},
		{"a limit inside the first page of the range", MaxAddress, data, 1, 0xffe, OutOfResources},
		{"allocated memory", Address, data, 1, 0x8000, NotFound},
		{"past the end of free memory", Address, data, 3, 0x6000, NotFound},
		{"an address inside a page", Address, data, 1, 0x1800, NotFound},
		{"an address that wraps around", Address, data, 2, ^uint64(0xfff), NotFound},
		{"free memory as a type", AnyPages, conv, 1, 0, InvalidParameter},
		{"persistent memory as a type", AnyPages, memmap.EFIPersistent, 1, 0, InvalidParameter},
	} {
		before := append([]memmap.EFIDescriptor(nil), p.Map()...)
		if _, got := p.AllocatePages(c.kind, c.t, c.pages, c.addr); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
		if diff := gocmp.Diff(before, p.Map()); diff != "" {
			t.Errorf("%s changed the map: %s", c.name, diff)
		}
	}
	for name, c := range map[string]struct {
		addr, pages uint64
		want        Status
	}{
		"free memory":              {0x1000, 1, NotFound},
		"memory that is not there": {0x100000, 1, NotFound},
		"no pages":                 {0x8000, 0, InvalidParameter},
		"part of a page":           {0x8800, 1, InvalidParameter},
	} {
		if got := p.FreePages(c.addr, c.pages); got != c.want {
			t.Errorf("freeing %s: got %v, want %v", name, got, c.want)
		}
	}
	if at, status := p.AllocatePages(Address, data, 8, 0); at != 0 || status != Success {
		t.Errorf("page 0 by address: got %#x, %v", at, status)
	}
}

// What lies before the page that cannot be freed is free.
func TestEFIPagesFreesUpToWhatItCannot(t *testing.T) {
	p := newPages(t, desc(conv, 1, 8), desc(data, 8, 10), desc(code, 10, 11), desc(conv, 11, 12), desc(data, 12, 13))
	if status := p.FreePages(9*memmap.PageSize, 4); status != NotFound {
		t.Errorf("got %v", status)
	}
	want := []memmap.EFIDescriptor{desc(conv, 1, 8), desc(data, 8, 9), desc(conv, 9, 12), desc(data, 12, 13)}
	if diff := gocmp.Diff(want, p.Map()); diff != "" {
		t.Error(diff)
	}
}

func TestEFIPagesFromMapRefusesImpossibleMaps(t *testing.T) {
	for name, descs := range map[string][]memmap.EFIDescriptor{
		"EFI descriptors 0 and 1 share [mem 0x0000000000003000-0x0000000000003fff]: a firmware cannot allocate from such a map": {desc(conv, 0, 4), desc(data, 3, 5)},
		"EFI descriptor 1: 0x2000 bytes at 0xfffffffffffff000: range wraps around 2^64":                                         {desc(conv, 0, 4), {Type: conv, Phys: ^uint64(0xfff), Pages: 2}},
		"EFI descriptor 1 begins at 0x4800, inside a page":                                                                      {desc(conv, 0, 4), {Type: conv, Phys: 0x4800, Pages: 2}},
	} {
		if _, err := EFIPagesFromMap(EFIConfig{}, descs); err == nil || err.Error() != name {
			t.Errorf("got %v, want %s", err, name)
		}
	}
}

// pageTypes lists the type of every page of a map that lies below limit pages.
func pageTypes(descs []memmap.EFIDescriptor) map[uint64]memmap.EFIType {
	types := map[uint64]memmap.EFIType{}
	for _, d := range descs {
		for i := range d.Pages {
			types[d.Phys/memmap.PageSize+i] = d.Type
		}
	}
	return types
}

// smallMap draws a map of fewer than 100 pages.
func smallMap(t *rapid.T) []memmap.EFIDescriptor {
	var descs []memmap.EFIDescriptor
	at := uint64(0)
	for range rapid.IntRange(1, 6).Draw(t, "pieces") {
		start := at + rapid.Uint64Range(0, 3).Draw(t, "gap")
		at = start + rapid.Uint64Range(1, 12).Draw(t, "pages")
		descs = append(descs, desc(rapid.SampledFrom([]memmap.EFIType{conv, conv, conv, memmap.EFIReserved, memmap.EFIBootServicesData}).Draw(t, "type"), start, at))
	}
	return descs
}

// The model keeps the type of every page, and the descriptor borders that were there
// from the start, which no allocation may cross, follow from EFIPages' own map.
func TestEFIPagesAgainstPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		descs := append(smallMap(t), desc(conv, 110, 111)) // what is reserved behind all memory is no memory
		p, err := EFIPagesFromMap(EFIConfig{}, descs)
		if err != nil {
			t.Fatal(err)
		}
		model := pageTypes(descs)
		for range rapid.IntRange(1, 20).Draw(t, "calls") {
			pages := rapid.Uint64Range(1, 8).Draw(t, "pages")
			page := rapid.Uint64Range(0, 90).Draw(t, "page")
			if rapid.Bool().Draw(t, "free") {
				checkFree(t, p, model, page, pages)
			} else {
				checkAllocate(t, p, model, page, pages)
			}
			if diff := gocmp.Diff(model, pageTypes(p.Map())); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

func checkFree(t *rapid.T, p *EFIPages, model map[uint64]memmap.EFIType, page, pages uint64) {
	want := Success
	for i := range pages {
		if kind, known := model[page+i]; !known || kind == conv {
			want = NotFound
			break
		}
		model[page+i] = conv
	}
	if got := p.FreePages(page*memmap.PageSize, pages); got != want {
		t.Fatalf("freeing %d pages at page %d: got %v, want %v", pages, page, got, want)
	}
}

func checkAllocate(t *rapid.T, p *EFIPages, model map[uint64]memmap.EFIType, last, pages uint64) {
	want, found := uint64(0), false
	for at := uint64(1); at+pages-1 <= last; at++ {
		if fits(p.Map(), at, pages) {
			want, found = at*memmap.PageSize, true
		}
	}
	got, status := p.AllocatePages(MaxAddress, code, pages, last*memmap.PageSize+memmap.PageSize-1)
	if found != (status == Success) || (found && got != want) {
		t.Fatalf("%d pages up to page %d: got %#x, %v; want %#x", pages, last, got, status, want)
	}
	for i := range pages {
		if found {
			model[want/memmap.PageSize+i] = code
		}
	}
}

// fits reports whether pages [at, at+pages) lie in one Conventional descriptor.
func fits(descs []memmap.EFIDescriptor, at, pages uint64) bool {
	for _, d := range descs {
		if start := d.Phys / memmap.PageSize; d.Type == conv && at >= start && at+pages <= start+d.Pages {
			return true
		}
	}
	return false
}

// sortedMap is EDK2, but its map ascends: what is not memory comes last in the real one.
type sortedMap struct{ *EFIPages }

func (s sortedMap) Map() []memmap.EFIDescriptor {
	descs := slices.Clone(s.EFIPages.Map())
	slices.SortFunc(descs, func(a, b memmap.EFIDescriptor) int { return cmp.Compare(a.Phys, b.Phys) })
	return descs
}

// MapSize counts unaccepted memory, which the release under test forgets.
func (s sortedMap) MapSize() uint64 {
	return max(s.EFIPages.MapSize(), uint64(len(s.EFIPages.Map()))*EDK2DescriptorSize)
}

// The oldest release has the fewest rules beyond those of UEFI: it gives page 0 to who
// asks for it by address, and specific-purpose memory to anyone.
func TestEFIPagesKeepsWhatUEFIPromises(t *testing.T) {
	checkBootServices(t, firmwareUnderTest{ownPages: true, start: func(descs []memmap.EFIDescriptor) (BootServices, error) {
		p, err := EFIPagesFromMap(EFIConfig{Release: EDK2Stable202211}, descs)
		return sortedMap{p}, err
	}})
}

// newSet is everything that a map describes.
func newSet(descs []memmap.EFIDescriptor) *memmap.Set {
	s := &memmap.Set{}
	for _, d := range descs {
		if r, err := d.Range(); err == nil {
			s.Add(r)
		}
	}
	return s
}
