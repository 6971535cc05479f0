package alloc

import (
	"strconv"
	"testing"

	"bootplan/memmap"
)

// BenchmarkEFIPages allocates and frees two pages on a map of 150 descriptors, where
// the search finds room in the first descriptor and where it does in the last one.
func BenchmarkEFIPages(b *testing.B) {
	for _, c := range []struct {
		name  string
		roomy uint64
		want  uint64 // page
	}{
		{"first", 0, 3},
		{"last", 74, 595},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := newPages(b, slotted(c.roomy)...)
			b.ReportAllocs()
			for b.Loop() {
				at, status := p.AllocatePages(AnyPages, code, 2, 0)
				if status != Success || at != c.want*memmap.PageSize || p.FreePages(at, 2) != Success {
					b.Fatalf("got %#x, %v", at, status)
				}
			}
		})
	}
}

// BenchmarkEFIPagesMap shows that GetMemoryMap is linear in the entries of the map.
func BenchmarkEFIPagesMap(b *testing.B) {
	for _, release := range []EDK2{EDK2Stable202211, EDK2Master20260806} {
		for _, n := range []int{10, 100, 1_000, 10_000} {
			b.Run(release.String()+"/"+strconv.Itoa(n), func(b *testing.B) {
				var descs []memmap.EFIDescriptor
				for i := range uint64(n-5) / 2 {
					descs = append(descs, desc(conv, 2*i+1, 2*i+2), desc(data, 2*i+2, 2*i+3))
				}
				at := uint64(n)
				for _, kind := range ovmfBins {
					descs = append(descs, desc(kind, at, at+0x100))
					at += 0x100
				}
				p, err := EFIPagesFromMap(EFIConfig{Release: release}, descs)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					if len(p.Map()) != len(descs) {
						b.Fatalf("%d descriptors", len(p.Map()))
					}
				}
			})
		}
	}
}
