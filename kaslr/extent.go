package kaslr

// Extent is memory as the decompressor states it (struct mem_vector): Size bytes
// from Start on. Start+Size may wrap around 2^64, and comparisons then see the
// small end.
type Extent struct {
	Start, Size uint64
}

// End is Start+Size modulo 2^64.
func (e Extent) End() uint64 { return e.Start + e.Size }

// Wraps reports whether the end lies beyond 2^64.
func (e Extent) Wraps() bool { return e.End() < e.Start }

// Overlaps reports what the decompressor takes for an overlap. An extent without
// bytes overlaps everything around its start.
// Source: arch/x86/boot/compressed/kaslr.c:mem_overlaps (v6.12).
func (e Extent) Overlaps(o Extent) bool {
	return e.End() > o.Start && e.Start < o.End()
}
