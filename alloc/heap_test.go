package alloc

import (
	"testing"

	"pgregory.net/rapid"

	"bootplan/linux"
	"bootplan/memmap"
)

func TestHeap(t *testing.T) {
	h := NewHeap(memmap.Range{Start: 0x1001, End: 0x2000}, linux.V6_12)
	malloc := func(size int32, want, cursor uint64) {
		t.Helper()
		got, ok := h.Malloc(size)
		if got != want && ok || ok != (want != 0) || h.Cursor() != cursor {
			t.Errorf("malloc(%d): got %#x, %v, cursor %#x; want %#x, cursor %#x", size, got, ok, h.Cursor(), want, cursor)
		}
	}
	malloc(-1, 0, 0)
	malloc(3, 0x1008, 0x100b)
	malloc(0x100, 0x1010, 0x1110)
	malloc(0xef0, 0, 0x2000) // fits exactly, and is refused
	malloc(8, 0, 0x2008)     // stays refused
	h.Free()
	malloc(8, 0, 0x2010)
	h.Free() // as many as were given out
	malloc(8, 0x1008, 0x1010)
	if h.Blocks() != 1 {
		t.Errorf("%d blocks", h.Blocks())
	}
}

func TestHeapAlignsToFourBefore6_6(t *testing.T) {
	for v, want := range map[linux.Version]uint64{linux.V6_5: 0x1004, linux.V6_6: 0x1008} {
		h := NewHeap(memmap.Range{Start: 0x1000, End: 0x2000}, v)
		h.Malloc(1)
		if got, _ := h.Malloc(1); got != want {
			t.Errorf("%v: got %#x, want %#x", v, got, want)
		}
	}
}

func TestHeapBlocksAreDisjointAndInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		memory := memmap.Range{Start: rapid.Uint64Range(1, 1<<40).Draw(t, "start")}
		memory.End = memory.Start + rapid.Uint64Range(1, 1<<12).Draw(t, "size")
		h := NewHeap(memory, linux.V6_12)
		end := memory.Start
		for range rapid.IntRange(1, 30).Draw(t, "calls") {
			size := rapid.Int32Range(-1, 1<<10).Draw(t, "size")
			at, ok := h.Malloc(size)
			if !ok {
				continue
			}
			if at%8 != 0 || at < end || at+uint64(size) >= memory.End {
				t.Fatalf("%d bytes at %#x in %v, behind %#x", size, at, memory, end)
			}
			end = at + uint64(size)
		}
		given := h.Blocks()
		for range given {
			h.Free()
		}
		if given > 0 && h.Cursor() != memory.Start {
			t.Fatalf("all is freed, and the cursor is at %#x", h.Cursor())
		}
	})
}
