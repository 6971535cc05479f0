package linux

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// args splits a whole command line.
func args(text string) []Arg {
	var list []Arg
	text = SkipSpaces(text)
	for text != "" {
		var a Arg
		a, text = NextArg(text)
		list = append(list, a)
	}
	return list
}

func TestNextArg(t *testing.T) {
	flag := func(name string) Arg { return Arg{Name: name} }
	option := func(name, value string) Arg { return Arg{name, value, true} }
	for _, c := range []struct {
		text string
		want []Arg
	}{
		{"", nil},
		{" \t\n\v\f\r\xa0", nil},
		{"quiet", []Arg{flag("quiet")}},
		{"  a=1\t b \xa0c=", []Arg{option("a", "1"), flag("b"), option("c", "")}},
		{"a\x1fb", []Arg{flag("a\x1fb")}}, // control characters are no white space
		{"a=b=c", []Arg{option("a", "b=c")}},
		{"=a", []Arg{flag("=a")}},
		{"=a=b", []Arg{option("=a", "b")}},
		{"==", []Arg{option("=", "")}},
		{`a="b c" d`, []Arg{option("a", "b c"), flag("d")}},
		{`"a=b c" d`, []Arg{option("a", "b c"), flag("d")}},
		{`"a b"`, []Arg{flag("a b")}},
		{`"a b`, []Arg{flag("a b")}},
		{`"`, []Arg{flag("")}},
		{`"" x`, []Arg{flag(""), flag("x")}},
		{`a="`, []Arg{option("a", "")}},
		{`a=""`, []Arg{option("a", "")}},
		{`"a="`, []Arg{option("a", "")}},
		{`"a=""`, []Arg{option("a", "")}}, // the third mark is the value's first byte and its last
		{`a="b" c"`, []Arg{option("a", "b"), flag(`c"`)}},
		{`a"b c"d`, []Arg{flag(`a"b c"d`)}}, // marks inside a word stay
		{`a=b"c d"`, []Arg{option("a", `b"c d"`)}},
		{`"a=b"c`, []Arg{option("a", `b"c`)}},
		{`a"=b c"`, []Arg{option(`a"`, `b c"`)}},
	} {
		if diff := cmp.Diff(c.want, args(c.text)); diff != "" {
			t.Errorf("%q: %s", c.text, diff)
		}
	}
}

// FuzzNextArg checks what holds for every text: progress, order, and plain
// splitting at white space where there are no quotation marks.
func FuzzNextArg(f *testing.F) {
	for _, seed := range []string{"a=1 b", `"a b"=c "`, "=\xa0=", `a="b c" -- d`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for rest := SkipSpaces(text); rest != ""; {
			arg, next := NextArg(rest)
			if len(next) >= len(rest) || !strings.HasSuffix(rest, next) {
				t.Fatalf("%q: no progress to %q", rest, next)
			}
			if word := rest[:len(rest)-len(next)]; !strings.Contains(word, arg.Name) || !strings.Contains(word, arg.Value) {
				t.Fatalf("%q holds neither %q nor %q", word, arg.Name, arg.Value)
			}
			rest = next
		}
		if strings.Contains(text, `"`) {
			return
		}
		var words, want []string
		for _, a := range args(text) {
			if a.HasValue {
				a.Name += "=" + a.Value
			}
			words = append(words, a.Name)
		}
		word := []byte{}
		for i := range len(text) + 1 {
			if i < len(text) && !strings.Contains("\t\n\v\f\r \xa0", string([]byte{text[i]})) {
				word = append(word, text[i])
			} else if len(word) > 0 {
				want, word = append(want, string(word)), nil
			}
		}
		if diff := cmp.Diff(want, words); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	})
}

func TestNextArgAllocatesNothing(t *testing.T) {
	const text = `root=UUID=1 memmap="64M$1G" quiet`
	if n := testing.AllocsPerRun(10, func() {
		for rest := text; rest != ""; _, rest = NextArg(rest) {
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
