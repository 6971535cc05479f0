package design

import (
	"bootplan/alloc"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
)

const pageTablesName = "page tables"

// initTables is the part of the page-table buffer that the 32-bit entry fills
// (BOOT_INIT_PGT_SIZE): one top-level, one third-level and four second-level pages.
const initTables = 6 * memmap.PageSize

// leaf is the size of the pages that the decompressor maps, in bytes.
const leaf = 2 * memmap.MiB

// mapFourGiB brings the tables of the 32-bit entry into force.
func (z *decompressor) mapFourGiB(b *sim.Boot) {
	const source = "arch/x86/boot/compressed/head_64.S:startup_32"
	low := memmap.Range{End: 4 * memmap.GiB}
	z.root = z.target + z.kernel.Decompressor.PgTable
	b.SwitchTo(b.NewTables("first 4 GiB"), sim.Step{Object: pageTablesName, Range: sized(z.root, initTables),
		Why: "paging goes on", Source: source})
	b.Do(sim.Step{Op: sim.Map, Object: "first 4 GiB", Range: low, Perm: sim.RWX,
		Why: "every page readable, writable and executable: entries 0x183, no NX", Source: source})
}

// mapMemory provides for memory that the tables in force do not map.
func (z *decompressor) mapMemory(b *sim.Boot) error {
	switch z.choices.Mapping {
	case mapDemandRWX:
		return z.mapOnDemand(b)
	case mapDemandRW:
		return z.mapDataOnDemand(b)
	}
	return nil
}

// mapOnDemand installs the page-fault handler. After the 32-bit entry its tables stay
// in force and are added to; others are replaced by tables that map no more than the
// kernel will need at its start.
func (z *decompressor) mapOnDemand(b *sim.Boot) error {
	z.handleFaults(b, "a page-fault gate: from here on whatever faults is mapped RWX, 2 MiB at a time, without a look at the memory map")
	z.beginTables(b)
	if !z.continuesTables() {
		z.useNewTables(b, 0)
	}
	if err := z.mapNeeded(b, sim.Step{Object: z.image, Range: z.in(z.target, 0, z.kernel.Decompressor.End), Perm: sim.RWX}); err != nil {
		return err
	}
	z.serveFaults(b, sim.RWX)
	return nil
}

// continuesTables reports whether the tables in force are those of the 32-bit entry, and
// lie in the pool that the decompressor takes further ones from.
func (z *decompressor) continuesTables() bool {
	return z.root != 0 && z.root == z.target+z.kernel.Decompressor.PgTable
}

// handleFaults loads the gate of the page-fault handler.
func (z *decompressor) handleFaults(b *sim.Boot, why string) {
	b.Do(sim.Step{Op: sim.Write, Object: z.image, Range: dataOf(z.kernel, z.target), Why: why,
		Source: "arch/x86/boot/compressed/idt_64.c:load_stage2_idt"})
}

// beginTables clears the pool of page tables: behind the six pages of the 32-bit entry,
// if its tables are continued, else all of it, of which the first page becomes the root.
func (z *decompressor) beginTables(b *sim.Boot) {
	continued := z.continuesTables()
	z.identity.Reset(z.poolPages(), z.la57, continued)
	if continued {
		z.clearPool(b, initTables, "the pool for further page tables is cleared; the six pages of the 32-bit entry stay in force")
		return
	}
	z.clearPool(b, 0, "the pool of page tables is cleared, and its first page becomes the root")
}

// beginExactTables replaces the tables in force by some of 4 KiB pages that map nothing
// yet, in a pool of so many pages.
func (z *decompressor) beginExactTables(b *sim.Boot, pool int) {
	used := uint64(0)
	if z.continuesTables() {
		used = initTables // in force until the new ones are
	}
	z.identity.ResetExact(pool, int(used/memmap.PageSize), z.la57)
	z.clearPool(b, used, "the pool of page tables is cleared, and a page becomes the root")
	z.useNewTables(b, used)
}

// clearPool clears the pool of page tables from an offset on.
func (z *decompressor) clearPool(b *sim.Boot, offset uint64, why string) {
	d := z.kernel.Decompressor
	b.Do(sim.Step{Op: sim.Write, Object: pageTablesName, Range: z.in(z.target, d.PgTable+offset, d.TopPgTable), Keep: true, Why: why, Source: z.mapSource()})
}

