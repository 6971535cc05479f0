package design

import (
	"bootplan/image"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/trampoline"
)

const switchName = "paging trampoline"

// switchPaging turns 5-level paging on if CPU and user want it, else off. The switch
// needs paging off, and so code below 4 GiB.
func (z *decompressor) switchPaging(b *sim.Boot) error {
	change := z.la57 != z.wants5Level(b)
	switch z.choices.Trampoline {
	case switchLowAlways:
		z.throughLowMemory(b, change)
	default:
		if change {
			z.throughLowMemory(b, true)
		}
	}
	z.la57 = z.la57 != change
	return nil
}

// newRoot says what the top-level table of a switch holds, from 5-level paging or to it.
func newRoot(la57 bool) string {
	if la57 {
		return "a top-level table: a copy of the one below the top of those in force"
	}
	return "a top-level table: its first entry points at the tables in force"
}

// passing says what code of a switch does through which the way leads on every boot.
func passing(la57, change bool) string {
	if !change {
		return "paging off and on again: nothing to change, but the way leads through it"
	}
	return toggling(la57)
}

// toggling says what the code of a switch does, from 5-level paging or to it.
func toggling(la57 bool) string {
	if la57 {
		return "paging off, LA57 off, paging on again"
	}
	return "paging off, LA57 on, paging on again"
}

// wants5Level reports whether the kernel shall run with 5-level paging.
func (z *decompressor) wants5Level(b *sim.Boot) bool {
	unwanted := linux.FindOptionBool(z.cmdline.Start, b.Scenario.Cmdline, "no5lvl")
	return !unwanted && b.Scenario.CPU.LA57 && knows5Level(z.kernel)
}

// knows5Level reports whether the kernel was built with 5-level paging. One that was
// not leaves the paging level alone, whatever the CPU can do.
// Source: arch/x86/boot/header.S:xloadflags (v6.12), XLF_5LEVEL_ENABLED.
func knows5Level(k *image.Kernel) bool { return k.Setup.XLoadFlags&(1<<6) != 0 }

// throughLowMemory goes through two pages of low memory that it borrows: a page table,
// and code that switches paging off and on again, with another paging level or not.
// Source: arch/x86/boot/compressed/pgtable_64.c:configure_5level_paging (v6.12),
// paging_prepare, cleanup_trampoline (v6.5).
func (z *decompressor) throughLowMemory(b *sim.Boot, change bool) {
	prepare, cleanUp := z.switchSources()
	t, saved := z.findTrampoline(b), z.switchBuffer()
	z.occupy(b, t, saved, change, prepare)
	z.runSwitch(b, sized(t.Start+memmap.PageSize, memmap.PageSize), change)
	z.vacate(b, t, saved, change, cleanUp)
}

// occupy saves what lies in low memory t, if there is room for it, and readies t for the
// switch: the first page for a table, the second for code.
func (z *decompressor) occupy(b *sim.Boot, t, saved memmap.Range, change bool, source string) {
	b.Place("paging_trampoline", t, 0)
	if !saved.Empty() {
		b.Do(sim.Step{Op: sim.Copy, Object: bssName, Range: saved, From: t, Why: "whatever lies there is put back afterwards", Source: source})
	}
	z.borrow(b, t)
	b.Do(sim.Step{Op: sim.Write, Object: switchName, Range: t, Why: "cleared, then code from a template into the second page", Source: source})
	if change {
		b.Do(sim.Step{Op: sim.Write, Object: switchName, Range: sized(t.Start, memmap.PageSize), Why: newRoot(z.la57), Source: source})
	}
}

// vacate moves the table out of low memory t, if it is in force now, and restores t.
func (z *decompressor) vacate(b *sim.Boot, t, saved memmap.Range, change bool, source string) {
	if change {
		b.Do(sim.Step{Op: sim.Copy, Object: pageTablesName, Range: sized(z.target+z.kernel.Decompressor.TopPgTable, memmap.PageSize), From: sized(t.Start, memmap.PageSize), Keep: true,
			Why: "the top-level table moves to where the decompressor will run", Source: source})
	}
	b.Do(sim.Step{Op: sim.Copy, Object: "low memory", Range: t, From: saved, Restores: true, Why: "restored: nothing of the trampoline remains", Source: source})
	z.giveBack(b)
}

// switchBuffer keeps what lies in the low memory that is borrowed; empty where the
// image does not tell where it is.
func (z *decompressor) switchBuffer() memmap.Range {
	if z.kernel.Decompressor.TrampSave == 0 {
		return memmap.Range{}
	}
	return sized(z.loaded+z.kernel.Decompressor.TrampSave, trampoline.Size)
}

// runSwitch executes the code page. Until 6.5 the same page is the stack of its 32-bit code.
func (z *decompressor) runSwitch(b *sim.Boot, code memmap.Range, change bool) {
	const stack = 32      // what 5.10 pushes before it jumps: three registers and the way back
	const template = 0x80 // TRAMPOLINE_32BIT_CODE_SIZE: what is kept for the code in front of it
	const source = "arch/x86/boot/compressed/head_64.S:startup_64"
	if z.version < linux.V6_6 {
		b.Do(sim.Step{Op: sim.Write, Object: switchName, Range: memmap.Range{Start: code.End - stack, End: code.End}, Bits32: true,
			Pool: sim.Stack, Room: memmap.Range{Start: code.Start + template, End: code.End}, Needs: stack,
			Why: "32-bit code needs a stack that it can reach: the end of its page", Source: source})
	}
	b.Do(sim.Step{Op: sim.Exec, Object: switchName, Range: code, Bits32: true, Why: passing(z.la57, change), Source: z.switchSource()})
}

// switchSources are the functions before and after the switch.
func (z *decompressor) switchSources() (prepare, cleanUp string) {
	if z.version < linux.V6_6 {
		return "arch/x86/boot/compressed/pgtable_64.c:paging_prepare", "arch/x86/boot/compressed/pgtable_64.c:cleanup_trampoline"
	}
	const both = "arch/x86/boot/compressed/pgtable_64.c:configure_5level_paging"
	return both, both
}

// switchSource is where the code of the switch is from: it moved when mixed mode did.
func (z *decompressor) switchSource() string {
	if z.version >= linux.V7_2 {
		return "arch/x86/boot/startup/la57toggle.S:trampoline_32bit_src"
	}
	return "arch/x86/boot/compressed/head_64.S:trampoline_32bit_src"
}

// findTrampoline asks for a place below 640 KiB.
func (z *decompressor) findTrampoline(b *sim.Boot) memmap.Range {
	in, w := &z.search, &z.walk
	*in = trampoline.Input{BIOS: z.biosWords(b), EFI: z.efi != nil, Table: z.e820}
	w.Explain(in, z.searchVersion())
	for _, f := range w.Surprises() { // that the place is no RAM is found when it is used
		surprise(f).report(b, switchName)
	}
	if words := in.BIOS; z.efi == nil && b.Scenario.BIOS == (linux.BIOSWords{}) && words != b.Scenario.BIOS {
		b.Assume("the BIOS states the base memory that the map shows; its EBDA begins where that ends")
	}
	if t, err := w.Range(); err == nil {
		return t
	}
	return memmap.Range{Start: w.Start, End: ^uint64(0)} // what there is of it before the addresses end
}

// searchVersion is the release whose search is modelled. What 5.3 got at the last
// moment, a guard against wrapping around below 0, only a kernel of that release has.
func (z *decompressor) searchVersion() linux.Version {
	if z.version == linux.V5_3 && !models(z.version, z.kernel) {
		return linux.Of(5, 2)
	}
	return z.release
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
