package alloc

import "bootplan/memmap"

// guardTables says which pages are guarded: a tree of tables whose leaves hold a bit
// for each page. It grows upwards, by a new root, when a higher address is to be
// guarded. The tables lie in BootServicesData and are never freed.
//
// A tree that is too low for an address takes the address for a lower one.
// Source: MdeModulePkg/Core/Dxe/Mem/HeapGuard.c:FindGuardedMemoryMap.
type guardTables struct {
	root   *guardTable
	depth  int // levels below the first: the tree has depth+1
	tables int // how many there are
}

// guardTable is a table: a leaf has bits, any other has tables.
type guardTable struct {
	tables [512]*guardTable
	words  []uint64 // of a leaf: 64 pages each
}

const (
	leafShift  = 28 // a leaf covers 256 MiB
	tableShift = 9  // a table has 512 entries
	maxDepth   = 4
	leafWords  = 1 << (leafShift - 12 - 6)
)

// Sizes of tables, in pages.
const (
	leafPages  = 2
	tablePages = 1
)

// leaf returns the leaf for an address, or nil.
func (g *guardTables) leaf(addr uint64) *guardTable {
	table := g.root
	for level := g.depth; level > 0 && table != nil; level-- {
		table = table.tables[guardIndex(addr, level)]
	}
	return table
}

// guardIndex is the index of an address in a table so many levels above the leaves.
func guardIndex(addr uint64, level int) uint64 {
	return addr >> (leafShift + tableShift*(level-1)) & (1<<tableShift - 1)
}

// makeLeaf returns the leaf for an address and allocates what tables are missing.
func (g *guardTables) makeLeaf(p *EFIPages, addr uint64) *guardTable {
	for g.depth < maxDepth && addr>>(leafShift+tableShift*g.depth) != 0 {
		if g.root != nil {
			root := newGuardTable(p, false)
			root.tables[0] = g.root
			g.root = root
		}
		g.depth++
	}
	at := &g.root
	for level := g.depth; ; level-- {
		if *at == nil {
			*at = newGuardTable(p, level == 0)
		}
		if level == 0 {
			return *at
		}
		at = &(*at).tables[guardIndex(addr, level)]
	}
}

// newGuardTable allocates the pages of a table. Without memory for them the real
// firmware writes to address 0.
func newGuardTable(p *EFIPages, leaf bool) *guardTable {
	t, pages := &guardTable{}, uint64(tablePages)
	if leaf {
		t.words, pages = make([]uint64, leafWords), leafPages
	}
	if _, status := p.allocatePages(AnyPages, memmap.EFIBootServicesData, pages, 0, false); status != Success {
		p.stopped = true
	}
	p.guard.tables++
	return t
}

// bit returns the word and the bit in it for a page in a leaf.
func (t *guardTable) bit(addr uint64) (word *uint64, bit uint64) {
	page := addr / memmap.PageSize
	return &t.words[page/64%leafWords], 1 << (page % 64)
}

// set marks pages as guarded.
func (g *guardTables) set(p *EFIPages, addr, pages uint64) {
	g.each(p, addr, pages, func(word *uint64, bit uint64) { *word |= bit })
}

// clear marks pages as not guarded.
func (g *guardTables) clear(p *EFIPages, addr, pages uint64) {
	g.each(p, addr, pages, func(word *uint64, bit uint64) { *word &^= bit })
}

// each calls a function for the bit of every page, with tables made for all of them.
// Of a page count that wrapped around the real firmware marks page by page for ever.
func (g *guardTables) each(p *EFIPages, addr, pages uint64, do func(word *uint64, bit uint64)) {
	if pages >= maxPages {
		p.stopped = true
		return
	}
	for ; pages > 0; pages-- {
		do(g.makeLeaf(p, addr).bit(addr))
		addr += memmap.PageSize
	}
}

// bits returns the bits of n pages, that of the first page lowest.
func (g *guardTables) bits(addr uint64, n int) (bits uint64) {
	for i := range n {
		if g.has(addr) {
			bits |= 1 << i
		}
		addr += memmap.PageSize
	}
	return bits
}

// has reports whether the page is guarded.
func (g *guardTables) has(addr uint64) bool {
	leaf := g.leaf(addr)
	if leaf == nil {
		return false
	}
	word, bit := leaf.bit(addr)
	return *word&bit != 0
}

// isGuard reports whether the page is not guarded, but one beside it is.
func (g *guardTables) isGuard(addr uint64) bool {
	switch g.bits(addr-memmap.PageSize, 3) {
	case 0b001, 0b100, 0b101:
		return true
	}
	return false
}
