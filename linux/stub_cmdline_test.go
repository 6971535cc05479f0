package linux

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStubCommandLine(t *testing.T) {
	type answer struct {
		Text string
		Cut  bool
	}
	long := strings.Repeat("x", 2040)
	for options, want := range map[string]answer{
		"":                           {"", false},
		"quiet nokaslr":              {"quiet nokaslr", false},
		"quiet\x00nokaslr":           {"quiet", false},
		"quiet\nnokaslr":             {"quiet", false},
		long + " quiet":              {long + " quiet", false}, // 2046
		long + " quiet1":             {long + " quiet1", false},
		long + " quiet12":            {long, true}, // 2048
		long + " quiet12\x00":        {long, true},
		"a " + long + ` "b c d e"`:   {"a " + long, true},
		`a "` + long + ` b c d" e f`: {"a", true},
		strings.Repeat("x", 3000):    {"", true},
	} {
		text, cut := StubCommandLine(options)
		if diff := cmp.Diff(want, answer{text, cut}); diff != "" {
			t.Errorf("%.20q… of %d bytes:\n%s", options, len(options), diff)
		}
	}
}
