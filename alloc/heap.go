package alloc

import (
	"bootplan/linux"
	"bootplan/memmap"
)

// Heap is the malloc of the decompressor: a cursor that only moves up, and that
// jumps back to the start when as many blocks were freed as were given out.
//
// A request that exactly fills the heap fails, and a request that fails leaves the
// cursor where the block would have ended: smaller ones fail as well from then on.
// Source: include/linux/decompress/mm.h:malloc, free (v6.12).
type Heap struct {
	base, end uint64
	align     uint64
	cursor    uint64
	count     int32
}

// NewHeap returns an empty heap in memory, as version v of the kernel runs it. A
// memory that ends at 0 is one without a limit.
func NewHeap(memory memmap.Range, v linux.Version) *Heap {
	h := &Heap{base: memory.Start, end: memory.End, align: 8}
	if v < linux.V6_6 {
		h.align = 4
	}
	return h
}

// Malloc returns the address of size bytes; ok is false where C code gets a null
// pointer.
func (h *Heap) Malloc(size int32) (addr uint64, ok bool) {
	if size < 0 {
		return 0, false
	}
	if h.cursor == 0 {
		h.cursor = h.base
	}
	addr = memmap.AlignUp(h.cursor, h.align)
	h.cursor = addr + uint64(size)
	if h.end != 0 && h.cursor >= h.end {
		return 0, false
	}
	h.count++
	return addr, true
}

// Free gives one block back, no matter which: only the count of blocks matters.
func (h *Heap) Free() {
	h.count--
	if h.count == 0 {
		h.cursor = h.base
	}
}

// Cursor is the address behind the last block; 0 before the first Malloc.
func (h *Heap) Cursor() uint64 { return h.cursor }

// Blocks is how many blocks are given out. More frees than mallocs make it negative.
func (h *Heap) Blocks() int { return int(h.count) }
