package parse

import (
	"strconv"
	"strings"
)

// cursor reads the parts of one line from left to right.
type cursor struct {
	line string
	at   int // what comes next, in bytes from the start of the line
}

func (c *cursor) rest() string { return c.line[c.at:] }

// skip moves behind prefix if it comes next.
func (c *cursor) skip(prefix string) bool {
	if !strings.HasPrefix(c.rest(), prefix) {
		return false
	}
	c.at += len(prefix)
	return true
}

// blanks moves behind spaces and tabs.
func (c *cursor) blanks() {
	c.at = len(c.line) - len(strings.TrimLeft(c.rest(), " \t"))
}

// until returns what comes before stop and moves behind stop, if there is one.
func (c *cursor) until(stop string) (string, bool) {
	before, _, found := strings.Cut(c.rest(), stop)
	if found {
		c.at += len(before) + len(stop)
	}
	return before, found
}

// hex reads a hexadecimal number with or without 0x in front.
func (c *cursor) hex() (uint64, bool) {
	start := c.at
	c.skip("0x")
	digits := c.rest()[:hexDigits(c.rest())]
	n, err := strconv.ParseUint(digits, 16, 64)
	if err != nil {
		c.at = start
		return 0, false
	}
	c.at += len(digits)
	return n, true
}

// decimal reads a decimal number.
func (c *cursor) decimal() (uint64, bool) {
	rest := c.rest()
	end := 0
	for end < len(rest) && isDigit(rest[end]) {
		end++
	}
	n, err := strconv.ParseUint(rest[:end], 10, 64)
	if err != nil {
		return 0, false
	}
	c.at += end
	return n, true
}

// expected is the error for what comes next.
func (c *cursor) expected(what string) *Error {
	return &Error{Column: c.at + 1, Text: excerpt(c.line), Reason: "expected " + what}
}

// excerpt cuts a line to what one wants to see of it in a message.
func excerpt(line string) string {
	const most = 200
	line = strings.TrimSpace(line)
	if len(line) > most {
		return line[:most] + "…"
	}
	return line
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func isHex(b byte) bool {
	return isDigit(b) || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
}

// hexDigits counts the hexadecimal digits with which s begins.
func hexDigits[S string | []byte](s S) int {
	n := 0
	for n < len(s) && isHex(s[n]) {
		n++
	}
	return n
}
