package memmap

import (
	"errors"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

const top = ^uint64(0) // the last address

func TestSizedRefusesWhatDoesNotFit(t *testing.T) {
	for _, c := range []struct {
		start, size uint64
		want        Range
		err         error
	}{
		{0, 0, Range{}, nil},
		{0x1000, 0x9f000, Range{0x1000, 0xa0000}, nil},
		{top, 0, Range{top, top}, nil},
		{0, top, Range{0, top}, nil},
		{1, top, Range{}, ErrWrap},              // ends at 2^64 exactly
		{top - 0xfff, 0x1000, Range{}, ErrWrap}, // the last page
		{top - 0xfff, 0xfff, Range{top - 0xfff, top}, nil},
		{0x1000, top, Range{}, ErrWrap},
	} {
		got, err := Sized(c.start, c.size)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("Sized(%#x, %#x) = %v, %v", c.start, c.size, got, err)
		}
	}
}

func TestNewRangeRefusesReversedEnds(t *testing.T) {
	if r, err := NewRange(5, 5); r != (Range{5, 5}) || err != nil {
		t.Errorf("NewRange(5, 5) = %v, %v", r, err)
	}
	if _, err := NewRange(6, 5); !errors.Is(err, ErrReversed) {
		t.Errorf("NewRange(6, 5): %v", err)
	}
}

func TestRangeAsPeopleSeeIt(t *testing.T) {
	for _, c := range []struct {
		r           Range
		long, short string
	}{
		{Range{0x1000, 0xa0000}, "[mem 0x0000000000001000-0x000000000009ffff]", "[mem 0x00001000-0x0009ffff]"},
		{Range{4 * GiB, 5 * GiB}, "[mem 0x0000000100000000-0x000000013fffffff]", "[mem 0x100000000-0x13fffffff]"},
		{Range{0x1000, 0x1000}, "[mem 0x0000000000001000 empty]", "[mem 0x00001000 empty]"},
		{Range{top - 1, top}, "[mem 0xfffffffffffffffe-0xfffffffffffffffe]", "[mem 0xfffffffffffffffe-0xfffffffffffffffe]"},
	} {
		if c.r.String() != c.long || c.r.Short() != c.short {
			t.Errorf("%#v is shown as %v, short %v", c.r, c.r, c.r.Short())
		}
	}
}

// ends are addresses close to the two ends of the address space and to a page border.
func ends() *rapid.Generator[uint64] {
	return rapid.OneOf(
		rapid.Uint64Range(0, 32),
		rapid.Uint64Range(top-32, top),
		rapid.Uint64Range(PageSize-4, PageSize+4),
		rapid.Uint64(),
	)
}

func someRange() *rapid.Generator[Range] {
	return rapid.Custom(func(t *rapid.T) Range {
		a, b := ends().Draw(t, "a"), ends().Draw(t, "b")
		return Range{min(a, b), max(a, b)}
	})
}

// Two ranges relate as their addresses do, and the addresses at which an answer can
// change are the four ends and their neighbours.
func TestRangesRelateAsTheirAddressesDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, o := someRange().Draw(t, "r"), someRange().Draw(t, "o")
		overlaps, covers := false, true
		both := r.Intersect(o)
		for _, end := range []uint64{r.Start, r.End, o.Start, o.End} {
			for _, at := range []uint64{end - 1, end, end + 1} {
				inR, inO := r.Contains(at), o.Contains(at)
				overlaps = overlaps || inR && inO
				covers = covers && (inR || !inO)
				if both.Contains(at) != (inR && inO) {
					t.Fatalf("%v and %v share %v, which is wrong at %#x", r, o, both, at)
				}
			}
		}
		if r.Overlaps(o) != overlaps {
			t.Fatalf("%v overlaps %v: %v", r, o, r.Overlaps(o))
		}
		if r.Covers(o) != covers {
			t.Fatalf("%v covers %v: %v", r, o, r.Covers(o))
		}
	})
}

// The reference computes with numbers that do not wrap around.
func TestAligning(t *testing.T) {
	limit := new(big.Int).Lsh(big.NewInt(1), 64)
	number := func(x uint64) *big.Int { return new(big.Int).SetUint64(x) }
	rapid.Check(t, func(t *rapid.T) {
		r := someRange().Draw(t, "r")
		align := uint64(1) << rapid.IntRange(0, 63).Draw(t, "shift")
		down := func(x uint64) *big.Int { return new(big.Int).Sub(number(x), number(x%align)) }
		up := func(x uint64) *big.Int {
			if x%align == 0 {
				return number(x)
			}
			return new(big.Int).Add(down(x), number(align))
		}

		inward := Range{}
		if up(r.Start).Cmp(down(r.End)) < 0 {
			inward = Range{up(r.Start).Uint64(), down(r.End).Uint64()}
		}
		if got := r.Inward(align); got != inward {
			t.Fatalf("%v inward to %#x is %v, want %v", r, align, got, inward)
		}

		outward := r
		if r.Start < r.End {
			end := up(r.End)
			if end.Cmp(limit) >= 0 {
				end = down(top)
			}
			outward = Range{down(r.Start).Uint64(), end.Uint64()}
		}
		if got := r.Outward(align); got != outward {
			t.Fatalf("%v outward to %#x is %v, want %v", r, align, got, outward)
		}
	})
}

func TestAlignUpWrapsLikeTheKernels(t *testing.T) {
	for _, c := range []struct{ x, align, want uint64 }{
		{0, PageSize, 0}, {1, PageSize, PageSize}, {PageSize, PageSize, PageSize},
		{top - 0xfff, PageSize, top - 0xfff}, {top - 0xffe, PageSize, 0}, {top, 1, top},
	} {
		if got := AlignUp(c.x, c.align); got != c.want {
			t.Errorf("AlignUp(%#x, %#x) = %#x, want %#x", c.x, c.align, got, c.want)
		}
	}
}
