package design

import (
	"bootplan/image"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/trampoline"
)

// baskovBIOS is the boot of Baskov's series without EFI boot services.
func baskovBIOS() *Design {
	return &Design{Version: linux.V6_3, story: &baskovBare,
		Choices: Choices{
			BootParams: paramsLoader, Initrd: initrdByLoader, Trampoline: switchLowAlways, Output: outputWindow,
			Physical: physicalDecompressor, Virtual: virtualDecompressor, NX: nxExact, Mapping: mapExplicit,
			SelfRelocation: relocateToEnd, Malloc: mallocBSS, BSS: bssKernel, Intent: asPosted,
		},
		Info: Info{
			Name: "baskov-v5-bios", Identifier: "D4b",
			Title: "Evgeniy Baskov's series of March 2023, entered by a boot loader",
			Text: "As the decompressor of Linux 6.3 up to its move to the end of the buffer, but with a third page of low memory, for the stack of the " +
				"paging trampoline. Then it turns no-execute on and replaces the page tables by its own, in pages of 4 KiB where rights " +
				"differ: its code can be executed and not be written, its data the other way round, what it only reads is read-only, and nothing " +
				"else is mapped. A page fault ends the boot. The kernel's segments get the rights that they ask for once they are in their places; " +
				"with nokaslr they do not, and stay data, because the test that was to prevent this was posted with the wrong right.",
			Sources: []string{"[PATCH v5 00/27] x86_64: Improvements at compressed kernel stage (cover.1678785672.git.baskov@ispras.ru)"},
			Lacks: []string{
				"messages on a text console: VGA memory is not mapped, so that one would be a page fault",
			},
		},
	}
}

// baskovBare is the story of the series without EFI boot services.
var baskovBare = story{tell: (*Design).bootBaskovBIOS, offers: []offer{
	{"mapping", []string{mapExplicit, mapExplicitRW}},
	{"intent", []string{asPosted, asIntended}},
}}

// bootBaskovBIOS is the story, in the order in which it happens.
func (d *Design) bootBaskovBIOS(b *sim.Boot) error {
	z, err := startDecompressor(b, d)
	if err != nil {
		return err
	}
	z.kernel = sim.Scratch[rebuilt](b).of(z.kernel)
	z.minimumCap = baskovMinimum
	return perform(z, b,
		(*decompressor).load, (*decompressor).setup, (*decompressor).enter, (*decompressor).enter64, (*decompressor).switchWithStack,
		(*decompressor).settle, (*decompressor).mapExplicitly, (*decompressor).extractExplicitly,
		(*decompressor).enterKernel, (*decompressor).handOver)
}

// Facts of the series.
// Source: [PATCH v5 03/27], [PATCH v5 04/27] x86/boot: Increase boot page table size,
// [PATCH v5 16/27] x86/boot: Reduce lower limit of physical KASLR.
const (
	baskovTrampoline = 3 * memmap.PageSize // TRAMPOLINE_32BIT_SIZE
	baskovPool       = 64                  // BOOT_PGT_SIZE, in pages
	baskovMinimum    = 64 * memmap.MiB
)

// rebuilt is a kernel as the series would build it, kept from boot to boot.
type rebuilt struct {
	kernel       image.Kernel
	setup        image.SetupHeader
	decompressor image.Decompressor
	from         *image.Kernel
}

// of is what k becomes: its decompressor has a larger trampoline to keep and more page
// tables, and so its init_size grows.
func (r *rebuilt) of(k *image.Kernel) *image.Kernel {
	if r.from != k {
		r.from, r.kernel, r.setup, r.decompressor = k, *k, *k.Setup, enlarged(k.Decompressor)
		r.kernel.Setup, r.kernel.Decompressor = &r.setup, &r.decompressor
		r.setup.InitSize = max(k.Setup.InitSize, uint32(r.kernel.RequiredInitSize()))
	}
	return &r.kernel
}

// enlarged is d with a page more to keep what lies in low memory, and with the pool of
// page tables of the series.
func enlarged(d *image.Decompressor) image.Decompressor {
	e := *d
	e.PgTable += memmap.PageSize
	if d.EBSS != 0 {
		e.EBSS += memmap.PageSize
	}
	e.TopPgTable = e.PgTable + baskovPool*memmap.PageSize
	e.End = e.TopPgTable + memmap.PageSize
	return e
}

// switchWithStack goes through three pages of low memory that it borrows: page table,
// 32-bit code and its stack.
// Source: arch/x86/boot/compressed/pgtable_64.c:paging_prepare, cleanup_trampoline (v6.3);
// [PATCH v5 03/27] x86/boot: Set cr0 to known state in trampoline.
func (z *decompressor) switchWithStack(b *sim.Boot) error {
	prepare, cleanUp := z.switchSources()
	change := z.la57 != z.wants5Level(b)
	z.search = trampoline.Input{BIOS: z.biosWords(b), EFI: z.efi != nil, Table: z.e820}
	t := sized(trampoline.FindSized(&z.search, z.version, baskovTrampoline).Start, baskovTrampoline)
	code, stack := sized(t.Start+memmap.PageSize, memmap.PageSize), sized(t.Start+2*memmap.PageSize, memmap.PageSize)
	saved := sized(z.loaded+z.kernel.Decompressor.TrampSave, baskovTrampoline)
	z.occupy(b, t, saved, change, prepare)
	b.Do(sim.Step{Op: sim.Write, Object: switchName, Range: stack, Bits32: true, Pool: sim.Stack, Room: stack, Why: "the stack of 32-bit code has a page of its own", Source: prepare})
	b.Do(sim.Step{Op: sim.Exec, Object: switchName, Range: code, Bits32: true, Why: passing(z.la57, change), Source: z.switchSource()})
	z.vacate(b, t, saved, change, cleanUp)
	z.la57 = z.la57 != change
	return nil
}
