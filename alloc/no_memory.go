package alloc

import (
	"errors"
	"fmt"
	"strings"

	"bootplan/memmap"
)

// ErrNoMemory is why an allocator without room fails; every NoMemoryError is one.
var ErrNoMemory = errors.New("no memory")

// Refusal is one range of a memory map and why it could not serve a request.
type Refusal struct {
	Range  memmap.Range
	Reason string // "Boot Code, not free", "too small: 0x1000 bytes from 0x1000000"
}

// NoMemoryError tells which ranges a request could have been served from, and why
// none did.
type NoMemoryError struct {
	Request
	Tried []Refusal // in the order of the map
}

// Is makes errors.Is(err, ErrNoMemory) true.
func (e *NoMemoryError) Is(target error) bool { return target == ErrNoMemory }

// Error is a sentence, followed by one line for each free range that was refused.
func (e *NoMemoryError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "no memory for %#x bytes at a multiple of %#x from %#x to %#x", e.Size, e.Align, e.Min, e.Max)
	for _, r := range e.Tried {
		fmt.Fprintf(&b, "\n  %v: %s", r.Range, r.Reason)
	}
	return b.String()
}

// NoMemory explains why q found no place in a map. Call it after a failure: the
// search itself keeps no record. Ranges that were never free are left out.
func NoMemory(descs []memmap.EFIDescriptor, q Request) *NoMemoryError {
	s := q.rule()
	e := &NoMemoryError{Request: q}
	e.Size, e.Align, e.Min = s.size, s.align, s.min
	_, mirrored := s.count(descs)
	for i := range descs {
		if descs[i].Type == memmap.EFIConventional {
			r, err := descs[i].Range()
			if err != nil {
				r = memmap.Range{Start: descs[i].Phys, End: descs[i].Phys}
			}
			e.Tried = append(e.Tried, Refusal{r, s.reason(&descs[i], mirrored)})
		}
	}
	return e
}

// reason says why a Conventional descriptor does not serve.
func (s *slotRule) reason(d *memmap.EFIDescriptor, mirrored bool) string {
	switch r, err := d.Range(); {
	case err != nil:
		return "wraps around the end of the address space"
	case d.Attr&memmap.EFIHotPluggable != 0:
		return "hot-pluggable"
	case d.Attr&s.refuse != 0:
		return "kept for a device driver (specific purpose)"
	case r.End <= s.min:
		return fmt.Sprintf("below the minimum %#x", s.min)
	case r.Start > s.max:
		return fmt.Sprintf("above the limit %#x", s.max)
	case mirrored && d.Attr&memmap.EFIMoreReliable == 0:
		return "not mirrored, and mirrored memory has room"
	case s.slots(d) > 0:
		return "has room, but the firmware refused the address"
	default:
		first, end := roundUp(max(r.Start, s.min), s.align), min(r.Last(), s.max)+1
		return fmt.Sprintf("too small: %#x bytes from %#x", max(first, end)-first, first)
	}
}
