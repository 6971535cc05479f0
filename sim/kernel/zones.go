package kernel

import "bootplan/memmap"

// zones are the zones of memory by what devices can address, with the page frame at
// which each ends at the latest.
// Source: arch/x86/mm/init.c:zone_sizes_init (v6.12).
var zones = [...]struct {
	name string
	end  uint64
}{
	{"DMA", 16 * memmap.MiB / memmap.PageSize},
	{"DMA32", 4 * memmap.GiB / memmap.PageSize},
	{"Normal", ^uint64(0)},
}

// showZones prints how memory is divided.
// Source: mm/mm_init.c:free_area_init (v6.12).
func (k *Setup) showZones() error {
	if k.in.Log == nil {
		return nil
	}
	k.print("Zone ranges:")
	start := k.Memblock.StartOfDRAM() / memmap.PageSize
	for _, z := range zones {
		end := max(min(z.end, k.MaxPFN), start)
		if start == end {
			k.printf("  %-8s empty", z.name)
			continue
		}
		k.printf("  %-8s %s", z.name, memmap.Range{Start: start * memmap.PageSize, End: end * memmap.PageSize})
		start = end
	}
	k.print("  Device   empty")
	k.print("Movable zone start for each node")
	k.print("Early memory node ranges")
	for _, r := range k.Memblock.Memory.Regions {
		if pages := r.Inward(memmap.PageSize); !pages.Empty() {
			k.printf("  node   0: %s", pages)
		}
	}
	return nil
}
