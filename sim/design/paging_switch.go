package design

import (
	"bootplan/image"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/trampoline"
)

const switchName = "paging trampoline"

// switchPaging turns 5-level paging on, when CPU and user want it, from two pages
// of low memory that it borrows: the switch needs paging off, and so code below 4 GiB.
// Source: arch/x86/boot/compressed/pgtable_64.c:configure_5level_paging (v6.12).
func (z *decompressor) switchPaging(b *sim.Boot) {
	unwanted := linux.FindOptionBool(z.cmdline.Start, b.Scenario.Cmdline, "no5lvl")
	if unwanted || !b.Scenario.CPU.LA57 || !knows5Level(z.kernel) {
		return
	}
	const source = "arch/x86/boot/compressed/pgtable_64.c:configure_5level_paging"
	t := z.findTrampoline(b)
	code, table := sized(t.Start+memmap.PageSize, memmap.PageSize), sized(t.Start, memmap.PageSize)
	b.Place("paging_trampoline", t, 0)
	d := z.kernel.Decompressor
	if d.TrampSave != 0 {
		b.Do(sim.Step{Op: sim.Copy, Object: bssName, Range: sized(z.loaded+d.TrampSave, t.Len()), From: t,
			Why: "whatever lies there is put back afterwards", Source: source})
	}
	z.borrow(b, t)
	b.Do(sim.Step{Op: sim.Write, Object: switchName, Range: t, Why: "cleared, then code from a template into the second page", Source: source})
	b.Do(sim.Step{Op: sim.Write, Object: switchName, Range: table, Why: "a top-level table: its first entry points at the tables in force", Source: source})
	b.Do(sim.Step{Op: sim.Exec, Object: switchName, Range: code, Why: "paging off, LA57 on, paging on again", Source: z.switchSource()})
	b.Do(sim.Step{Op: sim.Copy, Object: pageTablesName, Range: sized(z.target+d.TopPgTable, memmap.PageSize), From: table, Keep: true,
		Why: "the top-level table moves to where the decompressor will run", Source: source})
	b.Do(sim.Step{Op: sim.Copy, Object: "low memory", Range: t, From: sized(z.loaded+d.TrampSave, t.Len()), Why: "restored: nothing of the trampoline remains", Source: source})
	z.giveBack(b)
	z.la57 = true
}

// switchSource is where the code of the switch is from: it moved when mixed mode did.
func (z *decompressor) switchSource() string {
	if z.version >= linux.V7_2 {
		return "arch/x86/boot/startup/la57toggle.S:trampoline_32bit_src"
	}
	return "arch/x86/boot/compressed/head_64.S:trampoline_32bit_src"
}

// knows5Level reports whether the kernel was built with 5-level paging. One that was
// not leaves the paging level alone, whatever the CPU can do.
// Source: arch/x86/boot/header.S:xloadflags (v6.12), XLF_5LEVEL_ENABLED.
func knows5Level(k *image.Kernel) bool { return k.Setup.XLoadFlags&(1<<6) != 0 }

// findTrampoline asks for a place below 640 KiB.
func (z *decompressor) findTrampoline(b *sim.Boot) memmap.Range {
	in := trampoline.Input{BIOS: z.biosWords(b), EFI: z.efi != nil, Table: z.e820}
	p := trampoline.Find(&in, z.version)
	z.explain(b, &in)
	if words := in.BIOS; z.efi == nil && b.Scenario.BIOS == (linux.BIOSWords{}) && words != b.Scenario.BIOS {
		b.Assume("the BIOS states the base memory that the map shows; its EBDA begins where that ends")
	}
	return sized(p.Start, trampoline.Size)
}

// explain reports what of the search is odd. That the place is no RAM is found when
// the place is used.
func (z *decompressor) explain(b *sim.Boot, in *trampoline.Input) {
	for _, f := range trampoline.Explain(in, z.version).Findings() {
		if f.Rule != trampoline.RuleNotRAM {
			surprise(f).report(b, switchName)
		}
	}
}

// biosWords are the words of the BIOS data area: those of the scenario, or what a
// BIOS with this map would state.
func (z *decompressor) biosWords(b *sim.Boot) linux.BIOSWords {
	words := b.Scenario.BIOS
	if words != (linux.BIOSWords{}) || z.efi != nil {
		return words
	}
	return trampoline.LikelyWords(z.e820)
}

// borrow takes note that low memory is not its owner's for a while: what was needed
// there has been saved.
func (z *decompressor) borrow(b *sim.Boot, t memmap.Range) {
	z.lent = z.lent[:0]
	b.Machine.Needed.Over(t, func(n memmap.Span[string]) bool {
		z.lent = append(z.lent, n)
		return true
	})
	b.Machine.Needed.Set(t, "")
}

// giveBack restores what borrow noted.
func (z *decompressor) giveBack(b *sim.Boot) {
	for _, n := range z.lent {
		b.Machine.Needed.Set(n.Range, n.Value)
	}
}
