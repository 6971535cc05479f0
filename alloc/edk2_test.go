package alloc

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
)

// ram is free memory from start up to and including last.
func ram(start, last uint64) memmap.EFIDescriptor {
	return memmap.EFIDescriptor{Type: conv, Phys: start, Pages: (last - start + 1) / memmap.PageSize, Attr: memmap.EFIWB}
}

// newEDK2 returns a firmware to which memory is added in the order given.
func newEDK2(t testing.TB, c EFIConfig, memory ...memmap.EFIDescriptor) *EFIPages {
	p, err := NewEFIPages(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range memory {
		if err := p.AddMemory(d); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// The worked example of the search, by hand: bins below 0x7edfffff, free memory below
// 640 KiB, below the bins and above 4 GiB. The page of descriptors lies out of the way.
func TestEDK2SearchesWhereTheWorkedExampleDoes(t *testing.T) {
	type request struct {
		Kind        Kind
		Pages, Addr uint64
	}
	for _, c := range []struct {
		name   string
		q      request
		want   uint64
		status Status
	}{
		{"anywhere: below the bins", request{AnyPages, 10, 0}, 0x7e5f6000, Success},
		{"a limit above the bins: the same", request{MaxAddress, 10, 0x7fffffff}, 0x7e5f6000, Success},
		{"2 GiB: only above 4 GiB", request{AnyPages, 0x80000, 0}, 0x100000000, Success},
		{"a limit below the bins", request{MaxAddress, 3, 0x9ffff}, 0x9d000, Success},
		{"a limit inside a page", request{MaxAddress, 3, 0x90123}, 0x8d000, Success},
		{"an address", request{Address, 1000, 0x1000000}, 0x1000000, Success},
		{"an address in another type's bin", request{Address, 1, 0x7e600000}, 0, NotFound},
	} {
		p := newEDK2(t, EFIConfig{
			Release:  EDK2Stable202502,
			Bins:     []BinSize{{memmap.EFIRuntimeServicesData, 0x800}},
			BinRange: memmap.Range{Start: 0x7e600000, End: 0x7ee00000},
		}, ram(0x200000000, 0x200000fff), ram(0x1000, 0x9ffff), ram(0x100000, 0x7edfffff), ram(0x100000000, 0x17fffffff))
		at, status := p.AllocatePages(c.q.Kind, code, c.q.Pages, c.q.Addr)
		if at != c.want || status != c.status {
			t.Errorf("%s: got %#x, %v; want %#x, %v", c.name, at, status, c.want, c.status)
		}
	}
}

// The core's own descriptors: 64 entries fill a page, which comes from the top of
// memory when memory is added; the 65th entry takes another.
func TestEDK2TakesAPageForEvery64Entries(t *testing.T) {
	p := newEDK2(t, EFIConfig{}, ram(0x100000, 0x2fffff))
	pages := func() (n uint64) {
		for _, d := range p.Map() {
			if d.Type == memmap.EFIBootServicesData {
				n += d.Pages
			}
		}
		return n
	}
	for entries := 2; entries < 64; entries += 2 { // a page in the middle makes two more
		if _, status := p.AllocatePages(Address, data, 1, 0x100000+uint64(entries)*memmap.PageSize); status != Success {
			t.Fatal(status)
		}
		if n := len(p.Map()); n != entries+2 || pages() != 1 {
			t.Fatalf("%d entries, %d pages for them", n, pages())
		}
	}
	if _, status := p.AllocatePages(Address, data, 1, 0x180000); status != Success || pages() != 2 {
		t.Errorf("%v, %d pages for %d entries", status, pages(), len(p.Map()))
	}
}

// A firmware without a page for its own descriptors is dead, and says so.
func TestEDK2StopsWithoutMemoryOfItsOwn(t *testing.T) {
	p := newEDK2(t, EFIConfig{}, desc(data, 1, 3))
	if !p.Stopped() {
		t.Error("the firmware lives without any free memory")
	}
}

// The blocks of a pool page, by hand from the table of sizes: a request of 0x40 bytes
// takes 128 of 4096; of the rest 2688 + 1024 + 256 become blocks.
func TestEDK2CarvesPoolPages(t *testing.T) {
	p := newEDK2(t, EFIConfig{}, ram(0x100000, 0x2fffff)) // 0x2ff000 is the core's
	type call struct {
		size, want uint64
	}
	for i, c := range []call{
		{0x40, 0x2fe018},
		{0x40, 0x2fef18},                   // the 256 at the end, of which 128 remain
		{0x40, 0x2fef98},                   // those
		{2000, 0x2fe098},                   // the 2688 behind the first block
		{500, 0x2feb18},                    // 640 of the 1024
		{300, 0x2fed98},                    // 384, the rest
		{2649, 0x2fd018}, {2648, 0x2fc018}, // a page of its own, and a page to carve: 2688 + 1024 + 384
		{300, 0x2fce98},
	} {
		at, status := p.AllocatePool(data, c.size)
		if status != Success || at != c.want {
			t.Errorf("call %d: got %#x, %v; want %#x", i, at, status, c.want)
		}
	}
	for _, addr := range []uint64{0x2fe018, 0x2fef18, 0x2fef98, 0x2fe098, 0x2feb18} {
		if status := p.FreePool(addr); status != Success {
			t.Errorf("%#x: %v", addr, status)
		}
	}
	if at, _ := p.AllocatePages(AnyPages, code, 1, 0); at != 0x2fb000 {
		t.Errorf("the page is in use still, but %#x was given", at)
	}
	if p.FreePool(0x2fed98); len(p.Map()) == 0 {
		t.Fatal("no map")
	}
	if at, _ := p.AllocatePages(AnyPages, code, 1, 0); at != 0x2fe000 {
		t.Errorf("all blocks of the page are free, but %#x was given", at)
	}
}

func TestEDK2RefusesPools(t *testing.T) {
	for _, c := range []struct {
		release EDK2
		t       memmap.EFIType
		size    uint64
		want    Status
	}{
		{EDK2Stable202211, conv, 1, InvalidParameter},
		{EDK2Stable202211, memmap.EFIUnaccepted, 1, Success},
		{EDK2Stable202502, memmap.EFIUnaccepted, 1, InvalidParameter},
		{EDK2Stable202211, 16, 1, InvalidParameter},
		{EDK2Stable202211, data, ^uint64(0) - 39, OutOfResources},
		{EDK2Stable202211, data, 1 << 40, OutOfResources},
	} {
		p := newEDK2(t, EFIConfig{Release: c.release}, ram(0x100000, 0x2fffff))
		if _, got := p.AllocatePool(c.t, c.size); got != c.want {
			t.Errorf("%v, type %d, %#x bytes: got %v, want %v", c.release, c.t, c.size, got, c.want)
		}
		if got := p.FreePool(0x123018); got != InvalidParameter {
			t.Errorf("freeing no block: got %v", got)
		}
	}
}

// 32-bit firmware has smaller heads and tails, and no memory above 4 GiB to give.
func TestEDK2OfIA32(t *testing.T) {
	p := newEDK2(t, EFIConfig{Arch: IA32}, ram(0x100000, 0x2fffff), ram(0x100000000, 0x10fffffff))
	if at, status := p.AllocatePool(data, 100); at != 0x2fe010 || status != Success { // 100+16+12 is 128
		t.Errorf("got %#x, %v", at, status)
	}
	if at, status := p.AllocatePool(data, 128-28); at != 0x2fef10 || status != Success {
		t.Errorf("got %#x, %v", at, status)
	}
	if _, status := p.AllocatePages(AnyPages, data, 0x1000, 0); status != OutOfResources {
		t.Errorf("16 MiB, which only lie above 4 GiB: %v", status)
	}
	if _, status := p.AllocatePool(data, 1<<32); status != OutOfResources {
		t.Errorf("a block of 4 GiB: %v", status)
	}
}

// A guarded allocation has a page on either side, which a neighbour shares.
func TestEDK2GuardsPages(t *testing.T) {
	c := EFIConfig{Guard: HeapGuard{Pages: true, PageTypes: 1 << memmap.EFILoaderData}}
	p := newEDK2(t, c, ram(0x100000, 0x2fffff))
	// Below the core's page of descriptors: a guard, two pages, a guard, and the two pages
	// of bits for the lowest 256 MiB.
	first, _ := p.AllocatePages(AnyPages, data, 2, 0)
	if first != 0x2fc000 {
		t.Fatalf("got %#x", first)
	}
	want := []memmap.EFIDescriptor{ram(0x100000, 0x2f8fff), desc(memmap.EFIBootServicesData, 0x2f9, 0x2fb), desc(data, 0x2fb, 0x2ff), desc(memmap.EFIBootServicesData, 0x2ff, 0x300)}
	if diff := cmp.Diff(want, p.Map()); diff != "" {
		t.Error(diff)
	}
	second, _ := p.AllocatePages(AnyPages, data, 1, 0)
	third, _ := p.AllocatePages(AnyPages, data, 1, 0)
	if second != 0x2f7000 || third != second-2*memmap.PageSize {
		t.Errorf("got %#x, %#x", second, third)
	}
	for addr, pages := range map[uint64]uint64{first: 2, second: 1, third: 1} {
		if status := p.FreePages(addr, pages); status != Success {
			t.Errorf("%#x: %v", addr, status)
		}
	}
	want = []memmap.EFIDescriptor{ram(0x100000, 0x2f8fff), desc(memmap.EFIBootServicesData, 0x2f9, 0x2fb), ram(0x2fb000, 0x2fefff), desc(memmap.EFIBootServicesData, 0x2ff, 0x300)}
	if diff := cmp.Diff(want, p.Map()); diff != "" {
		t.Error(diff)
	}
}

func TestNewEFIPagesRefusesBadConfigurations(t *testing.T) {
	for want, c := range map[string]EFIConfig{
		"no such firmware: EDK2(9) for x64":                                              {Release: 9},
		"a range for bins: edk2-stable202211 takes none, edk2-stable202502 and later do": {BinRange: memmap.Range{Start: 0x1000, End: 0x2000}},
		"bin 0: memory type 0x10: expected one below 16":                                 {Bins: []BinSize{{Type: 16}}},
		"17 bins: expected at most 16, one for each memory type":                         {Bins: make([]BinSize, 17)},
	} {
		if _, err := NewEFIPages(c); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	p := newEDK2(t, EFIConfig{})
	for want, d := range map[string]memmap.EFIDescriptor{
		"memory at 0x1800 begins inside a page": {Type: conv, Phys: 0x1800, Pages: 1},
		"memory at 0x1000: no type 0x63":        {Type: 99, Phys: 0x1000, Pages: 1},
		"memory at 0x1000: 0x0 pages":           {Type: conv, Phys: 0x1000},
	} {
		if err := p.AddMemory(d); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestParseEDK2(t *testing.T) {
	for i, name := range edk2Names {
		if got, err := ParseEDK2(name); err != nil || got != EDK2(i) || got.String() != name {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	if _, err := ParseEDK2("edk2"); err == nil || !strings.Contains(err.Error(), "edk2-stable202211, ") {
		t.Errorf("got %v", err)
	}
	if a, err := ParseArch("aa64"); a != AA64 || err != nil {
		t.Errorf("got %v, %v", a, err)
	}
	if _, err := ParseArch("arm64"); err == nil || err.Error() != `architecture "arm64": expected one of x64, aa64, ia32` {
		t.Errorf("got %v", err)
	}
}
