package design

import (
	"bootplan/memmap"
	"bootplan/sim"
)

// settle brings the decompressor to where it runs while it unpacks, and readies its BSS.
func (z *decompressor) settle(b *sim.Boot) error {
	const source = "arch/x86/boot/compressed/head_64.S:.Lrelocated"
	why := "goes on behind the payload"
	if z.target != z.loaded {
		z.copyItself(b)
		why = "goes on in the copy"
	}
	b.Machine.Needed.Set(z.payload(), payloadName)
	b.Machine.Needed.Set(z.text(), z.image)
	z.placeParts(b)
	b.Do(sim.Step{Op: sim.Exec, Object: z.image, Range: z.codeBehindPayload(), Why: why, Source: source})
	b.Do(sim.Step{Op: sim.Write, Object: bssName, Range: z.in(z.target, z.kernel.Decompressor.BSS, z.bssEnd()), Keep: true,
		Zeroed: z.in(z.target, z.kernel.Decompressor.BSS, z.bssEnd()),
		Why:    "cleared: heap, stack and variables live there", Source: source})
	return nil
}

// copyItself moves code and payload to the end of the buffer.
func (z *decompressor) copyItself(b *sim.Boot) {
	const source = "arch/x86/boot/compressed/head_64.S:startup_64"
	size := z.kernel.Decompressor.BSS
	b.Do(sim.Step{Op: sim.Copy, Object: decompressorName, Range: sized(z.target, size), From: sized(z.loaded, size), Lays: sim.CompressedImage,
		Why: "to the end of the unpacking window, from the top downwards, so that the output cannot overtake the input", Source: source})
	b.Release(payloadName, payloadOf(z.kernel, z.loaded))
	b.Release(z.image, sized(z.loaded, z.kernel.ProtectedModeBytes()))
	b.Place("relocated_image", z.in(z.target, 0, z.kernel.Decompressor.End), 0)
	z.image = decompressorName
}

// placeParts notes where the parts of the running decompressor are.
func (z *decompressor) placeParts(b *sim.Boot) {
	d := z.kernel.Decompressor
	b.Place("payload", z.payload(), 0)
	b.Place("stack", z.in(z.target, d.BootStackEnd-bootStack, d.BootStackEnd), 0)
	if d.BootHeap != 0 {
		b.Place("heap", sized(z.target+d.BootHeap, d.HeapSize), 0)
	}
	b.Place("page_tables", z.in(z.target, d.PgTable, d.TopPgTable), 0)
	b.Place("top_page_table", sized(z.target+d.TopPgTable, memmap.PageSize), 0)
}

// bootStack is BOOT_STACK_SIZE.
const bootStack = 0x4000

// payload is the compressed kernel inside the running decompressor.
func (z *decompressor) payload() memmap.Range { return payloadOf(z.kernel, z.target) }

// text is code and data of the running decompressor behind the payload.
func (z *decompressor) text() memmap.Range {
	d := z.kernel.Decompressor
	return z.in(z.target, d.Relocated, d.BSS)
}

// codeBehindPayload is the code of the running decompressor, read-only data included.
func (z *decompressor) codeBehindPayload() memmap.Range {
	return memmap.Range{Start: z.text().Start, End: dataOf(z.kernel, z.target).Start}
}

// bssEnd is _ebss, or the beginning of the page tables where it is not known.
func (z *decompressor) bssEnd() uint64 {
	d := z.kernel.Decompressor
	if d.EBSS != 0 {
		return d.EBSS
	}
	return d.PgTable
}
