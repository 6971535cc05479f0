package alloc

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/linux"
	"bootplan/memmap"
)

// Every rule shows in its own example, and is found there, it alone.
func TestRulesShowWhatTheyTell(t *testing.T) {
	high := NewModelFirmware([]memmap.EFIDescriptor{free(0x1000000, 0x2000000, 0)}, memmap.Range{Start: 0x1000000, End: 0x1001000})
	q := Request{Size: 0x200000, Align: 0x200000, Min: 0x1000000, Max: ^uint64(0)}
	shown := map[string]func() (bool, []Finding){
		"alloc-heap-exact-fit": func() (bool, []Finding) {
			h := NewHeap(memmap.Range{Start: 0x1000, End: 0x2000}, linux.V6_12)
			_, exact := h.Malloc(0x1000)
			_, small := h.Malloc(8)
			return !exact && !small, h.Findings()
		},
		"alloc-one-try": func() (bool, []Finding) {
			_, low := LowAllocAbove(high, q)
			_, random := RandomAlloc(high, q, 0, code)
			_, there := high.AllocatePages(Address, code, 0x200, 0x1200000)
			f := RandomAllocFindings(q, high.Map(), random)
			return low == NotFound && random == NotFound && there == Success && cmp.Equal(f, LowAllocFindings(q, high.Map(), low)), f
		},
		"alloc-slots-overflow": func() (bool, []Finding) {
			large := []memmap.EFIDescriptor{free(0x1000, 1<<45+0x1000, 0)}
			pages := Request{Size: memmap.PageSize, Align: memmap.PageSize, Max: ^uint64(0)}
			at, status := RandomAlloc(NewModelFirmware(large), pages, 0x80000000, code)
			return at == 0x1000, RandomAllocFindings(pages, large, status)
		},
		"alloc-zero-limit": func() (bool, []Finding) {
			at, _ := AllocatePages(high, memmap.PageSize, 0)
			return at == 0x1fff000, AllocatePagesFindings(memmap.PageSize, 0)
		},
		"alloc-size-wraps": func() (bool, []Finding) {
			fw := &asked{Firmware: high}
			_, status := AllocatePages(fw, 0xfffffffffffff001, 0xffffffff)
			return status == InvalidParameter && fw.pages[0] == 0, AllocatePagesFindings(0xfffffffffffff001, 0xffffffff)
		},
		"alloc-no-address": func() (bool, []Finding) {
			none := NewModelFirmware(nil)
			_, now := RandomAlloc(none, q, 0, code)
			old := q
			old.NoSlotSucceeds = true
			_, before := RandomAlloc(none, old, 0, code)
			return now == OutOfResources && before == NoAddress, RandomAllocFindings(old, nil, before)
		},
	}
	for _, r := range Rules() {
		show, known := shown[r.ID]
		if !known {
			t.Errorf("%s: no example", r.ID)
			continue
		}
		ok, findings := show()
		if !ok || len(findings) != 1 || findings[0].Rule != r.ID || findings[0].Severity != r.Severity {
			t.Errorf("%s: shown: %v, findings %+v", r.ID, ok, findings)
		}
		delete(shown, r.ID)
	}
	if len(shown) > 0 {
		t.Errorf("no rule for %v", shown)
	}
}

func TestNothingSurprises(t *testing.T) {
	descs := []memmap.EFIDescriptor{free(0x1000000, 0x1200000, 0), free(0x2000000, 0x2200000, 0)}
	q := Request{Size: 0x200000, Align: 0x200000, Min: 0x1000000, Max: ^uint64(0)}
	heap := NewHeap(memmap.Range{Start: 0x1000, End: 0x2000}, linux.V6_12)
	heap.Malloc(0xfff)
	heap.Malloc(0x1001) // refused because it does not fit
	for name, got := range map[string][]Finding{
		"success":                    RandomAllocFindings(q, descs, Success),
		"no place":                   RandomAllocFindings(q, nil, OutOfResources),
		"every place was asked for":  LowAllocFindings(q, descs, NotFound),
		"the last size that rounds":  AllocatePagesFindings(0xfffffffffffff000, 1),
		"nothing wanted":             AllocatePagesFindings(0, 1),
		"a heap that was overfilled": heap.Findings(),
	} {
		if len(got) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := RandomAllocFindings(q, descs, NotFound); len(got) != 1 || !strings.Contains(got[0].Message, "1 of the 2 places") {
		t.Errorf("the seed's place is refused, the other not tried: %+v", got)
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
