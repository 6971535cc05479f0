package image

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The sections of Debian's 6.12: .init.text begins at 0x233a000 and has 669076 bytes; the
// relocation table has 83772+12914+158456 words and three zeroes.
func TestFlatOfDebian612(t *testing.T) {
	k, err := Profile("debian-6.12")
	if err != nil {
		t.Fatal(err)
	}
	want := Flat{Size: 0x2c30000, Relocs: 4 * (83772 + 12914 + 158456 + 3), Code: 0x233a000 + 669076}
	if diff := cmp.Diff(want, k.Flat()); diff != "" {
		t.Error(diff)
	}
}

// TestFlatOfLittleKnown: with less known of a kernel, more of it counts as code.
func TestFlatOfLittleKnown(t *testing.T) {
	for want, k := range map[Flat]*Kernel{
		{Size: 0x300000, Code: 0x200000}: {VO: &VO{TotalSize: 0x300000, BSSOffset: 0x200000}},
		{Size: 0x400000, Code: 0x400000}: {VO: &VO{TotalSize: 0x400000}},
		{Size: 0x500000, Code: 0x100000}: {VO: &VO{TotalSize: 0x500000, Layout: &Layout{InitTextEnd: 0x100000}}},
	} {
		if diff := cmp.Diff(want, k.Flat()); diff != "" {
			t.Error(diff)
		}
	}
}
