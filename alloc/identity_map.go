package alloc

import (
	"errors"
	"slices"

	"bootplan/linux"
	"bootplan/memmap"
)

// ErrPageTables means that the decompressor's pool of page tables ran out; the
// real code prints a message and halts.
var ErrPageTables = errors.New("the page table pool is exhausted: kernel_ident_mapping_init() failed")

// Sizes of the pool in pages.
// Source: arch/x86/include/asm/boot.h (v6.12).
const (
	startup32Tables = 6  // BOOT_INIT_PGT_SIZE: what startup_32 has filled in
	lowPool         = 28 // BOOT_PGT_SIZE_WARN
)

// PageTablePool hands out the page-table pages of the decompressor, one after
// another, and takes none back.
// Source: arch/x86/boot/compressed/ident_map_64.c:alloc_pgt_page (v6.12).
type PageTablePool struct {
	Pages     int  // in the pool
	Used      int  // handed out
	Low       bool // the 29th page was asked for, which makes the code print a warning
	Exhausted bool // a page was asked for that is not there
}

// PoolPages is the size of the whole pool (BOOT_PGT_SIZE) in a kernel without
// verbose boot messages.
func PoolPages(v linux.Version, randomizeBase bool) int {
	switch {
	case v >= linux.V6_6:
		return 32
	case randomizeBase:
		return 17
	}
	return startup32Tables
}

// take hands out one page.
func (p *PageTablePool) take() bool {
	if p.Used >= p.Pages {
		p.Exhausted = true
		return false
	}
	p.Low = p.Low || p.Used == lowPool
	p.Used++
	return true
}

// table is one page-table page: that of the 1<<shift bytes at index<<shift.
type table struct {
	shift uint8
	index uint64
}

// Bits of an address that one table below the root covers.
const (
	shiftPT   = 21 // 2 MiB: 512 leaves of 4 KiB
	shiftPD   = 30 // 1 GiB: 512 leaves of 2 MiB
	shiftPDPT = 39 // 512 GiB
	shiftPML4 = 48 // 256 TiB; with 5-level paging only
)

// leaf is the size of the pages that the decompressor maps.
const leaf = 2 * memmap.MiB

// IdentityMap builds the decompressor's identity map and counts the page tables that it
// costs: a map of 2 MiB pages, or one with exact bounds, in which 2 MiB that are only
// mapped in part have pages of 4 KiB.
// Source: arch/x86/boot/compressed/ident_map_64.c, arch/x86/mm/ident_map.c (v6.12); exact
// bounds: [PATCH v5 05/27] x86/boot: Support 4KB pages for identity mapping (2023-03-14).
type IdentityMap struct {
	Pool   PageTablePool
	la57   bool
	exact  bool
	tables []table
}

// ResetExact makes m an empty map with exact bounds, in the memory that it has. Its pool
// has poolPages pages, of which used were handed out before.
func (m *IdentityMap) ResetExact(poolPages, used int, la57 bool) {
	*m = IdentityMap{la57: la57, exact: true, Pool: PageTablePool{Pages: poolPages, Used: used}, tables: m.tables[:0]}
	m.Pool.take() // the root
}

// NewIdentityMap returns the map at the start of initialize_identity_maps, with a
// buffer of poolPages pages (see PoolPages). If the boot came through startup_32
// the map continues that one's tables, which lie in the first six pages of the
// buffer and map 4 GiB; else it starts with an empty root.
func NewIdentityMap(poolPages int, la57, startup32 bool) *IdentityMap {
	m := &IdentityMap{}
	m.Reset(poolPages, la57, startup32)
	return m
}

// Reset makes m what NewIdentityMap returns, in the same memory.
func (m *IdentityMap) Reset(poolPages int, la57, startup32 bool) {
	*m = IdentityMap{la57: la57, tables: m.tables[:0]}
	if !startup32 {
		m.Pool.Pages = poolPages
		m.Pool.take() // the root
		return
	}
	m.Pool.Pages = poolPages - startup32Tables
	if la57 {
		m.tables = append(m.tables, table{shiftPML4, 0})
	}
	m.tables = append(m.tables, table{shiftPDPT, 0})
	for i := range uint64(4) {
		m.tables = append(m.tables, table{shiftPD, i})
	}
}

// Add maps the pages that [start, end) touches, of 2 MiB or, with exact bounds, of 4
// KiB; what is mapped stays. The error is ErrPageTables. A range that is empty after
// rounding maps nothing; one that reaches into the last 512 GiB (256 TiB with 5-level
// paging) of the 64-bit address space wraps around to 0 and exhausts every pool.
// Source: arch/x86/boot/compressed/ident_map_64.c:kernel_add_identity_map (v6.12).
func (m *IdentityMap) Add(start, end uint64) error {
	grain := leaf
	if m.exact {
		grain = memmap.PageSize
	}
	start, end = memmap.AlignDown(start, grain), memmap.AlignUp(end, grain)
	top := uint8(shiftPDPT)
	if m.la57 {
		top = shiftPML4
	}
	if start < end && !m.fill(top, start, end) {
		return ErrPageTables
	}
	return nil
}

// fill makes sure that there are tables for [addr, end), from those of 1<<shift
// bytes down to the smallest that the map needs.
func (m *IdentityMap) fill(shift uint8, addr, end uint64) bool {
	if shift < shiftPT || shift == shiftPT && !m.exact {
		return true
	}
	size := uint64(1) << shift
	for addr < end {
		next := min(memmap.AlignDown(addr, size)+size, end)
		page := shift == shiftPT && next-addr == size // as a whole, in one entry of the table above
		if !page && (!m.have(shift, addr) || !m.fill(shift-9, addr, next)) {
			return false
		}
		addr = next
	}
	return true
}

// have makes sure that there is a table for the 1<<shift bytes around addr.
// Address bits above those that paging translates do not count.
func (m *IdentityMap) have(shift uint8, addr uint64) bool {
	bits := 48
	if m.la57 {
		bits = 57
	}
	t := table{shift, addr & (1<<bits - 1) >> shift}
	if slices.Contains(m.tables, t) {
		return true
	}
	if !m.Pool.take() {
		return false
	}
	m.tables = append(m.tables, t)
	return true
}

// SetupNode is one node of the boot_params setup_data list.
type SetupNode struct {
	Addr uint64
	Len  uint32 // bytes behind the node's head of 16
}

// BootMemory is what the decompressor maps before it does anything else.
type BootMemory struct {
	ImageStart, ImageEnd uint64 // the decompressor itself, _head to _end
	BootParams           uint64
	CommandLine          uint64 // 0 is mapped like any other address
	SetupData            []SetupNode
}

// Initialize maps what the uncompressed kernel will need. Kernels before v5.19 do
// not map the setup_data nodes.
// Source: arch/x86/boot/compressed/ident_map_64.c:initialize_identity_maps (v6.12).
func (m *IdentityMap) Initialize(b BootMemory, v linux.Version) error {
	if err := m.Add(b.ImageStart, b.ImageEnd); err != nil {
		return err
	}
	if err := m.Add(b.BootParams, b.BootParams+memmap.PageSize); err != nil {
		return err
	}
	if err := m.Add(b.CommandLine, b.CommandLine+linux.MaxCommandLine+1); err != nil {
		return err
	}
	if v < linux.V5_19 {
		return nil
	}
	for _, n := range b.SetupData {
		if err := m.Add(n.Addr, n.Addr+16+uint64(n.Len)); err != nil {
			return err
		}
	}
	return nil
}
