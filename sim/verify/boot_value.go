package verify

import (
	"encoding/json"
	"fmt"
	"reflect"

	"bootplan/memmap"
)

// A Value is what a fact says, predicted or recorded: an [Address], a [Number], a
// [Change], a [Text], a [Range], [Slots], [Places] or a [List]. Values of equal type and
// content are equal. String is the form for people, MarshalJSON that for scripts.
type Value interface{ String() string }

// Address is a physical or virtual address, or a 64-bit word.
type Address uint64

func (a Address) String() string { return fmt.Sprintf("%#x", uint64(a)) }

// MarshalText writes the address in lower-case hexadecimal digits.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Number is a count.
type Number uint64

func (n Number) String() string { return fmt.Sprint(uint64(n)) }

// Change is a difference of two numbers of bytes.
type Change int64

func (c Change) String() string { return fmt.Sprintf("%+#x", int64(c)) }

// MarshalText writes the sign and hexadecimal digits.
func (c Change) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Text is a word or a line.
type Text string

func (t Text) String() string { return string(t) }

// Range is memory, with what it is where that is part of the fact: the type of an
// e820 entry, permissions.
type Range struct {
	memmap.Range
	What string
}

func (r Range) String() string {
	if r.What == "" {
		return r.Range.String()
	}
	return r.Range.String() + " " + r.What
}

// MarshalJSON writes start, exclusive end, and what.
func (r Range) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Start Address `json:"start"`
		End   Address `json:"end"`
		What  string  `json:"what,omitempty"`
	}{Address(r.Start), Address(r.End), r.What})
}

// Slots is a row of places for the kernel.
type Slots struct {
	Start Address `json:"start"`
	Count uint64  `json:"slots"`
}

func (s Slots) String() string { return fmt.Sprintf("%d slots from %v", s.Count, s.Start) }

// Places stands for a choice among many places, where the random number was not
// recorded.
type Places struct {
	Count uint64 `json:"places"`
}

func (p Places) String() string {
	if p.Count == 1 {
		return "the only place"
	}
	return fmt.Sprintf("one of %d places", p.Count)
}

// List is a fact of several values in order.
type List []Value

func (l List) String() string { return fmt.Sprintf("%d entries", len(l)) }

// same reports whether two values say the same.
func same(a, b Value) bool { return reflect.DeepEqual(a, b) }
