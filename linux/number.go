package linux

import (
	"math"
	"math/bits"
	"strings"
)

// Strtoull reads the number at the beginning of s, as C writes it: 0x… is
// hexadecimal if a digit follows, other numbers with a leading 0 are octal. It
// returns the number modulo 2^64 and what follows its last digit; without a digit
// that is 0 and all of s.
// Source: arch/x86/boot/string.c:simple_strtoull (v6.12).
func Strtoull(s string) (value uint64, rest string) {
	base, digits := radix(s)
	value, n, _ := parseInteger(digits, base)
	return value, digits[n:]
}

// Kstrtoull reads s as one number, in the notation of Strtoull, with at most one
// "+" before and one line feed behind it. ok is false if s is anything else or the
// number does not fit in 64 bits.
// Source: arch/x86/boot/string.c:kstrtoull (v6.12).
func Kstrtoull(s string) (value uint64, ok bool) {
	base, digits := radix(strings.TrimPrefix(s, "+"))
	value, n, overflow := parseInteger(digits, base)
	end := digits[n:]
	return value, n > 0 && !overflow && (end == "" || end == "\n")
}

// Memparse reads a number with at most one suffix K, M, G, T, P or E (2^10 … 2^60)
// in either case at the beginning of s, and returns it with what follows. A suffix
// alone is 0. Bits of the product beyond 64 are lost; since 7.2 such a product is
// 2^64-1, and a suffix counts only behind a digit. (The digits by themselves wrap
// around 2^64 in every version.)
// Source: lib/cmdline.c:memparse (v6.12, v7.2).
func Memparse(s string, v Version) (value uint64, rest string) {
	value, rest = Strtoull(s)
	if rest == "" || v >= V7_2 && len(rest) == len(s) {
		return value, rest
	}
	shift := suffixShift(rest[0])
	if shift == 0 {
		return value, rest
	}
	if v >= V7_2 && bits.Len64(value)+shift > 64 {
		return math.MaxUint64, rest[1:]
	}
	return value << shift, rest[1:]
}

// suffixShift returns by how many bits a suffix shifts; 0 if c is none.
func suffixShift(c byte) int {
	switch c | 0x20 {
	case 'k':
		return 10
	case 'm':
		return 20
	case 'g':
		return 30
	case 't':
		return 40
	case 'p':
		return 50
	case 'e':
		return 60
	}
	return 0
}

// radix detects the base of the number at the beginning of s and returns it with
// the text from the first digit on. The 0 of an octal number is a digit.
func radix(s string) (base uint64, digits string) {
	if s == "" || s[0] != '0' {
		return 10, s
	}
	if len(s) > 2 && s[1]|0x20 == 'x' && digit(s[2]) < 16 {
		return 16, s[2:]
	}
	return 8, s
}

// parseInteger reads leading digits of s and returns their value modulo 2^64, how
// many there are, and whether the value did not fit.
func parseInteger(s string, base uint64) (value uint64, n int, overflow bool) {
	for ; n < len(s); n++ {
		d := digit(s[n])
		if d >= base {
			break
		}
		high, low := bits.Mul64(value, base)
		sum, carry := bits.Add64(low, d, 0)
		overflow = overflow || high != 0 || carry != 0
		value = sum
	}
	return value, n, overflow
}

// digit is the value of a hexadecimal digit; 16 or more for every other byte.
func digit(c byte) uint64 {
	switch {
	case c >= '0' && c <= '9':
		return uint64(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return uint64(c|0x20-'a') + 10
	}
	return 16
}
