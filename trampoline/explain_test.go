package trampoline

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/linux"
	"bootplan/memmap"
)

// Every rule on the smallest table that breaks it: its own example.
func TestFindings(t *testing.T) {
	pc := linux.BIOSWords{BaseKiB: 639, EBDASegment: 0x9fc0}
	shown := map[string]bool{}
	for _, c := range []struct {
		name  string
		table []memmap.E820Entry
		v     linux.Version
		want  []string
	}{
		{"nothing wrong", []memmap.E820Entry{ram(0, 0x9fc00)}, linux.V6_12, nil},
		{"wraps", []memmap.E820Entry{ram(0, 0x1000)}, linux.V5_1, []string{wraps}},
		{"page 0", []memmap.E820Entry{ram(0, 0x2000)}, linux.V6_12, []string{pageZero}},
		{"guessed", []memmap.E820Entry{ram(0x1000, 0x2000)}, linux.V6_12, []string{ruleNotRAM, guessed}},
		{"gives up", []memmap.E820Entry{ram(0x10000, 0x80000), ram(0, 0x1000)}, linux.V6_12, []string{ruleNotRAM, guessed, givesUp}},
		{"lowered", []memmap.E820Entry{ram(0x50000, 0x51000)}, linux.V5_1, []string{ruleNotRAM, guessed, lowered}},
		{"reserved inside of RAM", []memmap.E820Entry{ram(0, 0x9fc00), {Addr: 0x9e000, Size: 0x1000, Type: memmap.E820NVS}}, linux.V6_12, []string{ruleNotRAM}},
		{"no search, no luck", []memmap.E820Entry{ram(0, 0x8e000)}, linux.V4_18, []string{ruleNotRAM}},
	} {
		w := Explain(&Input{BIOS: pc, Table: c.table}, c.v)
		var got []string
		for _, f := range w.Findings() {
			got = append(got, f.Rule)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		for _, id := range got {
			shown[id] = true
		}
	}
	for _, r := range Rules() {
		if !shown[r.ID] {
			t.Errorf("%s: no example", r.ID)
		}
	}
}

func TestFindingSaysWhatIsThere(t *testing.T) {
	nvs := memmap.E820Entry{Addr: 0x9e000, Size: 0x1000, Type: memmap.E820NVS}
	w := Explain(&Input{Table: []memmap.E820Entry{ram(0, 0x9fc00), nvs}}, linux.V6_12)
	f := w.Findings()[0]
	const want = "the trampoline at [mem 0x000000000009d000-0x000000000009efff] lies in memory that the e820 map states as ACPI NVS"
	if diff := cmp.Diff(want, f.Message); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(memmap.Range{Start: 0x9e000, End: 0x9f000}, f.Range); diff != "" {
		t.Error(diff)
	}
}

func TestLikelyWords(t *testing.T) {
	reserved := memmap.E820Entry{Addr: 0, Size: 0x1000, Type: memmap.E820Reserved}
	for _, c := range []struct {
		table []memmap.E820Entry
		want  linux.BIOSWords
	}{
		{[]memmap.E820Entry{ram(0, 0x9fc00)}, linux.BIOSWords{BaseKiB: 639, EBDASegment: 0x9fc0}},
		{[]memmap.E820Entry{reserved, ram(0x1000, 0x9fbff)}, linux.BIOSWords{BaseKiB: 638, EBDASegment: 0x9f80}},
		{[]memmap.E820Entry{ram(0, memmap.GiB)}, linux.BIOSWords{BaseKiB: 640, EBDASegment: 0xa000}},
		{[]memmap.E820Entry{ram(0, 0x58000), ram(0x59000, 0x9d000)}, linux.BIOSWords{BaseKiB: 628, EBDASegment: 0x9d00}},
		{[]memmap.E820Entry{reserved, ram(0x100000, memmap.GiB)}, linux.BIOSWords{}},
	} {
		if diff := cmp.Diff(c.want, LikelyWords(c.table)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestRealModeNeedsRoom(t *testing.T) {
	in := &RealModeInput{Table: []memmap.E820Entry{ram(0, 0x20000)}, Size: 0x7000}
	if r, err := FindRealMode(in); err != nil || r.Start != 0x19000 {
		t.Errorf("got %v, %v", r, err)
	}
	in.Reserved = []memmap.Range{{Start: 0x18000, End: 0x19001}} // leaves [0x10000, 0x18000) and less than 7 pages
	if r, err := FindRealMode(in); err != nil || r.Start != 0x11000 {
		t.Errorf("got %v, %v", r, err)
	}
	in.Size = 0x9000
	if _, err := FindRealMode(in); !errors.Is(err, ErrNoRealMode) {
		t.Errorf("got %v", err)
	}
}
