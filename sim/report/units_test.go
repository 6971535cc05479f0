package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
)

func TestSize(t *testing.T) {
	for n, want := range map[uint64]string{
		0:                              "0 bytes",
		1:                              "1 byte",
		1023:                           "1023 bytes",
		639 * memmap.KiB:               "639 KiB",
		56 * memmap.MiB:                "56 MiB",
		memmap.MiB + memmap.MiB/2:      "1.5 MiB",
		memmap.GiB - 16*memmap.KiB:     "1023.98 MiB",
		2 * memmap.GiB:                 "2 GiB",
		2*memmap.GiB - 4*memmap.MiB:    "2044 MiB",
		3 * memmap.TiB:                 "3 TiB",
		20*memmap.GiB + 100*memmap.MiB: "20.1 GiB",
		^uint64(0) - 4*memmap.KiB + 1:  "16777216 TiB",
		0xbec000:                       "11.9 MiB",
	} {
		if got := Size(n); got != want {
			t.Errorf("Size(%#x) = %q, want %q", n, got, want)
		}
	}
}

func TestThousands(t *testing.T) {
	got := []string{Thousands(0), Thousands(999), Thousands(1000), Thousands(1234567), Count(1, "place"), Count(2981, "place")}
	if diff := cmp.Diff([]string{"0", "999", "1,000", "1,234,567", "1 place", "2,981 places"}, got); diff != "" {
		t.Error(diff)
	}
}
