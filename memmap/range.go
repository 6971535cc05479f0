package memmap

import (
	"errors"
	"fmt"
)

// PageSize is the size of an EFI page and of the smallest x86 page, in bytes.
const PageSize = 4096

// Sizes in bytes.
const (
	KiB = uint64(1) << 10
	MiB = uint64(1) << 20
	GiB = uint64(1) << 30
	TiB = uint64(1) << 40
)

// ErrWrap is the reason why a range cannot be made: its end lies beyond the last
// address that a 64-bit number can hold.
var ErrWrap = errors.New("range wraps around 2^64")

// ErrReversed is the reason why a range cannot be made: it ends before it starts.
var ErrReversed = errors.New("range ends before it starts")

// Range is the half-open interval [Start, End) of physical addresses, in bytes.
// The zero Range is empty.
type Range struct {
	Start, End uint64
}

// NewRange returns [start, end), or ErrReversed.
func NewRange(start, end uint64) (Range, error) {
	if end < start {
		return Range{}, fmt.Errorf("%#x to %#x: %w", start, end, ErrReversed)
	}
	return Range{start, end}, nil
}

// Sized returns [start, start+size), or ErrWrap. The range that ends at 2^64
// exactly cannot be held either and is refused.
func Sized(start, size uint64) (Range, error) {
	if start+size < start {
		return Range{}, wraps(start, size)
	}
	return Range{start, start + size}, nil
}

// wraps is apart from Sized so that that can be inlined.
func wraps(start, size uint64) error {
	return fmt.Errorf("%#x bytes at %#x: %w", size, start, ErrWrap)
}

// Len is the number of bytes in r.
func (r Range) Len() uint64 { return r.End - r.Start }

// Empty reports whether r holds no byte.
func (r Range) Empty() bool { return r.End <= r.Start }

// Last is the address of the last byte of r; r must not be empty.
func (r Range) Last() uint64 { return r.End - 1 }

// Contains reports whether the byte at addr lies in r.
func (r Range) Contains(addr uint64) bool { return addr >= r.Start && addr < r.End }

// Covers reports whether every byte of o lies in r. Every range covers an empty one.
func (r Range) Covers(o Range) bool {
	return o.Empty() || (o.Start >= r.Start && o.End <= r.End)
}

// Overlaps reports whether r and o share a byte.
func (r Range) Overlaps(o Range) bool {
	return !r.Empty() && !o.Empty() && r.Start < o.End && o.Start < r.End
}

// Intersect returns the bytes that r and o share; the result may be empty.
func (r Range) Intersect(o Range) Range {
	s := Range{max(r.Start, o.Start), min(r.End, o.End)}
	if s.Empty() {
		return Range{}
	}
	return s
}

// Outward returns r widened to multiples of align, a power of two; an empty range
// stays as it is. The end is cut to the last such multiple that 64 bits can hold.
func (r Range) Outward(align uint64) Range {
	if r.Empty() {
		return r
	}
	end := AlignUp(r.End, align)
	if end < r.End {
		end = AlignDown(^uint64(0), align)
	}
	return Range{AlignDown(r.Start, align), end}
}

// Inward returns r narrowed to multiples of align, a power of two.
func (r Range) Inward(align uint64) Range {
	s := Range{AlignUp(r.Start, align), AlignDown(r.End, align)}
	if s.Start < r.Start || s.Empty() {
		return Range{}
	}
	return s
}

// String is the inclusive form of kernel logs: "[mem 0x0000000000001000-0x000000000009ffff]".
// An empty range is shown by its start: "[mem 0x0000000000001000 empty]".
func (r Range) String() string {
	if r.Empty() {
		return fmt.Sprintf("[mem 0x%016x empty]", r.Start)
	}
	return fmt.Sprintf("[mem 0x%016x-0x%016x]", r.Start, r.Last())
}

// Short is String with as few digits as both ends need, at least eight, as newer
// kernel messages print ranges: "[mem 0x00100000-0x00c811ff]".
func (r Range) Short() string {
	if r.Empty() {
		return fmt.Sprintf("[mem 0x%08x empty]", r.Start)
	}
	return fmt.Sprintf("[mem 0x%08x-0x%08x]", r.Start, r.Last())
}

// AlignUp rounds x up to a multiple of align, a power of two. Like the kernel's
// ALIGN it wraps around to 0 above the last multiple.
func AlignUp(x, align uint64) uint64 { return (x + align - 1) &^ (align - 1) }

// AlignDown rounds x down to a multiple of align, a power of two.
func AlignDown(x, align uint64) uint64 { return x &^ (align - 1) }
