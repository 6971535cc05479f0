package kernel

import (
	"bootplan/linux"
	"bootplan/memmap"
)

// tablesInBrk is the size of the page-table buffer in .brk, in bytes: what the first
// MiB and the first 2 MiB of RAM need, with and without a neighbour at each level.
// Source: arch/x86/mm/init.c:INIT_PGT_BUF_SIZE (v6.12).
func (k *setup) tablesInBrk() uint64 {
	levels := uint64(4)
	if k.old() {
		levels = 3 // as in Debian's 5.10, which is built without 5-level paging
	}
	return 4 * levels * memmap.PageSize
}

// tablePage takes a page for a page table.
// Source: arch/x86/mm/init.c:alloc_low_pages (v6.12).
func (d *directMap) tablePage() error {
	if !d.avoid && d.buffer.Len() >= memmap.PageSize {
		d.buffer.Start += memmap.PageSize
		return nil
	}
	const caller = "alloc_low_pages"
	mapped := memmap.Range{Start: d.minMapped, End: d.maxMapped}
	var at uint64
	var err error
	switch {
	case mapped.Empty():
	case d.old():
		at, err = d.findAndReserve(caller, mapped, memmap.PageSize)
	default:
		at, err = d.allocate(caller, mapped, memmap.PageSize, memmap.PageSize)
	}
	if err == nil && at == 0 {
		err = &linux.Panic{Text: "alloc_low_pages: can not alloc memory"}
	}
	return err
}

// piece is a part of a range with the page sizes that it may use.
type piece struct {
	memmap.Range
	sizes pageSizes
}

// split cuts a range where larger pages begin to fit.
// Source: arch/x86/mm/init.c:split_mem_range, adjust_range_page_size_mask (v6.12).
func (d *directMap) split(r memmap.Range) []piece {
	var pieces []piece
	cut := func(end uint64, sizes pageSizes) {
		if r.Start < end {
			pieces = append(pieces, piece{memmap.Range{Start: r.Start, End: end}, sizes & d.sizes})
			r.Start = end
		}
	}
	last2M, last1G := memmap.AlignDown(r.End, page2M), memmap.AlignDown(r.End, page1G)
	cut(min(memmap.AlignUp(r.Start, page2M), r.End), 0)
	cut(min(memmap.AlignUp(r.Start, page1G), last2M), use2M)
	cut(last1G, use2M|use1G)
	cut(last2M, use2M)
	cut(r.End, 0)
	for i := range pieces {
		d.widen(&pieces[i], use2M, page2M)
		d.widen(&pieces[i], use1G, page1G)
	}
	return join(pieces)
}

// widen lets a piece use large pages where all around it is RAM too.
func (d *directMap) widen(p *piece, size pageSizes, bytes uint64) {
	around := p.Outward(bytes)
	if d.sizes&size != 0 && d.Memblock.IsRegionMemory(around.Start, around.Len()) {
		p.sizes |= size
	}
}

// join makes one of neighbours that may use the same page sizes.
func join(pieces []piece) []piece {
	joined := pieces[:0]
	for _, p := range pieces {
		if n := len(joined); n > 0 && joined[n-1].End == p.Start && joined[n-1].sizes == p.sizes {
			joined[n-1].End = p.End
			continue
		}
		joined = append(joined, p)
	}
	return joined
}

// entry is what a page-table entry holds.
type entry uint8

const (
	none  entry = iota
	leaf        // a large page
	table       // a table of the next level
)

// pageTables counts the tables of the direct map. Entries for 1 GiB and above are
// indexed by virtual address, which KASLR moves in steps of 1 GiB; those below by
// physical address.
// Source: arch/x86/mm/init_64.c:__kernel_physical_mapping_init, phys_p4d_init,
// phys_pud_init, phys_pmd_init (v6.12).
type pageTables struct {
	base    uint64 // virtual address of physical address 0
	la57    bool
	upper   map[level]bool
	entries [2]map[uint64]entry // of 1 GiB, of 2 MiB
}

// level names a table above those of 1 GiB entries by what it covers: 1<<shift bytes.
type level struct {
	shift int
	index uint64
}

func newPageTables(base uint64, la57 bool) pageTables {
	return pageTables{base, la57, map[level]bool{}, [2]map[uint64]entry{{}, {}}}
}

// add maps a piece, taking a page for every table that is missing, and returns the
// end of what it mapped.
func (t *pageTables) add(p piece, page func() error) (end uint64, err error) {
	for at := p.Start; at < p.End; at = memmap.AlignDown(at, page1G) + page1G {
		if err := t.reach(t.base+at, page); err != nil {
			return 0, err
		}
		if end, err = t.addGiB(at, p, page); err != nil {
			return 0, err
		}
	}
	return end, nil
}

// reach makes sure that the tables above the entry for virt exist.
func (t *pageTables) reach(virt uint64, page func() error) error {
	for shift := 48; shift >= 39; shift -= 9 {
		l := level{shift, virt >> shift}
		if shift == 48 && !t.la57 || t.upper[l] {
			continue
		}
		if err := page(); err != nil {
			return err
		}
		t.upper[l] = true
	}
	return nil
}

// addGiB maps the part of a piece that lies in the GiB at address at.
func (t *pageTables) addGiB(at uint64, p piece, page func() error) (end uint64, err error) {
	next := memmap.AlignDown(at, page1G) + page1G
	e := t.entries[0]
	if i := (t.base + at) >> 30; e[i] != table {
		if p.sizes&use1G != 0 {
			e[i] = leaf
			return next, nil
		}
		if err := page(); err != nil {
			return 0, err
		}
		e[i] = table
	}
	for ; at < min(next, p.End); at = memmap.AlignDown(at, page2M) + page2M {
		if end, err = t.add2M(at, p, page); err != nil {
			return 0, err
		}
	}
	return end, nil
}

// add2M maps the part of a piece that lies in the 2 MiB at address at.
func (t *pageTables) add2M(at uint64, p piece, page func() error) (end uint64, err error) {
	next := memmap.AlignDown(at, page2M) + page2M
	e := t.entries[1]
	if i := at >> 21; e[i] != table {
		if p.sizes&use2M != 0 {
			e[i] = leaf
			return next, nil
		}
		if err := page(); err != nil {
			return 0, err
		}
		e[i] = table
	}
	return min(next, memmap.AlignUp(p.End, memmap.PageSize)), nil
}
