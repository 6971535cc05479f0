package trampoline

import (
	"strconv"
	"testing"

	"bootplan/linux"
	"bootplan/memmap"
)

// BenchmarkTrampoline searches tables whose lowest entry is the only one that fits.
func BenchmarkTrampoline(b *testing.B) {
	for _, n := range []int{1, 10, 100, memmap.MaxE820Table} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			in := &Input{BIOS: linux.BIOSWords{BaseKiB: 639, EBDASegment: 0x9fc0}, Table: []memmap.E820Entry{ram(0, 0x9fc00)}}
			for i := range uint64(n - 1) {
				in.Table = append(in.Table, ram(memmap.GiB*(i+1), memmap.GiB*(i+2)))
			}
			b.ReportAllocs()
			for b.Loop() {
				if p := Find(in, linux.V6_12); p.Start != 0x9d000 {
					b.Fatalf("%#x", p.Start)
				}
			}
		})
	}
}
