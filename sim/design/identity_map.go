package design

import (
	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
)

const pageTablesName = "page tables"

// initTables is the part of the page-table buffer that the 32-bit entry fills
// (BOOT_INIT_PGT_SIZE): one top-level, one third-level and four second-level pages.
const initTables = 6 * memmap.PageSize

// mapFourGiB brings the tables of the 32-bit entry into force.
func (z *decompressor) mapFourGiB(b *sim.Boot) {
	const source = "arch/x86/boot/compressed/head_64.S:startup_32"
	tables := b.NewTables("first 4 GiB")
	low := memmap.Range{End: 4 * memmap.GiB}
	tables.Perm.Set(low, sim.RWX)
	b.SwitchTo(tables, sim.Step{Object: pageTablesName, Range: sized(z.target+z.kernel.Decompressor.PgTable, initTables),
		Why: "paging goes on", Source: source})
	b.Do(sim.Step{Op: sim.Map, Object: "first 4 GiB", Range: low, Perm: sim.RWX,
		Why: "every page readable, writable and executable: entries 0x183, no NX", Source: source})
}

// handleFaults installs the page-fault handler. The tables of the 32-bit entry stay in
// force and are added to. What the decompressor maps beforehand, itself, boot_params
// and the command line, lies in the 4 GiB that they cover, and costs pages at most.
func (z *decompressor) handleFaults(b *sim.Boot) error {
	z.identity = alloc.NewIdentityMap(alloc.PoolPages(z.version, true), z.la57, true)
	tables := b.Machine.Tables
	tables.OnFault = sim.RWX
	tables.Grow = func(r memmap.Range) error { return z.identity.Add(r.Start, r.End) }
	b.Do(sim.Step{Op: sim.Write, Object: decompressorName, Range: z.in(z.target, z.dataStart(), z.kernel.ProtectedModeBytes()),
		Why:    "a page-fault gate: from here on whatever faults is mapped RWX, 2 MiB at a time, without a look at the memory map",
		Source: "arch/x86/boot/compressed/idt_64.c:load_stage2_idt"})
	d := z.kernel.Decompressor
	b.Do(sim.Step{Op: sim.Write, Object: pageTablesName, Range: z.in(z.target, d.PgTable+initTables, d.TopPgTable), Keep: true,
		Why:    "the pool for further page tables is cleared; the six pages of the 32-bit entry stay in force",
		Source: "arch/x86/boot/compressed/ident_map_64.c:initialize_identity_maps"})
	err := z.identity.Initialize(alloc.BootMemory{
		ImageStart: z.target, ImageEnd: z.target + d.End, BootParams: z.bootParams.Start, CommandLine: z.cmdline.Start,
	}, z.version)
	if err != nil {
		return &sim.Failure{Rule: "pagetables-exhausted", Message: err.Error()}
	}
	return nil
}
