package kernel

import (
	"bootplan/linux"
	"bootplan/memmap"
)

// tablesInBrk is the size of the page-table buffer in .brk, in bytes: what the first
// MiB and the first 2 MiB of RAM need, with and without a neighbour at each level.
// Source: arch/x86/mm/init.c:INIT_PGT_BUF_SIZE (v6.12).
func (k *Setup) tablesInBrk() uint64 {
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
		err = d.noTablePage()
	}
	return err
}

// noTablePage is how the kernel stops without a page: at its last resort, the rest of
// .brk, which it has closed by then, or at once while it avoids that.
func (d *directMap) noTablePage() *linux.Panic {
	if d.avoid {
		return &linux.Panic{Text: "alloc_low_pages: can not alloc memory"}
	}
	return &linux.Panic{Text: "_brk_start == 0", BUG: true}
}

// piece is a part of a range with the page sizes that it may use.
type piece struct {
	memmap.Range
	sizes pageSizes
}

// split cuts a range where larger pages begin to fit.
// Source: arch/x86/mm/init.c:split_mem_range, adjust_range_page_size_mask (v6.12).
func (d *directMap) split(r memmap.Range) []piece {
	d.pieces = d.pieces[:0]
	last2M, last1G := memmap.AlignDown(r.End, page2M), memmap.AlignDown(r.End, page1G)
	at := d.cut(r.Start, min(memmap.AlignUp(r.Start, page2M), r.End), 0)
	at = d.cut(at, min(memmap.AlignUp(at, page1G), last2M), use2M)
	at = d.cut(at, last1G, use2M|use1G)
	at = d.cut(at, last2M, use2M)
	d.cut(at, r.End, 0)
	for i := range d.pieces {
		d.widen(&d.pieces[i], use2M, page2M)
		d.widen(&d.pieces[i], use1G, page1G)
	}
	return join(d.pieces)
}

// cut adds the piece from start to end, if there is any, and returns where it ends.
func (d *directMap) cut(start, end uint64, sizes pageSizes) uint64 {
	if start >= end {
		return start
	}
	d.pieces = append(d.pieces, piece{memmap.Range{Start: start, End: end}, sizes & d.sizes})
	return end
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

// pageTables are the tables of the direct map that exist. Tables for 1 GiB and above
// are named by virtual address, which KASLR moves in steps of 1 GiB; those below by
// physical address.
// Source: arch/x86/mm/init_64.c:__kernel_physical_mapping_init, phys_p4d_init,
// phys_pud_init, phys_pmd_init (v6.12).
type pageTables struct {
	base   uint64 // virtual address of physical address 0
	la57   bool
	exists map[table]bool
}

// table names a page table by what it covers: the 1<<shift bytes from index<<shift on.
type table struct {
	shift int
	index uint64
}

// reset forgets all tables.
func (t *pageTables) reset(base uint64, la57 bool) {
	if t.exists == nil {
		t.exists = map[table]bool{}
	}
	clear(t.exists)
	t.base, t.la57 = base, la57
}

// need makes sure that the table with the 1<<shift bytes around addr exists; page
// takes the memory for it.
func (t *pageTables) need(shift int, addr uint64, page func() error) error {
	name := table{shift, addr >> shift}
	if t.exists[name] {
		return nil
	}
	t.exists[name] = true
	return page()
}

// add maps a piece, and returns the end of what it mapped: the last large page may
// reach beyond the piece.
func (t *pageTables) add(p piece, page func() error) (end uint64, err error) {
	for at := p.Start; at < p.End; at = t.next(at, p) {
		if t.la57 {
			if err := t.need(48, t.base+at, page); err != nil {
				return 0, err
			}
		}
		if err := t.need(39, t.base+at, page); err != nil {
			return 0, err
		}
		if end, err = t.addGiB(at, p, page); err != nil {
			return 0, err
		}
	}
	return end, nil
}

// next is where to go on behind the GiB at address at. Of a piece with pages of 1 GiB
// only the first and the last can share their table with other pieces; in between only
// the tables above count, each of which covers 512 GiB.
func (t *pageTables) next(at uint64, p piece) uint64 {
	next := memmap.AlignDown(at, page1G) + page1G
	if p.sizes&use1G == 0 {
		return next
	}
	const upper = 512 * page1G
	return max(next, min(memmap.AlignDown(t.base+at, upper)+upper-t.base, memmap.AlignDown(p.End-1, page1G)))
}

// addGiB maps the part of a piece that lies in the GiB at address at. A large page
// needs no table of its own, but where a table exists already it is used.
func (t *pageTables) addGiB(at uint64, p piece, page func() error) (end uint64, err error) {
	next := memmap.AlignDown(at, page1G) + page1G
	if p.sizes&use1G != 0 && !t.exists[table{30, (t.base + at) >> 30}] {
		return next, nil
	}
	if err := t.need(30, t.base+at, page); err != nil {
		return 0, err
	}
	end = min(next, p.End)
	if p.sizes&use2M != 0 {
		if !t.exists[table{21, (end - 1) >> 21}] {
			return memmap.AlignUp(end, page2M), nil
		}
		return memmap.AlignUp(end, memmap.PageSize), nil
	}
	for ; at < end; at = memmap.AlignDown(at, page2M) + page2M {
		if err := t.need(21, at, page); err != nil {
			return 0, err
		}
	}
	return memmap.AlignUp(end, memmap.PageSize), nil
}
