package alloc

import (
	"testing"

	"bootplan/linux"
	"bootplan/memmap"
)

// Every rule shows its own example.
func TestRulesShowWhatTheyTell(t *testing.T) {
	high := NewModelFirmware([]memmap.EFIDescriptor{free(0x1000000, 0x2000000, 0)}, memmap.Range{Start: 0x1000000, End: 0x1001000})
	q := Request{Size: 0x200000, Align: 0x200000, Min: 0x1000000, Max: ^uint64(0)}
	shown := map[string]func() bool{
		"alloc-heap-exact-fit": func() bool {
			h := NewHeap(memmap.Range{Start: 0x1000, End: 0x2000}, linux.V6_12)
			_, exact := h.Malloc(0x1000)
			_, small := h.Malloc(8)
			return !exact && !small
		},
		"alloc-one-try": func() bool {
			_, low := LowAllocAbove(high, q)
			_, random := RandomAlloc(high, q, 0, code)
			_, there := high.AllocatePages(Address, code, 0x200, 0x1200000)
			return low == NotFound && random == NotFound && there == Success
		},
		"alloc-slots-overflow": func() bool { return TargetSlot(1<<33, 0x80000000) == 0 },
		"alloc-zero-limit": func() bool {
			at, _ := AllocatePages(high, memmap.PageSize, 0)
			return at == 0x1fff000
		},
		"alloc-size-wraps": func() bool {
			fw := &asked{Firmware: high}
			_, status := AllocatePages(fw, 0xfffffffffffff001, 0)
			return status == InvalidParameter && fw.pages[0] == 0
		},
		"alloc-no-address": func() bool {
			none := NewModelFirmware(nil)
			_, now := RandomAlloc(none, q, 0, code)
			old := q
			old.NoSlotSucceeds = true
			_, before := RandomAlloc(none, old, 0, code)
			return now == OutOfResources && before == NoAddress
		},
	}
	for _, r := range Rules() {
		if show, ok := shown[r.ID]; !ok || !show() {
			t.Errorf("%s does not show what it tells", r.ID)
		}
		delete(shown, r.ID)
	}
	if len(shown) > 0 {
		t.Errorf("no rule for %v", shown)
	}
}

func TestHotPathsAllocateNothing(t *testing.T) {
	p := newPages(t, desc(conv, 16, 0x10000), desc(data, 0x10000, 0x10010), desc(conv, 0x20000, 0x80000))
	q := Request{Size: 0x200000, Align: 0x200000, Min: 0x1000000, Max: ^uint64(0)}
	heap := NewHeap(memmap.Range{Start: 0x1000, End: 0x2000}, linux.V6_12)
	allocs := testing.AllocsPerRun(100, func() {
		at, status := RandomAlloc(p, q, 0x80000000, code)
		low, lowStatus := AllocatePagesAligned(p, 0x3000, 0xffffffff, 0x4000, data)
		if status != Success || lowStatus != Success {
			t.Fatal(status, lowStatus)
		}
		p.FreePages(at, 0x200)
		p.FreePages(low, 3)
		heap.Malloc(16)
		heap.Free()
	})
	if allocs != 0 {
		t.Errorf("%v allocations in each round", allocs)
	}
}
