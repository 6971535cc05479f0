package parse

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"bootplan/memmap"
)

// e820Owners are the names that kernels print before the entries of their e820
// tables: the firmware's table, fallbacks for old firmware, Xen's, and the tables
// that command line, setup_data and quirks make of it.
// Source: callers of arch/x86/kernel/e820.c:e820__print_table (v6.12).
var e820Owners = [...]string{
	"BIOS-e820", "BIOS-e801", "BIOS-88", "Xen",
	"user", "modified", "extended", "reserve setup_data", "bad_ppro",
}

// e820Names are the words for e820 types in kernel logs, old and new.
// Source: arch/x86/kernel/e820.c:e820_print_type (v2.6.12 to v7.2).
var e820Names = map[string]memmap.E820Type{
	"usable":            memmap.E820RAM,
	"System RAM":        memmap.E820RAM,
	"kernel usable RAM": memmap.E820RAM,
	"reserved":          memmap.E820Reserved,
	"device reserved":   memmap.E820Reserved,
	"soft reserved":     memmap.E820SoftReserved,
	"ACPI data":         memmap.E820ACPI,
	"ACPI NVS":          memmap.E820NVS,
	"unusable":          memmap.E820Unusable,
	"persistent RAM":    memmap.E820PMEM,
	"kernel data":       memmap.E820ReservedKern,
}

// Type codes without a name: "type 20", "persistent (type 12)", "persistent RAM (type 7)".
var e820Code = regexp.MustCompile(`^(?:persistent (?:RAM )?\()?type (\d+)\)?$`)

// Pre-release versions of the v7.0 format print a size before the type: "1.9 GB", "639   KB".
var e820Size = regexp.MustCompile(`^[0-9.]+ +[KMGTPE]?B +`)

// e820At finds an e820 entry behind whatever stands in front of it: the owner of
// the table, a colon and a space, and the beginning of a range at line[at:]. The owner is ""
// where the line has no entry.
func e820At(line []byte) (owner string, at int) {
	for {
		colon := bytes.Index(line[at:], []byte(": "))
		if colon < 0 {
			return "", 0
		}
		before := line[:at+colon]
		at += colon + len(": ")
		rest := bytes.TrimLeft(line[at:], " ")
		if len(rest) == 0 || rest[0] != '[' && !isHex(rest[0]) {
			continue
		}
		if owner := e820Owner(before); owner != "" && beginsE820(owner, rest) {
			return owner, len(line) - len(rest)
		}
	}
}

// e820Owner returns the owner with which before ends, as a word of its own.
func e820Owner(before []byte) string {
	for _, owner := range e820Owners {
		front, found := bytes.CutSuffix(before, []byte(owner))
		if found && (len(front) == 0 || !isWord(front[len(front)-1])) {
			return owner
		}
	}
	return ""
}

// beginsE820 reports whether rest begins an entry. After "BIOS-e820" nearly
// everything does, so that a damaged entry is noticed; "user" is an ordinary word.
func beginsE820(owner string, rest []byte) bool {
	if strings.HasPrefix(owner, "BIOS-") {
		return rest[0] == '[' || isDigit(rest[0])
	}
	return bytes.HasPrefix(rest, []byte("[mem 0x")) || bytes.HasPrefix(rest, []byte("[gap 0x")) ||
		hexDigits(rest) >= 16
}

func isWord(b byte) bool {
	return isDigit(b) || b == '-' || b == '_' || b|0x20 >= 'a' && b|0x20 <= 'z'
}

// parseE820 reads an entry in one of three notations:
//
//	0000000000000000 - 000000000009fc00 (usable)              end exclusive, before v3.6
//	[mem 0x0000000000000000-0x000000000009fbff] usable        end inclusive
//	[gap 0x00000000000a0000-0x00000000000effff]               no entry, since v7.0
//
// gap is true for the last. Ends may lie below starts: the kernel prints what the
// table states, modulo 2^64.
func parseE820(c *cursor) (e memmap.E820Entry, gap bool, err *Error) {
	gap = c.skip("[gap ")
	inclusive := gap || c.skip("[mem ")
	start, ok := c.hex()
	if !ok {
		return e, false, c.expected("an e820 range such as [mem 0x0000000000100000-0x00000000bfffffff]")
	}
	if !c.skip("-") && !c.skip(" - ") {
		return e, false, c.expected("a dash and the end of the range")
	}
	end, ok := c.hex()
	if !ok {
		return e, false, c.expected("the end of the range as a hexadecimal number")
	}
	if inclusive {
		if !c.skip("]") {
			return e, false, c.expected("] after the range")
		}
		end++
	}
	if gap {
		return e, true, nil
	}
	c.blanks()
	t, ok := parseE820Type(c.rest())
	if !ok {
		return e, false, c.expected("an e820 type such as usable, reserved, ACPI data or type 20")
	}
	return memmap.E820Entry{Addr: start, Size: end - start, Type: t}, false, nil
}

// parseE820Type reads the type as a kernel log words it.
func parseE820Type(text string) (memmap.E820Type, bool) {
	text = strings.TrimRight(text, " \t")
	if bare, found := strings.CutPrefix(text, "("); found {
		text = strings.TrimSuffix(bare, ")")
	}
	text = text[len(e820Size.FindString(text)):]
	if t, found := e820Names[text]; found {
		return t, true
	}
	m := e820Code.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseUint(m[1], 10, 32)
	return memmap.E820Type(n), err == nil
}