// mapSource is where the identity map is made.
func (z *decompressor) mapSource() string {
	if z.version < linux.V5_10 {
		return "arch/x86/boot/compressed/kaslr_64.c:initialize_identity_maps"
	}
	return "arch/x86/boot/compressed/ident_map_64.c:initialize_identity_maps"
}

// poolPages is the size of the pool of page tables. Where the kernel is of the
// generation that is modelled its image tells: stable releases have raised it.
func (z *decompressor) poolPages() int {
	if d := z.kernel.Decompressor; models(z.version, z.kernel) && d.TopPgTable > d.PgTable {
		return int((d.TopPgTable - d.PgTable) / memmap.PageSize)
	}
	return alloc.PoolPages(z.version, true)
}

const setupDataName = "setup_data"

// mapNeeded maps what the kernel will need at its start: the decompressor under which it
// is entered, as own states it, boot_params, the command line, and since 5.19 the
// setup_data nodes.
func (z *decompressor) mapNeeded(b *sim.Boot, own ...sim.Step) error {
	data := own[len(own)-1].Perm
	for _, s := range own {
		if err := z.addMap(b, s); err != nil {
			return err
		}
	}
	if err := z.addMap(b, sim.Step{Object: paramsName, Range: z.bootParams, Perm: data}); err != nil {
		return err
	}
	if err := z.addMap(b, sim.Step{Object: cmdlineName, Range: sized(z.cmdline.Start, linux.MaxCommandLine+1), Perm: data}); err != nil {
		return err
	}
	for i := 0; i < len(z.setupData) && z.version >= linux.V5_19; i++ {
		n := &z.setupData[i]
		if err := z.addMap(b, sim.Step{Object: setupDataName, Range: sized(n.Addr, setupDataHead+uint64(n.Len)), Perm: data}); err != nil {
			return err
		}
	}
	return nil
}

// useNewTables brings tables into force that map nothing yet; their root is at an
// offset in the pool.
func (z *decompressor) useNewTables(b *sim.Boot, offset uint64) {
	root := sized(z.target+z.kernel.Decompressor.PgTable+offset, memmap.PageSize)
	b.SwitchTo(b.NewTables("decompressor's own"), sim.Step{Object: pageTablesName, Range: root,
		Why: "its own tables replace those in force, and all permissions in them", Source: z.mapSource()})
}

// addMap maps the range of s, in whole pages of the map's size; what is mapped already
// stays as it is. The error is a *sim.Failure: the pool has no page left.
func (z *decompressor) addMap(b *sim.Boot, s sim.Step) error {
	if err := z.identity.Add(s.Range.Start, s.Range.End); err != nil {
		return exhausted(err)
	}
	s.Range = s.Range.Outward(z.grain())
	s.Why, s.Source = "the kernel will need it at its start", z.mapSource()
	z.mapMissing(b, s)
	return nil
}

// grain is the size of the pages of the decompressor's own map, in bytes.
func (z *decompressor) grain() uint64 {
	if z.choices.Mapping == mapDemandRW {
		return memmap.PageSize
	}
	return leaf
}

// mapMissing maps those parts of the range of s that are not mapped.
func (z *decompressor) mapMissing(b *sim.Boot, s sim.Step) {
	s.Op = sim.Map
	for rest := s.Range; !rest.Empty() && !b.Stopped(); rest.Start = s.Range.End {
		if s.Range = unmapped(b.Machine.Tables, rest); s.Range.Empty() {
			return
		}
		b.Do(s)
	}
}

// unmapped is the first stretch of r that t does not map; empty if there is none.
func unmapped(t *sim.Tables, r memmap.Range) memmap.Range {
	var missing memmap.Range
	t.Over(r, func(s memmap.Span[sim.Perm]) bool {
		if s.Value == 0 {
			missing = s.Range
		}
		return s.Value != 0
	})
	return missing
}

// exhausted is a boot that ends because a pool has run out.
func exhausted(err error) error {
	return &sim.Failure{Rule: "pagetables-exhausted", Message: err.Error()}
}

// serveFaults has the handler map, with permissions p, whatever faults from now on.
func (z *decompressor) serveFaults(b *sim.Boot, p sim.Perm) {
	tables := b.Machine.Tables
	tables.OnFault = p
	tables.Grow = z.grow
}

// grow takes the page tables for r from the pool.
func (z *decompressor) grow(r memmap.Range) error { return z.identity.Add(r.Start, r.End) }
