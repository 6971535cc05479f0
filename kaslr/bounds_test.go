package kaslr

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
)

// Each bound, hit exactly and missed by the smallest amount. The kernel of bare needs
// 1 GiB and may begin at 16 MiB.
func TestBounds(t *testing.T) {
	const lowest = 16 * memmap.MiB
	for name, c := range map[string]struct {
		cmdline string
		want    []Area
	}{
		"limit leaves one place":           {"mem=1040M", []Area{{lowest, 1}}},
		"limit leaves none":                {"mem=0x40ffffff", nil},
		"room for one in front of a range": {"mem=2G memmap=2G$1040M", []Area{{lowest, 1}}},
		"one byte less":                    {"mem=2G memmap=2G$0x40ffffff", nil},
		"room for one behind a range":      {"mem=4G memmap=3056M$16M", []Area{{3 * memmap.GiB, 1}}},
		"one byte more in the range":       {"mem=4G memmap=0xbf000001$16M", nil},
		"range ends at the minimum":        {"mem=1040M memmap=15M$1M", []Area{{lowest, 1}}},
		"page at the limit":                {"mem=3G hugepagesz=1G hugepages=1", []Area{{2 * memmap.GiB, 1}}},
	} {
		in := bare()
		in.Cmdline = c.cmdline
		p := mustPlan(t, in)
		if diff := cmp.Diff(c.want, append([]Area(nil), p.Areas...)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		choice := p.Choose(fixed{})
		if want := len(c.want) == 0; choice.Kept != want || choice.Invalid != (want && p.Source != FromNothing) {
			t.Errorf("%s: %+v", name, choice)
		}
	}
}

// In front of the page [2 GiB, 3 GiB) there is exactly room for a kernel.
func TestRoomInFrontOfAPage(t *testing.T) {
	in := bare()
	in.Output = 512 * memmap.MiB
	in.NeededSize = 512 * memmap.MiB
	in.Cmdline = "mem=2G hugepagesz=1G hugepages=1"
	if diff := cmp.Diff([]Area{{512 * memmap.MiB, 1}}, mustPlan(t, in).Areas); diff != "" {
		t.Error(diff)
	}
	in.NeededSize++
	if p := mustPlan(t, in); len(p.Areas) != 0 {
		t.Errorf("areas %v", p.Areas)
	}
}

func TestMinimumIsAtMostHalfAGiB(t *testing.T) {
	for output, want := range map[uint64]uint64{
		0:                        0,
		1:                        2 * memmap.MiB,
		511 * memmap.MiB:         512 * memmap.MiB,
		512*memmap.MiB + 1:       512 * memmap.MiB,
		3 * memmap.GiB:           512 * memmap.MiB,
		^uint64(0):               512 * memmap.MiB,
		256*memmap.MiB - 0x1000:  256 * memmap.MiB,
		256*memmap.MiB + 0x10000: 258 * memmap.MiB,
	} {
		in := bare()
		in.Output = output
		if got := mustPlan(t, in).Minimum; got != want {
			t.Errorf("output %#x: got %#x, want %#x", output, got, want)
		}
	}
}

// Address 0 is a slot when the kernel was loaded there, but to choose it means
// that there is none.
func TestAddressZero(t *testing.T) {
	in := bare()
	in.Output = 0
	p := mustPlan(t, in)
	want := Choice{Virt: LoadPhysicalAddr, Kept: true}
	if diff := cmp.Diff(want, p.Choose(fixed{})); diff != "" || p.Areas[0] != (Area{0, 1537}) {
		t.Errorf("%v; %s", p.Areas, diff)
	}
}

func TestAvoidedRanges(t *testing.T) {
	in := bare()
	in.Cmdline = strings.Repeat("x", 2040) + " mem=1G memmap=1M$1G"
	in.Initrd = Extent{5, 0}
	in.SetupData = []SetupData{
		{Addr: 0x1000, Type: 1, Len: 0xffffffff, Indirect: Indirect{Addr: 7, Len: 7}},
		{Addr: 0x2000, Type: SetupIndirect, Len: 24, Indirect: Indirect{Type: 5, Addr: 0x3000, Len: 0x40}},
		{Addr: 0x4000, Type: SetupIndirect, Len: 24, Indirect: Indirect{Type: SetupIndirect, Addr: 9, Len: 9}},
		{Addr: 0},
		{Addr: 0x5000},
	}
	p := mustPlan(t, in)
	const far = 1 << 45
	want := []Avoid{
		{"image", Extent{far, 16 * memmap.MiB}}, // output + init_size - payload
		{"initrd", Extent{5, 0}},
		{"cmdline", Extent{far, 2048}}, // more is not looked at
		{"boot_params", Extent{far, 4096}},
		{"setup_data", Extent{0x1000, 16 + 0xffffffff}},
		{"setup_data", Extent{0x2000, 40}},
		{"setup_indirect", Extent{0x3000, 0x40}},
		{"setup_data", Extent{0x4000, 40}},
	}
	if diff := cmp.Diff(want, p.Avoid); diff != "" {
		t.Error(diff)
	}
	// the 2047th byte is the G of mem=1G
	if p.Limit != memmap.GiB {
		t.Errorf("limit %#x", p.Limit)
	}
}

func TestExtent(t *testing.T) {
	a := Extent{100, 50}
	for o, want := range map[Extent]bool{
		{0, 100}:               false,
		{0, 101}:               true,
		{149, 1}:               true,
		{150, 1}:               false,
		{120, 0}:               true, // a range without bytes counts inside another
		{100, 0}:               false,
		{120, ^uint64(0)}:      true,  // seems to end at 119
		{120, ^uint64(0) - 20}: false, // seems to end at 99
	} {
		if got := a.Overlaps(o); got != want {
			t.Errorf("%v: got %v", o, got)
		}
	}
}
