package gdb

import (
	"bufio"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func read(text string) (string, error) { return decode(bufio.NewReader(strings.NewReader(text))) }

// The packets are examples of GDB's manual and of QEMU's answers, with checksums added
// up by hand: "OK" is 0x4f+0x4b = 0x9a.
func TestPackets(t *testing.T) {
	for _, test := range []struct{ data, packet string }{
		{"OK", "$OK#9a"},
		{"", "$#00"},
		{"qC", "$qC#b4"},
		{"}", "$}]#da"},              // 0x7d+0x5d
		{"#$*", "$}\x03}\x04}\n#88"}, // 3*0x7d+0x03+0x04+0x0a
	} {
		if got := string(encode(test.data)); got != test.packet {
			t.Errorf("encode(%q) = %q: expected %q", test.data, got, test.packet)
		}
		if got, err := read("+" + test.packet); got != test.data || err != nil {
			t.Errorf("decode(%q) = %q, %v: expected %q", test.packet, got, err, test.data)
		}
	}
}

// "0* " is a zero and three more, for ' ' is 29 and 3.
func TestRepetitions(t *testing.T) {
	if got, err := read("$0* #7a"); got != "0000" || err != nil {
		t.Errorf("got %q, %v: expected 0000", got, err)
	}
	if got, err := read("$x*!y#43"); err == nil {
		t.Errorf("got %q: expected a wrong checksum", got)
	}
}

func TestDamagedPackets(t *testing.T) {
	if _, err := read("$OK#9b"); !errors.Is(err, errChecksum) {
		t.Errorf("got %v: expected a wrong checksum", err)
	}
	for _, text := range []string{"", "+++", "$OK", "$OK#", "$OK#zz"} {
		if got, err := read(text); err == nil {
			t.Errorf("decode(%q) = %q: expected an error", text, got)
		}
	}
}

func TestAnyDataSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := string(rapid.SliceOf(rapid.Byte()).Draw(t, "data"))
		got, err := read(string(encode(data)))
		if err != nil || got != data {
			t.Fatalf("%q became %q, %v", data, got, err)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add("+$0* #7a")
	f.Add("$}")
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = read(text) // must not panic
		expand([]byte(text))
	})
}
