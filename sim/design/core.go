package design

import (
	"bootplan/alloc"
	"bootplan/image"
	"bootplan/kaslr"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
)

// core is one run of the code that the proposals of the thread would have in place of the
// decompressor. It needs nothing but an allocator, which finds its memory in the e820
// map where there is no firmware to ask. It makes page tables with exact rights, and never
// moves. Nobody has written it: what it does is inferred from mails.
type core struct {
	*decompressor
	built  built
	memory alloc.FoundMemory
	taken  []memmap.Range
	places sim.StubPlaces
	limits kaslr.Plan   // what mem= and memmap= keep everybody out of
	block  memmap.Range // for the kernel
	heap   memmap.Range // the decompression library's work space
}

const coreSource = "modern, simple malloc() (A. Lutomirski, mails of 2023-04-21 and 2023-05-03)"

// coreSources is where code of a core has its model.
var coreSources = map[string]string{
	"arch/x86/boot/compressed/misc.c:decompress_kernel":  coreSource,
	"arch/x86/boot/compressed/misc.c:parse_elf":          coreSource,
	"arch/x86/boot/compressed/misc.c:handle_relocations": coreSource,
	"arch/x86/boot/compressed/head_64.S:.Lrelocated":     coreSource,
}

// bootCore is the story of a core that a boot loader enters, and that carries the kernel
// as it lies in memory, or as an ELF file.
func bootCore(b *sim.Boot, d *Design, flat bool) error {
	b.Version(d.Version.String())
	if err := needs(b.Scenario.Kernel); err != nil {
		return err
	}
	b.Cite(coreSources)
	b.Assume("nobody has written this code: it is taken to be as large as what the kernel's own file carries")
	c := d.core(b, flat)
	return perform(c, b,
		(*core).load, (*core).setup, (*core).enter, (*core).findMemory, (*core).switchPaging, (*core).placeKernel, (*core).unpack,
		(*core).restrict, (*core).enterKernel, (*core).handOver)
}

// core is that of the scenario's kernel, as the design has it.
func (d *Design) core(b *sim.Boot, flat bool) *core {
	c := sim.Scratch[core](b)
	c.decompressor = d.decompressor(b)
	c.kernel = c.built.of(b.Scenario.Kernel, flat)
	c.places = sim.StubPlaces{Areas: c.places.Areas[:0], Map: c.places.Map[:0]}
	c.memory.Up = d.Choices.Malloc == mallocUp
	return c
}

// enter is the entry point: the first page tables that it makes are exact already.
func (c *core) enter(b *sim.Boot) error {
	paged := c.entry == enterLong
	if paged {
		c.mapRAM(b)
	}
	b.In(sim.Decompressor)
	b.Do(sim.Step{Op: sim.Exec, Object: c.image, Range: c.in(c.loaded, 0, startup64), Bits32: !paged, Why: "entered by the boot loader", Source: coreSource})
	d := c.kernel.Decompressor
	pool := c.in(c.loaded, d.PgTable, d.TopPgTable)
	b.Do(sim.Step{Op: sim.Write, Object: pageTablesName, Range: pool, Keep: true, Bits32: !paged,
		Why: "page tables for exact bounds, behind its file: init_size keeps that memory free", Source: coreSource})
	b.SwitchTo(b.NewTables("core's own"), sim.Step{Object: pageTablesName, Range: sized(pool.Start, memmap.PageSize),
		Why: "nothing is mapped but what follows, and each page for what it is for", Source: coreSource})
	return c.mapItself(b)
}

// mapItself maps the core and what its loader left for it; what comes last counts where
// two share a page.
func (c *core) mapItself(b *sim.Boot) error {
	d := c.kernel.Decompressor
	c.identity.ResetExact(corePool, 0, c.la57)
	maps := [...]sim.Step{
		{Object: c.image, Range: c.in(c.loaded, 0, d.BSS), Perm: sim.RX, Why: "its code"},
		{Object: payloadName, Range: c.payload().Inward(memmap.PageSize), Perm: sim.R, Why: "the compressed kernel is read"},
		{Object: bssName, Range: c.in(c.loaded, d.BSS, d.End), Perm: sim.RW, Why: "its variables, stack and page tables"},
		{Object: cmdlineName, Range: sized(c.cmdline.Start, linux.MaxCommandLine+1), Perm: sim.R, Why: "it is read"},
		{Object: paramsName, Range: c.bootParams, Perm: sim.RW, Why: "it is read and added to"},
	}
	for i := range maps {
		maps[i].Source = coreSource
	}
	return c.mapExactly(b, maps[:]...)
}

// built is a kernel file with a core in it, kept from boot to boot.
type built struct {
	kernel       image.Kernel
	setup        image.SetupHeader
	decompressor image.Decompressor
	from         *image.Kernel
	flat         bool
}

// What a core keeps behind its file, in pages.
const (
	coreData  = 2
	coreStack = 4
	corePool  = 64 // as BOOT_PGT_SIZE in Baskov's series
)

// of is kernel k in a file that has a core: with the code of its decompressor around
// an ELF file, or with that of a zboot stub around a flat kernel.
func (c *built) of(k *image.Kernel, flat bool) *image.Kernel {
	if c.from == k && c.flat == flat {
		return &c.kernel
	}
	*c = built{kernel: *k, setup: *k.Setup, decompressor: *k.Decompressor, from: k, flat: flat}
	if flat {
		c.setup.PayloadOffset = zbootCode
		c.kernel.FileSize = k.SetupBytes() + zbootCode + uint64(k.Setup.PayloadLength)
	}
	d := &c.decompressor
	d.BSS = memmap.AlignUp(c.kernel.ProtectedModeBytes(), memmap.PageSize)
	d.PgTable = d.BSS + (coreData+coreStack)*memmap.PageSize
	d.TopPgTable = d.PgTable + corePool*memmap.PageSize
	d.End = d.TopPgTable
	c.setup.InitSize = uint32(d.End)
	c.kernel.Setup, c.kernel.Decompressor = &c.setup, d
	return &c.kernel
}

// unpackedSize is how many bytes the kernel takes at its place while it is unpacked and runs.
func (c *built) unpackedSize() uint64 {
	if c.flat {
		return c.kernel.Flat().Unpacked()
	}
	return c.kernel.NeededSize()
}
