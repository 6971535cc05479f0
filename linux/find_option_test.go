package linux

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestFindOptionBool(t *testing.T) {
	long := strings.Repeat("x", maxOptionScan)
	for _, c := range []struct {
		name, text string
		ptr        uint64
		want       bool
	}{
		{"alone", "nokaslr", 0x20000, true},
		{"empty", "", 0x20000, false},
		{"no command line", "", 0, true},
		{"between words", "a nokaslr b", 0x20000, true},
		{"behind --", "-- nokaslr", 0x20000, true},
		{"control characters separate", "a\x01nokaslr\x1fb", 0x20000, true},
		{"0xa0 does not separate", "a\xa0nokaslr", 0x20000, false},
		{"with a value", "nokaslr=1", 0x20000, false},
		{"quoted", `"nokaslr"`, 0x20000, false},
		{"longer", "nokaslrx", 0x20000, false},
		{"shorter", "nokasl", 0x20000, false},
		{"hidden by a prefix of itself", "no nokaslr", 0x20000, false},
		{"hidden by one letter", "n nokaslr", 0x20000, false},
		{"hidden word hides no more", "no x nokaslr", 0x20000, true},
		{"two spaces hide nothing", "no  nokaslr", 0x20000, true},
		{"last in the segment, its end not seen", long[:maxOptionScan-8] + " nokaslr", 0x20000, false},
		{"its end is the last byte seen", long[:maxOptionScan-9] + " nokaslr ", 0x20000, true},
		{"the paragraph's offset counts", long[:maxOptionScan-9] + " nokaslr ", 0x20001, false},
	} {
		if got := FindOptionBool(c.ptr, c.text, "nokaslr"); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
}

// Among words that are no beginnings of the option, it is found like any word.
func TestFindOptionBoolIsWordSearch(t *testing.T) {
	word := rapid.SampledFrom([]string{"nokaslr", "quiet", "nokaslr=", "xnokaslr", "a=nokaslr", "ro"})
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOf(word).Draw(t, "words")
		separator := rapid.SampledFrom([]string{" ", "\t", "\x01 "}).Draw(t, "separator")
		got := FindOptionBool(0x8f00f, strings.Join(words, separator), "nokaslr")
		if want := slices.Contains(words, "nokaslr"); got != want {
			t.Fatalf("%q: got %v", words, got)
		}
	})
}

func TestFindOption(t *testing.T) {
	type result struct {
		Value string
		Found bool
	}
	for text, want := range map[string]result{
		"":                      {"", false},
		"acpi":                  {"", false},
		"acpi=":                 {"", true},
		"acpi=off":              {"off", true},
		"xacpi=off":             {"", false},
		"acpi=rsdt acpi=off":    {"off", true}, // the last one counts
		"acpi acpi=a=b\tc":      {"a=b", true},
		"ac acpi=off":           {"off", true}, // nothing is hidden here
		`"acpi=off"`:            {"", false},
		"acpi=\"a b\"":          {`"a`, true},
		"acpi=a acpi_rsdp=0x10": {"a", true},
	} {
		value, found := FindOption(0x20000, text, "acpi")
		if diff := cmp.Diff(want, result{value, found}); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	if _, found := FindOption(0, "acpi=off", "acpi"); found {
		t.Error("a null pointer holds an option")
	}
}

func TestListHas(t *testing.T) {
	for list, want := range map[string]bool{
		"": false, "on": true, "a,on": true, "on,a": true, ",on,": true,
		"onx": false, "xon": false, "on ": false, "a,onx,b": false, "onx,on": true,
	} {
		if got := listHas(list, "on"); got != want {
			t.Errorf("%q: got %v", list, got)
		}
	}
}

// FuzzFindOptionBool compares with a machine of states, one byte a step, that is
// how the boot code itself reads.
func FuzzFindOptionBool(f *testing.F) {
	for _, seed := range []string{"nokaslr", "no nokaslr", "a\x00b", "nokaslr\x1f"} {
		f.Add(seed, uint8(0))
	}
	f.Fuzz(func(t *testing.T, text string, offset uint8) {
		text, _, _ = strings.Cut(text, "\x00")
		got := FindOptionBool(0x20000|uint64(offset), text, "nokaslr")
		if want := byteByByte(text, "nokaslr"); got != want && len(text) < maxOptionScan-16 {
			t.Errorf("%q: got %v", text, got)
		}
	})
}

// byteByByte looks for option with one of three intentions for each byte: find a
// word, compare it, or wait for its end.
func byteByByte(text, option string) bool {
	compared, waiting := -1, false // -1: between words
	for _, c := range append([]byte(text), 0) {
		space := c <= ' '
		switch {
		case waiting:
			if space {
				waiting, compared = false, -1
			}
			continue
		case compared < 0 && c != 0 && space:
			continue
		case compared < 0:
			compared = 0
		}
		switch {
		case compared == len(option) && space:
			return true
		case compared == len(option) || c != option[compared]:
			waiting = true
		default:
			compared++
		}
	}
	return false
}
