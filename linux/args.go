package linux

import "strings"

// isSpace reports whether c separates words for the C code that uses
// linux/ctype.h: tab, line feed, vertical tab, form feed, carriage return, space,
// and 0xa0, the no-break space of Latin-1.
// Source: lib/ctype.c:_ctype (v6.12).
func isSpace(c byte) bool { return argByte[c]&endsWord != 0 }

// What a byte means to NextArg; bytes of no meaning are 0.
const (
	endsWord = 1 << iota // white space
	equals
	quote
)

// argByte classifies bytes, so that the long stretches without meaning are
// skipped with one test a byte.
var argByte = [256]uint8{
	'\t': endsWord, '\n': endsWord, '\v': endsWord, '\f': endsWord, '\r': endsWord,
	' ': endsWord, 0xa0: endsWord,
	'=': equals, '"': quote,
}

// SkipSpaces returns text behind its leading white space.
// Source: arch/x86/boot/compressed/kaslr.c:skip_spaces (v6.12).
func SkipSpaces(text string) string {
	for len(text) > 0 && isSpace(text[0]) {
		text = text[1:]
	}
	return text
}

// Arg is one word of a command line: "name" or "name=value". Value is what the C
// code points at behind the equals sign; without one it has a null pointer, and
// HasValue is false.
type Arg struct {
	Name, Value string
	HasValue    bool
}

// NextArg splits the first word off text, which begins without white space, and
// returns it with the text behind it, from its first byte that is not white space.
// Quotation marks keep white space inside a word wherever they stand, but only one
// that begins the word or the value is removed, together with one at the end of
// the word. An equals sign at the very start does not separate.
// Source: lib/cmdline.c:next_arg (v6.12).
func NextArg(text string) (arg Arg, rest string) {
	quoted := text != "" && text[0] == '"'
	if quoted {
		text = text[1:]
	}
	end, separator := wordEnd(text, quoted)
	word := text[:end]
	rest = SkipSpaces(text[end:])
	closed := strings.HasSuffix(word, `"`)
	if separator == 0 {
		if quoted && closed {
			word = word[:end-1]
		}
		return Arg{Name: word}, rest
	}
	arg = Arg{Name: word[:separator], Value: word[separator+1:], HasValue: true}
	if strings.HasPrefix(arg.Value, `"`) {
		arg.Value = arg.Value[1:]
		quoted = true
	}
	if quoted && closed {
		arg.Value = strings.TrimSuffix(arg.Value, `"`)
	}
	return arg, rest
}

// wordEnd returns the length of the first word of text and the position of its
// first equals sign that is not at position 0; 0 if there is none.
func wordEnd(text string, inQuote bool) (end, separator int) {
	for i := range len(text) {
		switch argByte[text[i]] {
		case 0:
		case endsWord:
			if !inQuote {
				return i, separator
			}
		case equals:
			if separator == 0 {
				separator = i
			}
		case quote:
			inQuote = !inQuote
		}
	}
	return len(text), separator
}
