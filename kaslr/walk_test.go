package kaslr

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/linux"
	"bootplan/memmap"
)

// bare is a machine with RAM from 0 to 4 GiB and everything that is avoided far above it.
func bare() *Input {
	const far = 1 << 45
	return &Input{
		Config:     Config{Version: linux.V6_12, PhysicalAlign: 2 * memmap.MiB},
		Payload:    far,
		Output:     16 * memmap.MiB,
		InitSize:   far,
		NeededSize: memmap.GiB,
		BootParams: far,
		CmdlinePtr: far,
		E820:       []memmap.E820Entry{{Addr: 0, Size: 4 * memmap.GiB, Type: memmap.E820RAM}},
	}
}

func TestWalkGoesRoundForEver(t *testing.T) {
	for _, cmdline := range []string{
		"memmap=0xffffffffffdfffff$0x200000", // ends one byte below 2^64, begins at 2 MiB
		"memmap=0xfffffffffeffffff$0x1000000",
		"memmap=0xffffffffefe00001$0x10000000", // ends one byte behind the last multiple of 2 MiB
	} {
		in := bare()
		in.Cmdline = cmdline
		if err := new(Plan).Make(in); !errors.Is(err, ErrNeverReturns) {
			t.Errorf("%s: got %v", cmdline, err)
		}
	}
	in := bare()
	in.Cmdline = "memmap=0xffffffffefe00000$0x10000000" // ends at the last multiple: behind all memory
	p := mustPlan(t, in)
	if len(p.Areas) != 0 {
		t.Errorf("areas %v", p.Areas)
	}
}

// What is free below the avoided range is stored in every lap.
func TestWalkFillsTheAreas(t *testing.T) {
	in := bare()
	in.Cmdline = "memmap=0xffffffff7fffffff$0x80000000"
	p := mustPlan(t, in)
	want := []Area{{16 * memmap.MiB, 505}} // (2 GiB - 16 MiB - 1 GiB) / 2 MiB + 1
	for len(want) < MaxAreas {
		want = append(want, Area{0, 513})
	}
	if diff := cmp.Diff(want, p.Areas); diff != "" || p.Aborted != abortAreas {
		t.Errorf("%q; %s", p.Aborted, diff)
	}
}

// Laps that take 1 GiB pages change something, so they end, however many pages are
// wanted. The first lap finds one page above 16 MiB, the others two.
func TestWalkTakesPagesInLaps(t *testing.T) {
	for _, c := range []struct {
		pages string
		first Area
	}{
		{"0x4000000000000001", Area{0, 513}},        // none is left in the end
		{"0x4000000000000002", Area{memmap.GiB, 1}}, // the last lap takes one of its two
		{"2", Area{memmap.GiB, 1}},
		{"1", Area{0, 513}},
	} {
		in := bare()
		in.Cmdline = "memmap=0xffffffff7fffffff$0x80000000 hugepagesz=1G hugepages=" + c.pages
		p := mustPlan(t, in)
		if len(p.Areas) != MaxAreas || p.Areas[0] != c.first || p.Areas[1] != (Area{0, 513}) || p.GBPagesLeft != 0 {
			t.Errorf("%s pages: %d left, areas %v", c.pages, p.GBPagesLeft, p.Areas[:2])
		}
	}
}

// An entry that begins within the last 2 MiB below 2^64 and wraps around stands for
// the memory at its end.
func TestWalkOfAnEntryThatWraps(t *testing.T) {
	in := bare()
	in.E820 = []memmap.E820Entry{{Addr: 0xfffffffffff00000, Size: 2*memmap.GiB + memmap.MiB, Type: memmap.E820RAM}}
	p := mustPlan(t, in)
	if diff := cmp.Diff([]Area{{0, 513}}, p.Areas); diff != "" {
		t.Error(diff)
	}
}

func TestWalkIntersectsImmovableMemory(t *testing.T) {
	in := bare()
	in.Immovable = []Extent{
		{2 * memmap.GiB, 3 * memmap.GiB}, // in the order of the table, not of addresses
		{0, memmap.GiB + 64*memmap.MiB},
		{1, 2}, // too small
		{8 * memmap.GiB, memmap.GiB},
	}
	p := mustPlan(t, in)
	if diff := cmp.Diff([]Area{{2 * memmap.GiB, 513}, {16 * memmap.MiB, 25}}, p.Areas); diff != "" {
		t.Error(diff)
	}
}

