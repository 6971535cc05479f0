package linux

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

type parsed struct {
	Value uint64
	Rest  string
}

func TestStrtoull(t *testing.T) {
	for text, want := range map[string]parsed{
		"":                     {0, ""},
		"x":                    {0, "x"},
		"-1":                   {0, "-1"},
		"12ab":                 {12, "ab"},
		"0":                    {0, ""},
		"010":                  {8, ""},
		"019":                  {1, "9"},
		"0x":                   {0, "x"},
		"0xg":                  {0, "xg"},
		"0X1F":                 {31, ""},
		"0x1g":                 {1, "g"},
		"18446744073709551615": {math.MaxUint64, ""},
		"18446744073709551617": {1, ""}, // modulo 2^64
		"0x10000000000000001":  {1, ""},
	} {
		value, rest := Strtoull(text)
		if diff := cmp.Diff(want, parsed{value, rest}); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestMemparse(t *testing.T) {
	for _, c := range []struct {
		text        string
		v6_12, v7_2 parsed
	}{
		{"64M$1G", parsed{64 << 20, "$1G"}, parsed{64 << 20, "$1G"}},
		{"1k", parsed{1 << 10, ""}, parsed{1 << 10, ""}},
		{"2t", parsed{2 << 40, ""}, parsed{2 << 40, ""}},
		{"3PP", parsed{3 << 50, "P"}, parsed{3 << 50, "P"}},
		{"0x10e", parsed{0x10e, ""}, parsed{0x10e, ""}}, // e is a digit here
		{"1e", parsed{1 << 60, ""}, parsed{1 << 60, ""}},
		{"15E", parsed{15 << 60, ""}, parsed{15 << 60, ""}},
		{"16E", parsed{0, ""}, parsed{math.MaxUint64, ""}},
		{"17E", parsed{1 << 60, ""}, parsed{math.MaxUint64, ""}},
		{"18446744073709551617K", parsed{1 << 10, ""}, parsed{1 << 10, ""}}, // the digits wrap first
		{"K", parsed{0, ""}, parsed{0, "K"}},
		{"", parsed{0, ""}, parsed{0, ""}},
		{"@", parsed{0, "@"}, parsed{0, "@"}},
	} {
		for _, run := range []struct {
			v    Version
			want parsed
		}{{V6_12, c.v6_12}, {V7_2, c.v7_2}} {
			value, rest := Memparse(c.text, run.v)
			if diff := cmp.Diff(run.want, parsed{value, rest}); diff != "" {
				t.Errorf("%v %q: %s", run.v, c.text, diff)
			}
		}
	}
}

func TestKstrtoull(t *testing.T) {
	good := map[string]uint64{
		"1": 1, "+2": 2, "3\n": 3, "0x10": 16, "010": 8, "18446744073709551615": math.MaxUint64,
		"0xffffffffffffffff": math.MaxUint64,
	}
	for text, want := range good {
		if value, ok := Kstrtoull(text); !ok || value != want {
			t.Errorf("%q: got %d, %v, want %d", text, value, ok, want)
		}
	}
	for _, text := range []string{"", "+", "-1", "++1", "1k", "1\n\n", " 1", "abc", "0:2", "0x", "09",
		"18446744073709551616", "0x10000000000000000", "99999999999999999999"} {
		if value, ok := Kstrtoull(text); ok {
			t.Errorf("%q: got %d, want a refusal", text, value)
		}
	}
}

// The suffixes are powers of 1024, one apart.
func TestMemparseSuffixes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(0, 9).Draw(t, "n")
		i := rapid.IntRange(0, 5).Draw(t, "suffix")
		text := string(rune('0'+n)) + "KMGTPE"[i:i+1]
		value, rest := Memparse(text, V6_12)
		if want := n << (10 * (i + 1)); value != want || rest != "" {
			t.Fatalf("%q: got %#x and %q, want %#x", text, value, rest, want)
		}
	})
}
