package alloc

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/memmap"
	"bootplan/memmap/mapgen"
)

// firmwareUnderTest is a firmware and what checkBootServices may expect of it.
type firmwareUnderTest struct {
	start func(descs []memmap.EFIDescriptor) (BootServices, error)
	// ownPages: the firmware takes BootServicesData for its own use when it likes, in a
	// call that fails as well, and may keep it.
	ownPages bool
}

// checkBootServices plays a caller that keeps UEFI's rules: it frees only what it got,
// and asks for addresses only where memory is free as a whole, or where none is. After
// every call
//   - the map describes the bytes that it described at first, sorted, each once,
//   - live blocks do not overlap, and the map shows each under its type,
//   - what was not touched has its type, what was freed is free,
//   - a failed call has changed nothing, and a change of the map has changed its key.
//
// A search fails only when no descriptor has room. In the end all is freed, the free
// memory is what it was, and the same calls on a new firmware have the same answers.
func checkBootServices(t *testing.T, f firmwareUnderTest) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCaller(t, f)
		t.Repeat(map[string]func(*rapid.T){
			"allocate any":         func(t *rapid.T) { c.allocate(t, AnyPages, 0) },
			"allocate below":       func(t *rapid.T) { c.allocate(t, MaxAddress, c.drawPage(t)+memmap.PageSize-1) },
			"allocate at":          c.allocateAt,
			"allocate taken":       c.allocateTaken,
			"allocate a pool":      c.allocatePool,
			"free":                 c.free,
			"free part":            c.freePart,
			"free a pool":          c.freePool,
			"free what is free":    c.freeFree,
			"":                     c.check,
			"refuse unknown types": c.refuseTypes,
		})
		c.finish(t)
	})
}

// block is live memory of the caller.
type block struct {
	memmap.Range
	Type memmap.EFIType
	Pool bool
}

// answer is what one call returned, for the comparison with a second run.
type answer struct {
	Call   string
	Addr   uint64
	Status Status
}

// caller is the state machine: a firmware, and what a caller knows about its memory.
type caller struct {
	f     firmwareUnderTest
	fw    BootServices
	descs []memmap.EFIDescriptor // the machine
	first []memmap.EFIDescriptor // the firmware's map before the first call
	live  []block
	calls []func(BootServices) answer
	said  []answer
}

func newCaller(t *rapid.T, f firmwareUnderTest) *caller {
	descs := rapid.OneOf(mapgen.RealisticEFI(), plainEFI(mapgen.EFI())).Draw(t, "map")
	fw, err := f.start(descs)
	if err != nil {
		t.Fatal(err)
	}
	return &caller{f: f, fw: fw, descs: descs, first: slices.Clone(fw.Map())}
}

// plainEFI leaves out what a firmware may have rules of its own about: free memory
// with special attributes.
func plainEFI(maps *rapid.Generator[[]memmap.EFIDescriptor]) *rapid.Generator[[]memmap.EFIDescriptor] {
	return rapid.Map(maps, func(descs []memmap.EFIDescriptor) []memmap.EFIDescriptor {
		for i := range descs {
			if isFree(&descs[i]) {
				descs[i].Attr = memmap.EFIWB
			}
		}
		return descs
	})
}

// do makes a call, remembers it, and returns its answer. A failed call must leave the
// map as it is, and a changed map must have a new key.
func (c *caller) do(t *rapid.T, name string, call func(BootServices) (uint64, Status)) (uint64, Status) {
	again := func(fw BootServices) answer {
		at, status := call(fw)
		if status != Success {
			at = 0
		}
		return answer{name, at, status}
	}
	before, key := slices.Clone(c.fw.Map()), c.fw.MapKey()
	a := again(c.fw)
	c.calls, c.said = append(c.calls, again), append(c.said, a)
	changed := !slices.Equal(before, c.fw.Map())
	if changed && a.Status != Success && !c.f.ownPages {
		t.Fatalf("%s failed with %v and changed the map:\n%s", name, a.Status, cmp.Diff(before, c.fw.Map()))
	}
	if changed && key == c.fw.MapKey() {
		t.Fatalf("%s changed the map, but not its key", name)
	}
	return a.Addr, a.Status
}

