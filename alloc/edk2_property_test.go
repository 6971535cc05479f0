package alloc

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/memmap"
)

// edk2Machine is a firmware with raw memory, and the calls made to it.
type edk2Machine struct {
	config EFIConfig
	memory []memmap.EFIDescriptor
	p      *EFIPages
	all    *memmap.Set // the memory
	live   []memmap.Range
	calls  []func(*EFIPages) (uint64, Status)
	said   []string
}

// drawEDK2 draws a firmware with up to 16 MiB of memory in pieces, in the order in which
// it learns of them: the largest first, so that it has room for itself.
func drawEDK2(t *rapid.T) *edk2Machine {
	m := &edk2Machine{all: &memmap.Set{}}
	m.config.Release = EDK2(rapid.IntRange(0, len(edk2Names)-1).Draw(t, "release"))
	m.config.Arch = rapid.SampledFrom([]Arch{X64, AA64}).Draw(t, "arch")
	for _, kind := range ovmfBins {
		m.config.Bins = append(m.config.Bins, BinSize{kind, rapid.Uint32Range(0, 40).Draw(t, "bin")})
	}
	// The oldest release guards 64 KiB pages, but not at multiples of 64 KiB: they cannot
	// be freed (tianocore bug 4674).
	if guardable := m.config.Release > EDK2Stable202211 || m.config.Arch == X64; guardable && rapid.Bool().Draw(t, "guard") {
		m.config.Guard = HeapGuard{Pages: true, Pools: true, AtHead: rapid.Bool().Draw(t, "at head"),
			PageTypes: rapid.Uint64Range(0, 0x7f).Draw(t, "page types"), PoolTypes: rapid.Uint64Range(0, 0x7f).Draw(t, "pool types")}
	}
	// Below 64 KiB a search with large pages may answer with what is no memory, as EDK2 does.
	at := rapid.Uint64Range(16, 0x200).Draw(t, "start")
	for range rapid.IntRange(1, 6).Draw(t, "pieces") {
		pages := rapid.Uint64Range(1, 0x200).Draw(t, "pages")
		kind := rapid.SampledFrom([]memmap.EFIType{conv, conv, data, memmap.EFIACPINVS}).Draw(t, "type")
		m.memory = append(m.memory, desc(kind, at, at+pages))
		at += pages + rapid.Uint64Range(0, 20).Draw(t, "gap")
	}
	m.memory = append([]memmap.EFIDescriptor{desc(conv, at+1, at+0x800)}, m.memory...)
	m.start(t)
	for _, d := range m.memory {
		m.all.Add(sized(d.Phys, d.Pages))
	}
	return m
}

// start makes the firmware anew.
func (m *edk2Machine) start(t *rapid.T) {
	p, err := NewEFIPages(m.config)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range m.memory {
		if err := p.AddMemory(d); err != nil {
			t.Fatal(err)
		}
	}
	m.p = p
}

// do makes a call and remembers it with its answer.
func (m *edk2Machine) do(call func(*EFIPages) (uint64, Status)) (uint64, Status) {
	at, status := call(m.p)
	m.calls = append(m.calls, call)
	m.said = append(m.said, fmt.Sprintf("%#x, %v", at, status))
	return at, status
}

func (m *edk2Machine) allocate(t *rapid.T) {
	kind := rapid.SampledFrom([]Kind{AnyPages, MaxAddress, Address}).Draw(t, "kind")
	kindOf := rapid.SampledFrom([]memmap.EFIType{0, 1, 2, 3, 4, 5, 6, 9, 10, 0x80000000}).Draw(t, "type")
	pages := rapid.Uint64Range(0, 40).Draw(t, "pages")
	addr := rapid.Uint64Range(0, 0x2000).Draw(t, "page") * memmap.PageSize
	at, status := m.do(func(p *EFIPages) (uint64, Status) { return p.AllocatePages(kind, kindOf, pages, addr) })
	if status != Success {
		return
	}
	r := sized(at, roundPages(pages, m.config.granule(kindOf)))
	m.take(t, r)
	if kind == Address && at != addr || kind == MaxAddress && r.Last() > addr {
		t.Fatalf("%v of %d pages at %#x gave %v", kind, pages, addr, r)
	}
}

// take enters memory that was given.
func (m *edk2Machine) take(t *rapid.T, r memmap.Range) {
	if missing := m.all.Missing(r); !missing.Empty() {
		t.Fatalf("%v is no memory", missing)
	}
	for _, o := range m.live {
		if o.Overlaps(r) {
			t.Fatalf("%v was given while %v is in use", r, o)
		}
	}
	m.live = append(m.live, r)
}

