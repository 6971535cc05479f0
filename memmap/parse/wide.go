package parse

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// wide is a 128-bit number: the end of an entry that firmware states may lie
// beyond 2^64, and is written down all the same.
type wide struct {
	hi, lo uint64
}

func (a wide) plus(b wide) wide {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, _ := bits.Add64(a.hi, b.hi, carry)
	return wide{hi, lo}
}

// minus wraps around like all unsigned arithmetic.
func (a wide) minus(b wide) wide {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	hi, _ := bits.Sub64(a.hi, b.hi, borrow)
	return wide{hi, lo}
}

// pages returns how many whole pages of 4096 bytes a holds; ok is false where a
// is no multiple, or the count needs more than 64 bits.
func (a wide) pages() (n uint64, ok bool) {
	return a.hi<<52 | a.lo>>12, a.lo&0xfff == 0 && a.hi>>12 == 0
}

// pageBytes is the inverse of pages.
func pageBytes(pages uint64) wide { return wide{pages >> 52, pages << 12} }

// parseWide reads hexadecimal digits.
func parseWide(digits string) (wide, bool) {
	digits = strings.TrimLeft(digits, "0")
	if len(digits) > 32 || hexDigits(digits) != len(digits) {
		return wide{}, false
	}
	low := max(0, len(digits)-16)
	hi, _ := strconv.ParseUint("0"+digits[:low], 16, 64)
	lo, _ := strconv.ParseUint("0"+digits[low:], 16, 64)
	return wide{hi, lo}, true
}

// String is "0x…" without padding.
func (a wide) String() string {
	if a.hi == 0 {
		return fmt.Sprintf("%#x", a.lo)
	}
	return fmt.Sprintf("%#x%016x", a.hi, a.lo)
}