// allocate asks for pages by kind and checks the place, or the refusal.
func (c *caller) allocate(t *rapid.T, kind Kind, addr uint64) {
	pages, kindOf := drawPages(t), drawType(t)
	limit := addr
	if kind == AnyPages {
		limit = ^uint64(0)
	}
	room := c.room(limit)
	at, status := c.do(t, fmt.Sprintf("AllocatePages(%v, %v, %#x, %#x)", kind, kindOf, pages, addr), func(fw BootServices) (uint64, Status) {
		return fw.AllocatePages(kind, kindOf, pages, addr)
	})
	switch {
	case status == Success:
		c.take(t, block{Range: sized(at, pages), Type: kindOf})
		if last := at + pages*memmap.PageSize - 1; last > limit {
			t.Fatalf("the last byte %#x lies above %#x", last, limit)
		}
	case status != OutOfResources:
		t.Fatalf("got %v", status)
	case pages <= room:
		t.Fatalf("%#x pages up to %#x refused, but %#x are free in one piece", pages, limit, room)
	}
}

// room is the largest number of pages that a search must find. Page 0 takes no part,
// nor does the page that the limit lies in, which not all firmware uses.
func (c *caller) room(limit uint64) (pages uint64) {
	within := memmap.Range{Start: memmap.PageSize, End: memmap.AlignDown(limit, memmap.PageSize)}
	for _, d := range c.fw.Map() {
		if r, err := d.Range(); err == nil && isFree(&d) {
			pages = max(pages, r.Intersect(within).Len()/memmap.PageSize)
		}
	}
	return pages
}

// allocateAt asks for part of a free descriptor, which must succeed.
func (c *caller) allocateAt(t *rapid.T) {
	r, ok := c.drawPiece(t, isFree)
	if !ok {
		return
	}
	kindOf := drawType(t)
	if at, status := c.ask(t, kindOf, r); status != Success || at != r.Start {
		t.Fatalf("%v is free: got %#x, %v", r, at, status)
	}
	c.take(t, block{Range: r, Type: kindOf})
}

// allocateTaken asks for memory that is not free, which must fail.
func (c *caller) allocateTaken(t *rapid.T) {
	r, ok := c.drawPiece(t, func(d *memmap.EFIDescriptor) bool { return !isFree(d) })
	if !ok {
		return
	}
	if _, status := c.ask(t, memmap.EFILoaderData, r); status != NotFound {
		t.Fatalf("%v is taken: got %v", r, status)
	}
}

func (c *caller) ask(t *rapid.T, kindOf memmap.EFIType, r memmap.Range) (uint64, Status) {
	return c.do(t, fmt.Sprintf("AllocatePages(Address, %v, %v)", kindOf, r), func(fw BootServices) (uint64, Status) {
		return fw.AllocatePages(Address, kindOf, r.Len()/memmap.PageSize, r.Start)
	})
}

// refuseTypes asks for memory of types that UEFI forbids.
func (c *caller) refuseTypes(t *rapid.T) {
	kindOf := rapid.SampledFrom([]memmap.EFIType{memmap.EFIPersistent, memmap.EFIUnaccepted, 16, firstOEMType - 1}).Draw(t, "type")
	_, status := c.do(t, fmt.Sprintf("AllocatePages(%v)", kindOf), func(fw BootServices) (uint64, Status) {
		return fw.AllocatePages(AnyPages, kindOf, 1, 0)
	})
	if status != InvalidParameter {
		t.Fatalf("%v: got %v", kindOf, status)
	}
}

func (c *caller) allocatePool(t *rapid.T) {
	size, kindOf := rapid.Uint64Range(1, 3*memmap.PageSize).Draw(t, "size"), drawType(t)
	at, status := c.do(t, fmt.Sprintf("AllocatePool(%v, %#x)", kindOf, size), func(fw BootServices) (uint64, Status) {
		return fw.AllocatePool(kindOf, size)
	})
	switch {
	case status == OutOfResources:
	case status != Success:
		t.Fatalf("got %v", status)
	case at%8 != 0:
		t.Fatalf("block at %#x", at)
	default:
		c.take(t, block{Range: memmap.Range{Start: at, End: at + size}, Type: kindOf, Pool: true})
	}
}

// free gives a whole block of pages back.
func (c *caller) free(t *rapid.T) {
	if i, ok := c.drawLive(t, false); ok {
		c.freePages(t, i, c.live[i].Range)
	}
}

// freePart gives some pages of a block back.
func (c *caller) freePart(t *rapid.T) {
	if i, ok := c.drawLive(t, false); ok {
		c.freePages(t, i, drawPart(t, c.live[i].Range))
	}
}

