package record

import (
	"fmt"
	"strconv"
)

// Hex is a number that is written as "0x…".
type Hex uint64

// MarshalText writes h as "0x1f".
func (h Hex) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%#x", uint64(h)), nil }

// UnmarshalText reads "0x1f".
func (h *Hex) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 0, 64)
	if err != nil {
		return fmt.Errorf(`%q: expected a number such as "0x1f"`, text)
	}
	*h = Hex(n)
	return nil
}

// Range is what lies between two addresses, both included.
type Range struct {
	Start Hex `json:"start"`
	End   Hex `json:"end"`
}

// Span is a start and a size in bytes.
type Span struct {
	Start Hex `json:"start"`
	Size  Hex `json:"size"`
}
