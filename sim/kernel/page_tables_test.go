package kernel

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/alloc"
	"bootplan/linux"
	"bootplan/memmap"
)

const (
	mib = memmap.MiB
	gib = memmap.GiB
)

// withRAM is a direct map on a machine with RAM in one range.
func withRAM(t *testing.T, ram memmap.Range, sizes pageSizes) *directMap {
	m := alloc.NewMemblock(linux.V6_12)
	if err := m.Add(ram.Start, ram.Len()); err != nil {
		t.Fatal(err)
	}
	return &directMap{Setup: &Setup{State: State{Memblock: m}}, sizes: sizes}
}

func TestSplitByPageSize(t *testing.T) {
	r := func(start, end uint64) memmap.Range { return memmap.Range{Start: start, End: end} }
	const end = 5*gib + 6*mib + 0x2000
	for name, c := range map[string]struct {
		ram   memmap.Range
		sizes pageSizes
		want  []piece
	}{
		"RAM ends in the middle of pages": {r(mib, end), use2M | use1G, []piece{
			{r(mib, 2*mib), 0}, {r(2*mib, gib), use2M}, {r(gib, 5*gib), use2M | use1G}, {r(5*gib, 5*gib+6*mib), use2M}, {r(5*gib+6*mib, end), 0},
		}},
		"RAM goes on, so that large pages may reach beyond": {r(mib, 6*gib), use2M | use1G, []piece{
			{r(mib, 2*mib), 0}, {r(2*mib, gib), use2M}, {r(gib, end), use2M | use1G},
		}},
		"without pages of 1 GiB": {r(mib, end), use2M, []piece{
			{r(mib, 2*mib), 0}, {r(2*mib, 5*gib+6*mib), use2M}, {r(5*gib+6*mib, end), 0},
		}},
	} {
		d := withRAM(t, c.ram, c.sizes)
		if diff := cmp.Diff(c.want, d.split(r(mib, end)), cmp.AllowUnexported(piece{})); diff != "" {
			t.Errorf("%s: -by hand +split:\n%s", name, diff)
		}
	}
}

// Each case maps one piece after the other; the pages are those of new tables.
func TestTablesThatPiecesNeed(t *testing.T) {
	r := func(start, end uint64) memmap.Range { return memmap.Range{Start: start, End: end} }
	const shifted = 0xff11000000000000 + 511*gib // the second GiB begins the next upper table
	for name, c := range map[string]struct {
		base   uint64
		la57   bool
		pieces []piece
		pages  []int
		ends   []uint64
	}{
		"the first MiB, then the rest of its 2 MiB and GiB": {
			0xffff888000000000, false,
			[]piece{{r(0, mib), 0}, {r(mib, 2*mib), 0}, {r(2*mib, gib), use2M}, {r(gib, 3*gib), use2M | use1G}},
			[]int{3, 0, 0, 0}, []uint64{mib, 2 * mib, gib, 3 * gib},
		},
		"five levels": {0xff11000000000000, true, []piece{{r(0, mib), 0}}, []int{4}, []uint64{mib}},
		"a direct map that crosses an upper table": {
			shifted, true, []piece{{r(0, mib), 0}, {r(gib, gib+2*mib), use2M}}, []int{4, 2}, []uint64{mib, gib + 2*mib},
		},
		"large pages that reach beyond the piece": {
			0xffff888000000000, false,
			[]piece{{r(gib, gib+mib), use2M}, {r(2*gib, 2*gib+mib), use2M | use1G}, {r(gib+mib, gib+2*mib), 0}, {r(gib, gib+mib), use2M}},
			[]int{2, 0, 1, 0}, []uint64{gib + 2*mib, 3 * gib, gib + 2*mib, gib + mib},
		},
		"512 GiB and more in pages of 1 GiB": {
			0xffff888000000000, false, []piece{{r(gib, 1025*gib), use2M | use1G}}, []int{3}, []uint64{1025 * gib},
		},
		"two GiB in pages of 4 KiB": {
			0xffff888000000000, false, []piece{{r(0, 2*gib), 0}}, []int{1 + 2 + 1024}, []uint64{2 * gib},
		},
	} {
		var tables pageTables
		tables.reset(c.base, c.la57)
		for i, p := range c.pieces {
			pages := 0
			end, err := tables.add(p, func() error { pages++; return nil })
			if err != nil || pages != c.pages[i] || end != c.ends[i] {
				t.Errorf("%s, piece %d: %d pages up to %#x (%v), expected %d up to %#x", name, i, pages, end, err, c.pages[i], c.ends[i])
			}
		}
	}
}

// Without room for a table the kernel's last resort is .brk, which it has closed by
// then; it does not even try while it maps the buffer there.
func TestHowTheKernelStopsWithoutRoomForTables(t *testing.T) {
	for avoid, want := range map[bool]*linux.Panic{
		false: {Text: "_brk_start == 0", BUG: true},
		true:  {Text: "alloc_low_pages: can not alloc memory"},
	} {
		d := withRAM(t, memmap.Range{Start: mib, End: gib}, use2M)
		d.in.Version, d.avoid = linux.V6_12, avoid
		if diff := cmp.Diff(error(want), d.tablePage()); diff != "" {
			t.Errorf("avoid=%v: %s", avoid, diff)
		}
	}
}