func (c *caller) freePages(t *rapid.T, i int, r memmap.Range) {
	_, status := c.do(t, fmt.Sprintf("FreePages(%v)", r), func(fw BootServices) (uint64, Status) {
		return 0, fw.FreePages(r.Start, r.Len()/memmap.PageSize)
	})
	if status != Success {
		t.Fatalf("freeing %v: %v", r, status)
	}
	c.leave(i, r)
}

// leave takes r out of block i, which may become two.
func (c *caller) leave(i int, r memmap.Range) {
	whole := c.live[i]
	c.live = slices.Delete(c.live, i, i+1)
	for _, rest := range []memmap.Range{{Start: whole.Start, End: r.Start}, {Start: r.End, End: whole.End}} {
		if !rest.Empty() {
			c.live = append(c.live, block{Range: rest, Type: whole.Type})
		}
	}
}

func (c *caller) freePool(t *rapid.T) {
	i, ok := c.drawLive(t, true)
	if !ok {
		return
	}
	addr := c.live[i].Start
	_, status := c.do(t, fmt.Sprintf("FreePool(%#x)", addr), func(fw BootServices) (uint64, Status) {
		return 0, fw.FreePool(addr)
	})
	if status != Success {
		t.Fatalf("freeing the block at %#x: %v", addr, status)
	}
	c.live = slices.Delete(c.live, i, i+1)
}

// freeFree frees memory that is free, which must fail.
func (c *caller) freeFree(t *rapid.T) {
	r, ok := c.drawPiece(t, isFree)
	if !ok {
		return
	}
	_, status := c.do(t, fmt.Sprintf("FreePages(%v), which is free", r), func(fw BootServices) (uint64, Status) {
		return 0, fw.FreePages(r.Start, r.Len()/memmap.PageSize)
	})
	if status != NotFound {
		t.Fatalf("freeing %v, which is free: got %v", r, status)
	}
}

// take enters a block that was given; nobody else may hold any byte of it.
func (c *caller) take(t *rapid.T, b block) {
	for _, o := range c.live {
		if o.Overlaps(b.Range) {
			t.Fatalf("%v was given out while %v is in use", b.Range, o.Range)
		}
	}
	c.live = append(c.live, b)
}

// check holds the firmware's map against what the caller knows.
func (c *caller) check(t *rapid.T) {
	descs := c.fw.Map()
	for i, d := range descs {
		if d.Pages == 0 || d.Phys%memmap.PageSize != 0 {
			t.Fatalf("descriptor %d: %#x pages at %#x", i, d.Pages, d.Phys)
		}
		if i > 0 && descEnd(&descs[i-1]) > d.Phys {
			t.Fatalf("descriptor %d at %#x begins before the end of the one below", i, d.Phys)
		}
	}
	if need := uint64(len(descs)) * descSize; c.fw.MapSize() < need {
		t.Fatalf("%d descriptors in a buffer of %#x bytes", len(descs), c.fw.MapSize())
	}
	if diff := cmp.Diff(newSet(c.descs).Ranges(), newSet(descs).Ranges()); diff != "" {
		t.Fatalf("bytes lost or made:\n%s", diff)
	}
	c.checkTypes(t)
}

// checkTypes: live blocks have their type, all else type and attribute of the first map.
// Around pool blocks the firmware keeps what it needs.
func (c *caller) checkTypes(t *rapid.T) {
	pages := &memmap.Set{}
	for _, b := range c.live {
		pages.Add(b.Outward(memmap.PageSize))
		same := func(d memmap.EFIDescriptor) bool { return d.Type == b.Type }
		if rest := allOf(c.fw.Map(), same).Missing(b.Range); !rest.Empty() {
			t.Fatalf("%v of %v is not shown as %v", rest, b.Range, b.Type)
		}
	}
	for _, d := range c.first {
		same := func(o memmap.EFIDescriptor) bool { return o.Type == d.Type && o.Attr == d.Attr }
		now := allOf(c.fw.Map(), same)
		_, untouched := pages.Intersection(sized(d.Phys, d.Pages))
		for _, u := range untouched {
			if rest := now.Missing(u); !rest.Empty() && !c.mayBeFirmwares(rest) {
				t.Fatalf("%v was %v, %v; nobody holds it, and it is that no longer", rest, d.Type, d.Attr)
			}
		}
	}
}

