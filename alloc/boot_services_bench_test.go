package alloc

import (
	"testing"

	"bootplan/memmap"
)

// slotted is a map of 150 descriptors, 8 pages for each pair of them, of which only
// pair number roomy has more than one free page: 8*roomy+1 up to 8*roomy+4.
func slotted(roomy uint64) (descs []memmap.EFIDescriptor) {
	for i := range uint64(75) {
		free := 8*i + 2
		if i == roomy {
			free += 3
		}
		descs = append(descs, desc(conv, 8*i+1, free), desc(data, free, 8*i+9))
	}
	return descs
}

// BenchmarkBootServices allocates and frees two pages where the first descriptor that a
// search looks at has room, and where only the last one has.
func BenchmarkBootServices(b *testing.B) {
	for _, c := range []struct {
		name string
		fw   BootServices
		want uint64 // page
	}{
		{"UBoot/first", newUBoot(b, noLimit, slotted(74)...), 595},
		{"UBoot/last", newUBoot(b, noLimit, slotted(0)...), 3},
		{"BottomUp/first", newBottomUp(b, slotted(0)...), 1},
		{"BottomUp/last", newBottomUp(b, slotted(74)...), 593},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				at, status := c.fw.AllocatePages(AnyPages, code, 2, 0)
				if status != Success || at != c.want*memmap.PageSize || c.fw.FreePages(at, 2) != Success {
					b.Fatalf("got %#x, %v", at, status)
				}
			}
		})
	}
}
