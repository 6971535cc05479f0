package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/sim"
)

func TestParseServices(t *testing.T) {
	for text, want := range map[string]sim.Services{
		"":                                    {},
		"rng":                                 {RNG: true},
		"rng,tpm=3K":                          {RNG: true, EventLog: 3072},
		"apple=0x200":                         {AppleProperties: 512},
		"uefi=2.0":                            {Revision: 0x20000},
		"uefi=2.70,rng":                       {RNG: true, Revision: 0x20046},
		"vendor=American Megatrends,uefi=2.0": {Vendor: "American Megatrends", Revision: 0x20000},
	} {
		got, err := parseServices(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q:\n%s", text, diff)
		}
	}
	for _, text := range []string{"tpm", "tpm=much", "uefi=2", "uefi=2.x", "usb", "rng,"} {
		if _, err := parseServices(text); err == nil {
			t.Errorf("%q: expected an error", text)
		}
	}
}
