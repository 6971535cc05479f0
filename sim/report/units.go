package report

import (
	"fmt"
	"strconv"
	"strings"

	"bootplan/memmap"
	"bootplan/rule"
)

// Size is n bytes in a unit that leaves few digits: "56 MiB", "639 KiB", "2 GiB",
// "2043.8 MiB".
func Size(n uint64) string {
	for _, u := range []struct {
		bytes uint64
		name  string
	}{{memmap.TiB, "TiB"}, {memmap.GiB, "GiB"}, {memmap.MiB, "MiB"}, {memmap.KiB, "KiB"}} {
		big := u.bytes >= memmap.GiB && n < 16*u.bytes && n%u.bytes != 0 // a rounded "2 GiB" would hide megabytes
		if n >= u.bytes && !big {
			value := float64(n) / float64(u.bytes)
			text := strconv.FormatFloat(value, 'f', 1, 64)
			if strings.HasSuffix(text, ".0") && n%u.bytes != 0 {
				text = strconv.FormatFloat(value, 'f', 2, 64) // 1023.98 is not 1024
			}
			return strings.TrimSuffix(strings.TrimSuffix(text, ".0"), ".00") + " " + u.name
		}
	}
	if n == 1 {
		return "1 byte"
	}
	return strconv.FormatUint(n, 10) + " bytes"
}

// Severity is the name of s, coloured where the style has colours.
func (style Style) Severity(s rule.Severity) string {
	if !style.Color || s == rule.Info {
		return s.String()
	}
	color := "31" // red
	if s == rule.Warning {
		color = "33" // yellow
	}
	return "\x1b[" + color + "m" + s.String() + "\x1b[0m"
}

// Count is n with thousands separated and the noun in the right number: "1 place",
// "2,981 places".
func Count(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Thousands(n) + " " + noun + "s"
}

// Thousands is n with commas: "2,981".
func Thousands(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Address is an address as JSON and tables show it: "0x1000".
func Address(a uint64) string { return fmt.Sprintf("%#x", a) }

// Range is a range in JSON; End is exclusive.
type Range struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

// JSONRange is r as JSON shows it.
func JSONRange(r memmap.Range) Range { return Range{Address(r.Start), Address(r.End)} }
