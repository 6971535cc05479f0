package alloc

import (
	"strings"
	"testing"

	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/rule"
)

// An allocation of 2 MiB from 16 MiB on.
var twoMiB = Request{Size: 0x200000, Align: 0x200000, Min: 0x1000000, Max: ^uint64(0)}

// Every rule shows in its own example.
func TestRulesShowWhatTheyTell(t *testing.T) {
	high := NewModelFirmware([]memmap.EFIDescriptor{free(0x1000000, 0x2000000, 0)}, memmap.Range{Start: 0x1000000, End: 0x1001000})
	shown := map[string]func() bool{
		"alloc-heap-exact-fit": func() bool {
			h := NewHeap(memmap.Range{Start: 0x1000, End: 0x2000}, linux.V6_12)
			_, exact := h.Malloc(0x1000)
			_, small := h.Malloc(8)
			return !exact && !small
		},
		"alloc-one-try": func() bool {
			_, low := LowAllocAbove(high, twoMiB)
			_, random := RandomAlloc(high, twoMiB, 0, code)
			_, there := high.AllocatePages(Address, code, 0x200, 0x1200000)
			return low == NotFound && random == NotFound && there == Success
		},
		"alloc-slots-overflow": func() bool {
			large := []memmap.EFIDescriptor{free(0x1000, 1<<45+0x1000, 0)}
			pages := Request{Size: memmap.PageSize, Align: memmap.PageSize, Max: ^uint64(0)}
			at, _ := RandomAlloc(NewModelFirmware(large), pages, 0x80000000, code)
			return at == 0x1000
		},
		"alloc-zero-limit": func() bool {
			at, _ := AllocatePages(high, memmap.PageSize, 0)
			return at == 0x1fff000
		},
		"alloc-size-wraps": func() bool {
			fw := &asked{Firmware: high}
			_, status := AllocatePages(fw, 0xfffffffffffff001, 0xffffffff)
			return status == InvalidParameter && fw.pages[0] == 0
		},
		"alloc-no-address": func() bool {
			none := NewModelFirmware(nil)
			_, now := RandomAlloc(none, twoMiB, 0, code)
			old := twoMiB
			old.NoSlotSucceeds = true
			_, before := RandomAlloc(none, old, 0, code)
			return now == OutOfResources && before == NoAddress
		},
	}
	for _, r := range Rules() {
		if show, known := shown[r.ID]; !known || !show() {
			t.Errorf("%s: has an example: %v; it does not show", r.ID, known)
		}
		delete(shown, r.ID)
	}
	if len(shown) > 0 {
		t.Errorf("no rule for %v", shown)
	}
}

// Every finding of RandomAlloc, each alone.
func TestRandomAllocFindings(t *testing.T) {
	small := []memmap.EFIDescriptor{free(0x1000000, 0x1200000, 0), free(0x2000000, 0x2200000, 0)}
	large := []memmap.EFIDescriptor{free(0x1000, 1<<45+0x1000, 0)}
	pages := Request{Size: memmap.PageSize, Align: memmap.PageSize, Max: ^uint64(0)}
	wraps := pages
	wraps.Size = 0xfffffffffffff001
	for _, c := range []struct {
		got      []Finding
		id       string
		severity rule.Severity
		says     string
	}{
		{RandomAllocFindings(twoMiB, small, NotFound), "alloc-one-try", rule.Warning, "1 of the 2 places"},
		{RandomAllocFindings(pages, large, Success), "alloc-slots-overflow", rule.Warning, "0x200000000 slots"},
		{RandomAllocFindings(wraps, nil, OutOfResources), "alloc-size-wraps", rule.Info, "0xfffffffffffff001 bytes"},
		{RandomAllocFindings(twoMiB, nil, NoAddress), "alloc-no-address", rule.Error, "no place was found"},
	} {
		if len(c.got) != 1 || c.got[0].Rule != c.id || c.got[0].Severity != c.severity || !strings.Contains(c.got[0].Message, c.says) {
			t.Errorf("%s: %+v", c.id, c.got)
		}
	}
}

func TestNothingSurprises(t *testing.T) {
	descs := []memmap.EFIDescriptor{free(0x1000000, 0x1200000, 0), free(0x2000000, 0x2200000, 0)}
	rounds, nothing := twoMiB, twoMiB
	rounds.Size, nothing.Size = 0xfffffffffffff000, 0
	for name, got := range map[string][]Finding{
		"success":                   RandomAllocFindings(twoMiB, descs, Success),
		"no place":                  RandomAllocFindings(twoMiB, nil, OutOfResources),
		"every place was asked for": RandomAllocFindings(twoMiB, descs[:1], NotFound),
		"the last size that rounds": RandomAllocFindings(rounds, descs, OutOfResources),
		"nothing wanted":            RandomAllocFindings(nothing, descs, Success),
	} {
		if len(got) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestHotPathsAllocateNothing(t *testing.T) {
	p := newPages(t, desc(conv, 16, 0x10000), desc(data, 0x10000, 0x10010), desc(conv, 0x20000, 0x80000))
	heap := NewHeap(memmap.Range{Start: 0x1000, End: 0x2000}, linux.V6_12)
	allocs := testing.AllocsPerRun(100, func() {
		at, status := RandomAlloc(p, twoMiB, 0x80000000, code)
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