// free gives back a whole block, the pages of which are free afterwards, unless they
// guard others.
func (m *edk2Machine) free(t *rapid.T) {
	if len(m.live) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.live)-1).Draw(t, "block")
	r := m.live[i]
	m.live = slices.Delete(m.live, i, i+1)
	if _, status := m.do(func(p *EFIPages) (uint64, Status) { return 0, p.FreePages(r.Start, r.Len()/memmap.PageSize) }); status != Success {
		t.Fatalf("freeing %v: %v", r, status)
	}
	if _, status := m.do(func(p *EFIPages) (uint64, Status) { return 0, p.FreePages(r.Start, 1) }); status == Success {
		t.Fatalf("%v was freed twice", r)
	}
}

func (m *edk2Machine) pool(t *rapid.T) {
	size := rapid.Uint64Range(0, 0x3000).Draw(t, "size")
	kindOf := rapid.SampledFrom([]memmap.EFIType{0, 2, 4, 6, 9}).Draw(t, "type")
	at, status := m.do(func(p *EFIPages) (uint64, Status) { return p.AllocatePool(kindOf, size) })
	if status != Success {
		return
	}
	if at%8 != 0 {
		t.Fatalf("block at %#x", at)
	}
	if rapid.Bool().Draw(t, "keep") {
		m.take(t, memmap.Range{Start: at, End: at + size + 1})
		m.live = m.live[:len(m.live)-1] // FreePages is for pages
	} else if _, status := m.do(func(p *EFIPages) (uint64, Status) { return 0, p.FreePool(at) }); status != Success {
		t.Fatalf("freeing the block at %#x: %v", at, status)
	}
}

// check holds the map against the memory: sorted, whole pages, all of it, each once.
func (m *edk2Machine) check(t *rapid.T) {
	descs := m.p.Map()
	shown := &memmap.Set{}
	for i, d := range descs {
		if d.Pages == 0 || d.Phys%memmap.PageSize != 0 || i > 0 && d.Phys < descEnd(&descs[i-1]) {
			t.Fatalf("descriptor %d: %#x pages at %#x", i, d.Pages, d.Phys)
		}
		shown.Add(sized(d.Phys, d.Pages))
	}
	if diff := cmp.Diff(m.all.Ranges(), shown.Ranges()); diff != "" {
		t.Fatalf("bytes lost or made:\n%s", diff)
	}
	if size := uint64(len(descs)) * EDK2DescriptorSize; size > m.p.MapSize() {
		t.Fatalf("%#x bytes of map, but %#x were asked for", size, m.p.MapSize())
	}
}

func TestEDK2KeepsMemoryInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawEDK2(t)
		t.Repeat(map[string]func(*rapid.T){"allocate": m.allocate, "free": m.free, "pool": m.pool, "": m.check})
		descs, key := slices.Clone(m.p.Map()), m.p.MapKey()
		m.start(t)
		for i, call := range m.calls {
			at, status := call(m.p)
			if again := fmt.Sprintf("%#x, %v", at, status); again != m.said[i] {
				t.Fatalf("call %d: at first %s, then %s", i, m.said[i], again)
			}
		}
		if diff := cmp.Diff(descs, m.p.Map()); diff != "" || key != m.p.MapKey() {
			t.Fatalf("the same calls, another map or key (%d, then %d): %s", key, m.p.MapKey(), diff)
		}
	})
}

// The map shows the bins as if every page stood for itself: a free page in a bin is of
// the bin's type, any other as it is, and neighbours that are alike are one descriptor.
func TestEDK2CutsBinsOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawEDK2(t)
		m.config.Release = EDK2Master20260806
		m.start(t)
		t.Repeat(map[string]func(*rapid.T){"allocate": m.allocate, "free": m.free})
		var want []memmap.EFIDescriptor
		for _, e := range m.p.entries.list {
			for at := e.start; at < e.last; at += memmap.PageSize {
				want = append(want, desc(e.t, at/memmap.PageSize, at/memmap.PageSize+1))
				page := &want[len(want)-1]
				for _, b := range m.p.State().Bins {
					if e.t == conv && b.Special && b.Range.Contains(at) {
						page.Type = b.Type
					}
				}
				if page.IsRuntime() {
					page.Attr |= memmap.EFIRuntime
				}
			}
		}
		if diff := cmp.Diff(joinNeighbours(want), m.p.Map()); diff != "" {
			t.Fatal(diff)
		}
	})
}
