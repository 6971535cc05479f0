package kaslr

import "testing"

// source answers with fixed values.
func source(rdrand uint64, ok bool, tsc uint64, timer ...byte) Entropy {
	return Entropy{
		RDRAND: func() (uint64, bool) { return rdrand, ok },
		TSC:    func() uint64 { return tsc },
		Timer: func() byte {
			b := timer[0]
			timer = timer[1:]
			return b
		},
	}
}

// The mixing constant times 1 is itself. Times 2^63 it has its half in the high word,
// and 2^63 in the low one; times 256 its highest byte in the high word.
func TestLong(t *testing.T) {
	for _, c := range []struct {
		name        string
		e           Entropy
		rdrand, tsc bool
		want        uint64
		text        string
	}{
		{"RDRAND alone", source(1, true, 0), true, false, 0x5d6008cbf3848dd3, "Memory KASLR using RDRAND..."},
		{"both", source(1, true, 1<<63|1), true, true, 0xaeb00465f9c246e9, "Memory KASLR using RDRAND RDTSC..."},
		{"RDRAND fails", source(5, false, 1), true, true, 0x5d6008cbf3848dd3, "Memory KASLR using RDRAND RDTSC..."},
		{"RDRAND fails alone", source(5, false, 0, 0, 1, 0), true, false, 0x5d6008cbf3848dd3, "Memory KASLR using RDRAND i8254..."},
		{"the timer is not ready at first", source(0, false, 0, 0x40, 9, 9, 0x3f, 0, 1), false, false, 0x6008cbf3848dd35d, "Memory KASLR using i8254..."},
	} {
		c.e.HasRDRAND, c.e.HasTSC = c.rdrand, c.tsc
		got, text := c.e.Long("Memory", 0)
		if got != c.want || text != c.text {
			t.Errorf("%s: %#x, %q; want %#x, %q", c.name, got, text, c.want, c.text)
		}
	}
}

func TestBootSeed(t *testing.T) {
	// Seven letters and the NUL are one word; the eighth letter makes the NUL begin a
	// second one, which is not whole and does not count.
	// The third case has no whole word. In the fourth the first word is turned right by
	// 7 bits before the word 1 goes in.
	const abcdefg = 0x0067666564636261
	for _, c := range []struct {
		build  string
		params []byte
		want   uint64
	}{
		{"abcdefg", nil, abcdefg},
		{"abcdefgh", nil, 0x6867666564636261},
		{"abcdef", nil, 0},
		{"abcdefg", []byte{1, 0, 0, 0, 0, 0, 0, 0, 0xff}, 0xc200cecccac8c6c5},
	} {
		if got := BootSeed(c.build, c.params); got != c.want {
			t.Errorf("%q, %v: %#x, want %#x", c.build, c.params, got, c.want)
		}
	}
}