func TestScratchAreas(t *testing.T) {
	in := bare()
	in.Version, in.KexecHandover = linux.V7_2, true
	scratch := []Extent{{6 * memmap.GiB, memmap.GiB}, {8 * memmap.GiB, memmap.GiB + 2*memmap.MiB}}
	node := func(size uint64) []SetupData {
		return []SetupData{{Addr: 1 << 44, Type: SetupKexecKHO, KHO: KHO{size, scratch}}}
	}
	ram := []Area{{16 * memmap.MiB, 1529}}
	first, second := Area{6 * memmap.GiB, 1}, Area{8 * memmap.GiB, 2}
	for name, c := range map[string]struct {
		chain []SetupData
		want  []Area
	}{
		"no node":              {nil, ram},
		"no area":              {node(15), ram},
		"2^36 bytes are none":  {node(1 << 36), ram},
		"2^35 bytes are fewer": {node(1 << 35), nil},
		"one":                  {node(16), []Area{first}},
		"two":                  {node(32), []Area{first, second}},
		"behind the end":       {append([]SetupData{{Addr: 0}}, node(32)...), ram},
	} {
		in.SetupData = c.chain
		p := mustPlan(t, in)
		if diff := cmp.Diff(c.want, append([]Area(nil), p.Areas...)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	in.Version = linux.V6_12 // knows no handover
	in.SetupData = node(32)
	if p := mustPlan(t, in); p.Source != FromE820 {
		t.Errorf("source %d", p.Source)
	}
}

func TestEFICandidates(t *testing.T) {
	gib := func(i uint64, kind memmap.EFIType, attr memmap.EFIAttr) memmap.EFIDescriptor {
		return memmap.EFIDescriptor{Type: kind, Phys: i * memmap.GiB, Pages: memmap.GiB / memmap.PageSize, Attr: attr}
	}
	in := bare()
	in.EFI = EFIInfo{Signature: "EL64", DescSize: 48, MapSize: 48*6 + 47, Descs: []memmap.EFIDescriptor{
		gib(1, memmap.EFIBootServicesData, 0),
		gib(2, memmap.EFIConventional, 0),
		gib(3, memmap.EFIConventional, memmap.EFISP),
		gib(4, memmap.EFIUnaccepted, 0),
		gib(5, memmap.EFIConventional, memmap.EFIMoreReliable),
		gib(6, memmap.EFILoaderData, 0),
		gib(7, memmap.EFIConventional, memmap.EFIMoreReliable), // behind the stated size
	}}
	plain := in.EFI.Descs[4].Attr
	for name, c := range map[string]struct {
		change func()
		want   []uint64 // starts in GiB
	}{
		"mirrored memory alone": {func() {}, []uint64{5}},
		"no mirror":             {func() { in.EFI.Descs[4].Attr = 0 }, []uint64{2, 3, 5}},
		"soft reserve":          {func() { in.EFI.Descs[4].Attr, in.SoftReserve = 0, true }, []uint64{2, 5}},
		"unaccepted":            {func() { in.EFI.Descs[4].Attr, in.UnacceptedMemory = 0, true }, []uint64{2, 3, 4, 5}},
		"mirror in use by others": {func() {
			in.EFI.Descs[4].Attr, in.EFI.Descs[5].Attr = 0, memmap.EFIMoreReliable
		}, nil},
		"another signature": {func() { in.EFI.Signature = "EL6" }, []uint64{0}},
	} {
		in.EFI.Signature, in.SoftReserve, in.UnacceptedMemory = "EL64", false, false
		in.EFI.Descs[4].Attr, in.EFI.Descs[5].Attr = plain, 0
		c.change()
		var starts []uint64
		for _, a := range mustPlan(t, in).Areas {
			starts = append(starts, a.Start/memmap.GiB)
		}
		if diff := cmp.Diff(c.want, starts); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// An entry behind the last slot below 2^64 is walked from address 0 up to the limit,
// even if it has no bytes.
func TestWalkOfNothingAtTheEnd(t *testing.T) {
	in := bare()
	in.E820 = []memmap.E820Entry{{Addr: ^uint64(0), Size: 0, Type: memmap.E820RAM}}
	in.Cmdline = "mem=4G"
	p := mustPlan(t, in)
	if diff := cmp.Diff([]Area{{0, 1537}}, p.Areas); diff != "" {
		t.Error(diff)
	}
	in.E820[0].Addr = ^uint64(0) - 2*memmap.MiB + 1 // the last slot itself
	if p := mustPlan(t, in); len(p.Areas) > 0 {
		t.Errorf("areas %v", p.Areas)
	}
}
