package linux

import "strings"

// maxOptionScan is the end of the 64 KiB segment in which the boot code looks at a
// command line, counted from the 16-byte paragraph in which it begins.
const maxOptionScan = 0x10000

// scanned is the part of a command line at ptr that the boot code looks at;
// limited reports that the limit comes before its end.
func scanned(ptr uint64, cmdline string) (text string, limited bool) {
	limit := maxOptionScan - int(ptr&0xf)
	if len(cmdline) >= limit {
		return cmdline[:limit], true
	}
	return cmdline, false
}

// FindOptionBool reports whether the word option is on the command line that
// stands at address ptr, as the real-mode and decompressor code look for "nokaslr"
// and "no5lvl". Every byte up to the space separates words; quotation marks and
// "--" mean nothing. A null ptr counts as found. A word that is cut short by the
// white space behind it hides the next word: "no nokaslr" does not hold "nokaslr".
// Source: arch/x86/boot/cmdline.c:__cmdline_find_option_bool (v6.12).
func FindOptionBool(ptr uint64, cmdline, option string) bool {
	if ptr == 0 {
		return true
	}
	text, limited := scanned(ptr, cmdline)
	if !strings.Contains(text, strings.TrimPrefix(option, "no")) {
		return false // no need to look at words; without the n, at which a search would often stop
	}
	for i := 0; i < len(text); i++ {
		if text[i] <= ' ' {
			continue
		}
		matched := commonPrefix(text[i:], option)
		i += matched
		if matched == len(option) && (i < len(text) && text[i] <= ' ' || i == len(text) && !limited) {
			return true
		}
		// The byte that differs is used up, even if it is white space.
		for i++; i < len(text) && text[i] > ' '; i++ {
		}
	}
	return false
}

// FindOption looks for "option=value" as the real-mode and decompressor code do,
// and returns the last value on the command line at address ptr. found is false
// without one, and for a null ptr.
// Source: arch/x86/boot/cmdline.c:__cmdline_find_option (v6.12).
func FindOption(ptr uint64, cmdline, option string) (value string, found bool) {
	if ptr == 0 {
		return "", false
	}
	text, _ := scanned(ptr, cmdline)
	for text != "" {
		n := 0
		for n < len(text) && text[n] > ' ' {
			n++
		}
		if name, v, ok := strings.Cut(text[:n], "="); ok && name == option {
			value, found = v, true
		}
		text = text[min(n+1, len(text)):]
	}
	return value, found
}

// commonPrefix is the number of leading bytes that a and b share.
func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// listHas reports whether item stands in a comma-separated list.
// Source: lib/cmdline.c:parse_option_str (v6.12).
func listHas(list, item string) bool {
	for more := true; more; {
		var first string
		first, list, more = strings.Cut(list, ",")
		if first == item {
			return true
		}
	}
	return false
}
