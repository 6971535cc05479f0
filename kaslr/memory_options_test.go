package kaslr

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/linux"
	"bootplan/memmap"
)

func TestReadMemoryOptions(t *testing.T) {
	type read struct {
		Limit uint64
		Avoid []Avoid
	}
	for cmdline, want := range map[string]read{
		"quiet":                             {^uint64(0), nil},
		"mem=1G nokaslr":                    {memmap.GiB, nil},
		"memmap=64M$0x2000000 memmap=700M":  {700 * memmap.MiB, []Avoid{{"memmap0", Extent{0x2000000, 0x4000000}}}},
		"-- memmap=64M$0x2000000":           {^uint64(0), nil},
		"mem=2G memmap=4K#0x1000,8K!0x3000": {2 * memmap.GiB, []Avoid{{"memmap0", Extent{0x1000, 0x1000}}, {"memmap1", Extent{0x3000, 0x2000}}}},
	} {
		var p Plan
		p.ReadMemoryOptions("mem=1M memmap=1M$1M", linux.V6_12) // what is left of it must not show
		p.ReadMemoryOptions(cmdline, linux.V6_12)
		got := read{p.Limit, append([]Avoid(nil), p.Avoid...)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", cmdline, diff)
		}
	}
}