// mayBeFirmwares reports whether the firmware may use r itself: the page of a pool
// block's head or tail, or pages of its own.
func (c *caller) mayBeFirmwares(r memmap.Range) bool {
	near := func(b block) bool { return b.Pool && b.Start <= r.End && r.Start <= b.End+X64.pool().tail }
	own := func(d memmap.EFIDescriptor) bool { return d.Type == memmap.EFIBootServicesData }
	return slices.ContainsFunc(c.live, near) || c.f.ownPages && allOf(c.fw.Map(), own).Covers(r)
}

// finish frees all, and plays the calls again on a new firmware.
func (c *caller) finish(t *rapid.T) {
	for len(c.live) > 0 {
		if c.live[0].Pool {
			addr := c.live[0].Start
			c.do(t, "FreePool", func(fw BootServices) (uint64, Status) { return 0, fw.FreePool(addr) })
			c.live = c.live[1:]
		} else {
			c.freePages(t, 0, c.live[0].Range)
		}
	}
	c.check(t)
	second, err := c.f.start(c.descs)
	if err != nil {
		t.Fatal(err)
	}
	for i, call := range c.calls {
		if again := call(second); again != c.said[i] {
			t.Fatalf("call %d: at first %v, then %v", i, c.said[i], again)
		}
	}
	if diff := cmp.Diff(c.fw.Map(), second.Map()); diff != "" || c.fw.MapKey() != second.MapKey() || c.fw.MapSize() != second.MapSize() {
		t.Fatalf("the same calls gave another map, key or size:\n%s", diff)
	}
}

// drawPiece draws some pages of one descriptor of the present map, not page 0.
func (c *caller) drawPiece(t *rapid.T, like func(*memmap.EFIDescriptor) bool) (r memmap.Range, ok bool) {
	var pieces []memmap.Range
	for _, d := range c.fw.Map() {
		if r := (memmap.Range{Start: max(d.Phys, memmap.PageSize), End: descEnd(&d)}); like(&d) && !r.Empty() {
			pieces = append(pieces, r)
		}
	}
	if len(pieces) == 0 {
		return memmap.Range{}, false
	}
	return drawPart(t, rapid.SampledFrom(pieces).Draw(t, "descriptor")), true
}

// drawLive draws the index of a live block of pages, or of a pool.
func (c *caller) drawLive(t *rapid.T, pool bool) (i int, ok bool) {
	var of []int
	for i, b := range c.live {
		if b.Pool == pool {
			of = append(of, i)
		}
	}
	if len(of) == 0 {
		return 0, false
	}
	return rapid.SampledFrom(of).Draw(t, "block"), true
}

// drawPage draws the address of a page that the map describes, or of the last one.
func (c *caller) drawPage(t *rapid.T) uint64 {
	all := newSet(c.fw.Map()).Ranges()
	if len(all) == 0 {
		return lastPage
	}
	return drawPart(t, rapid.SampledFrom(all).Draw(t, "range")).Start
}

// drawPart draws some whole pages of r.
func drawPart(t *rapid.T, r memmap.Range) memmap.Range {
	first := rapid.Uint64Range(0, r.Len()/memmap.PageSize-1).Draw(t, "first page")
	start := r.Start + first*memmap.PageSize
	return sized(start, rapid.Uint64Range(1, (r.End-start)/memmap.PageSize).Draw(t, "pages"))
}

func drawPages(t *rapid.T) uint64 {
	return rapid.OneOf(rapid.Uint64Range(1, 8), rapid.Uint64Range(1, 1<<14), rapid.Uint64Range(1, 1<<20)).Draw(t, "pages")
}

func drawType(t *rapid.T) memmap.EFIType {
	return rapid.SampledFrom([]memmap.EFIType{
		memmap.EFILoaderCode, memmap.EFILoaderData, memmap.EFIBootServicesData, memmap.EFIRuntimeServicesData, memmap.EFIACPIReclaim, 0x80000000,
	}).Draw(t, "type")
}

// sized is the range of pages at addr.
func sized(addr, pages uint64) memmap.Range {
	return memmap.Range{Start: addr, End: addr + pages*memmap.PageSize}
}

// allOf is the memory of all descriptors that are like this.
func allOf(descs []memmap.EFIDescriptor, like func(memmap.EFIDescriptor) bool) *memmap.Set {
	return newSet(slices.DeleteFunc(slices.Clone(descs), func(d memmap.EFIDescriptor) bool { return !like(d) }))
}
