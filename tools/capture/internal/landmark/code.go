package landmark

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// code is the protected-mode part of a bzImage from the offset start on. All places are
// offsets from startup_32.
type code struct {
	start uint64
	bytes []byte
}

// part is the code in [from, from+n), or what there is of it.
func (c code) part(from, n uint64) code {
	if from < c.start || from-c.start > uint64(len(c.bytes)) {
		return code{start: from}
	}
	rest := c.bytes[from-c.start:]
	return code{from, rest[:min(n, uint64(len(rest)))]}
}

// all calls yield with each place where pattern fits: instructions in hex, in which ".."
// stands for any byte.
func (c code) all(pattern string) func(yield func(uint64) bool) {
	want, known := compile(pattern)
	return func(yield func(uint64) bool) {
		for i := 0; i+len(want) <= len(c.bytes); i++ {
			if fits(c.bytes[i:], want, known) && !yield(c.start+uint64(i)) {
				return
			}
		}
	}
}

// first is the first place where pattern fits.
func (c code) first(pattern string) (uint64, bool) {
	for at := range c.all(pattern) {
		return at, true
	}
	return 0, false
}

// fits compares the bytes of code that are known.
func fits(code, want []byte, known []bool) bool {
	for i, b := range want {
		if known[i] && code[i] != b {
			return false
		}
	}
	return true
}

// compile turns a pattern into bytes, and which of them are known.
func compile(pattern string) (want []byte, known []bool) {
	for i := 0; i < len(pattern); i += 2 {
		known = append(known, pattern[i] != '.')
	}
	want, err := hex.DecodeString(strings.ReplaceAll(pattern, ".", "0"))
	if err != nil {
		panic(err) // patterns are constants
	}
	return want, known
}

// operand is the address that a 32-bit displacement at the end of an instruction refers
// to; at is where the displacement begins, and the instruction ends with it.
func (c code) operand(at uint64) uint64 {
	d := int32(binary.LittleEndian.Uint32(c.bytes[at-c.start:]))
	return at + 4 + uint64(int64(d))
}

// text calls yield with each place of a string that begins there and ends with a NUL.
func (c code) text(s string) func(yield func(uint64) bool) {
	want := []byte(s + "\x00")
	return func(yield func(uint64) bool) {
		for i := 0; ; i++ {
			next := bytes.Index(c.bytes[i:], want)
			if next < 0 {
				return
			}
			i += next
			if !yield(c.start + uint64(i)) {
				return
			}
		}
	}
}
