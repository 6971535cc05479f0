package alloc_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/alloc"
	"bootplan/linux"
	"bootplan/memmap"
)

func TestQueries(t *testing.T) {
	m := alloc.NewMemblock(linux.V6_12)
	if m.StartOfDRAM() != 0 || m.EndOfDRAM() != 0 || m.IsMemory(0) {
		t.Error("an empty allocator knows memory")
	}
	m = memory(t, memmap.Range{Start: 0x1000, End: 0x3000}, memmap.Range{Start: 0x5000, End: 0x6000})
	if err := m.Reserve(0x2000, 0x1000); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ got, want any }{
		"lowest":                              {m.StartOfDRAM(), uint64(0x1000)},
		"highest":                             {m.EndOfDRAM(), uint64(0x6000)},
		"first reserved byte":                 {m.IsReserved(0x2000), true},
		"byte behind a reservation":           {m.IsReserved(0x3000), false},
		"a region":                            {m.IsRegionMemory(0x1000, 0x2000), true},
		"a region and one byte":               {m.IsRegionMemory(0x1000, 0x2001), false},
		"across a hole":                       {m.IsRegionMemory(0x1000, 0x5000), false},
		"touched from below":                  {m.IsRegionReserved(0x1000, 0x1001), true},
		"not touched":                         {m.IsRegionReserved(0x1000, 0x1000), false},
		"no bytes inside a reservation":       {m.IsRegionReserved(0x2001, 0), true},
		"no bytes where a reservation starts": {m.IsRegionReserved(0x2000, 0), false},
		"mirrored memory":                     {m.HasMirror(), false},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}

func TestReservationsHaveFlagsAndNodes(t *testing.T) {
	m := alloc.NewMemblock(linux.V6_12)
	for _, err := range []error{
		m.Reserve(0x1000, 0x4000), m.MarkNoInit(0x1000, 0x1000), m.SetReservedNode(0x3000, 0x10000, 1),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []alloc.Region{
		{Range: memmap.Range{Start: 0x1000, End: 0x2000}, Node: alloc.NoNode, Flags: alloc.ReservedNoInit},
		{Range: memmap.Range{Start: 0x2000, End: 0x3000}, Node: alloc.NoNode},
		{Range: memmap.Range{Start: 0x3000, End: 0x5000}, Node: 1},
	}
	if diff := cmp.Diff(want, m.Reserved.Regions); diff != "" {
		t.Error(diff)
	}
}

func TestLimitMapKeepsUnmappedMemory(t *testing.T) {
	m := memory(t, memmap.Range{Start: 0x1000, End: 0x9000})
	if err := m.Mark(0x8000, 0x1000, alloc.NoMap); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []uint64{0, 0x100000, 0x2000} { // none, more than there is, two pages
		if err := m.LimitMap(limit); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]memmap.Range{{Start: 0x1000, End: 0x3000}, {Start: 0x8000, End: 0x9000}}, regions(&m.Memory)); diff != "" {
		t.Error(diff)
	}
}

// The kernel that kexec starts finds the memory reserved, this one finds it RAM.
func TestAllocReserved(t *testing.T) {
	k := memmap.NewKernelE820(linux.V6_12, nil)
	k.Setup(memmap.BootMemory{Table: []memmap.E820Entry{
		{Addr: 0, Size: 0x9f000, Type: memmap.E820RAM}, {Addr: 0x100000, Size: 0x100000, Type: memmap.E820RAM},
	}})
	m := memory(t, memmap.Range{Start: 0x100000, End: 0x200000})
	at, err := m.AllocReserved(k, 0x800, 0x1000)
	if at != 0x1ff000 || err != nil {
		t.Fatalf("%#x, %v", at, err)
	}
	want := []memmap.E820Entry{
		{Addr: 0, Size: 0x9f000, Type: memmap.E820RAM}, {Addr: 0x100000, Size: 0xff000, Type: memmap.E820RAM},
		{Addr: 0x1ff000, Size: 0x800, Type: memmap.E820Reserved}, {Addr: 0x1ff800, Size: 0x800, Type: memmap.E820RAM},
	}
	if diff := cmp.Diff(want, k.Kexec.Entries()); diff != "" {
		t.Error(diff)
	}
	if n := len(k.Table.Entries()); n != 2 {
		t.Errorf("the kernel's own table has %d entries now", n)
	}
}
