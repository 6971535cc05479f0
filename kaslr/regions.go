package kaslr

import (
	"bootplan/linux"
	"bootplan/memmap"
)

// RegionConfig are the build and boot options on which the kernel's virtual layout
// depends.
type RegionConfig struct {
	Enabled         bool   // KASLR_FLAG was left in loadflags: the layout is randomised
	LA57            bool   // 5-level paging
	ZoneDevice      bool   // CONFIG_ZONE_DEVICE: the direct map keeps its full size
	PhysicalPadding uint64 // CONFIG_RANDOMIZE_MEMORY_PHYSICAL_PADDING, in TiB
}

// DebianRegions is the configuration of Debian's kernel of version v. With
// CONFIG_ZONE_DEVICE the direct map keeps its full size since 6.15, and in the stable
// series from 6.1 on; before, it was as large as memory and what could be plugged in.
func DebianRegions(v linux.Version) RegionConfig {
	return RegionConfig{ZoneDevice: v >= linux.V6_1, PhysicalPadding: 10}
}

// Regions is where the kernel proper puts the three large regions of its virtual
// address space.
type Regions struct {
	PageOffset uint64    // page_offset_base: the direct map of physical memory
	Vmalloc    uint64    // vmalloc_base
	Vmemmap    uint64    // vmemmap_base: the page descriptors
	PhysmemEnd uint64    // last physical address that the direct map can cover
	SizeTiB    [3]uint64 // of the regions in that order; zero if the layout is not randomised
}

// regionLayout is what the paging mode decides.
type regionLayout struct {
	defaults    Regions
	physicalTiB uint64
	vmallocTiB  uint64
}

// Source: arch/x86/include/asm/page_64_types.h, pgtable_64_types.h (v6.12).
func layoutOf(la57 bool) regionLayout {
	if la57 {
		return regionLayout{
			defaults: Regions{
				PageOffset: 0xff11000000000000, Vmalloc: 0xffa0000000000000, Vmemmap: 0xffd4000000000000,
				PhysmemEnd: 1<<52 - 1,
			},
			physicalTiB: 4096, vmallocTiB: 12800,
		}
	}
	return regionLayout{
		defaults: Regions{
			PageOffset: 0xffff888000000000, Vmalloc: 0xffffc90000000000, Vmemmap: 0xffffea0000000000,
			PhysmemEnd: 1<<46 - 1,
		},
		physicalTiB: 64, vmallocTiB: 32,
	}
}

// Facts of x86-64 builds.
const (
	regionsEnd   = 0xfffffe0000000000 // CPU_ENTRY_AREA_BASE
	pageDescSize = 64                 // sizeof(struct page)
)

// RandomizeRegions chooses the layout for a machine whose memory ends at page frame
// maxPFN; seed is what Entropy.Long gives for "Memory". The regions keep their order;
// each moves up by a random part of the space that is left over, in steps of 1 GiB.
// The 1 GiB that is kept between two regions does not count as used: the last one may
// reach 2 GiB beyond the space. Nothing about the layout is physical.
// Source: arch/x86/mm/kaslr.c:kernel_randomize_memory (v6.12).
func RandomizeRegions(c RegionConfig, maxPFN, seed uint64) Regions {
	layout := layoutOf(c.LA57)
	r := layout.defaults
	if !c.Enabled {
		return r
	}
	r.SizeTiB = layout.sizes(c, maxPFN)
	left := uint64(regionsEnd) - r.PageOffset
	for _, tib := range r.SizeTiB {
		left -= tib * memmap.TiB
	}
	random := NewPrandom(seed)
	at := r.PageOffset
	for i, base := range []*uint64{&r.PageOffset, &r.Vmalloc, &r.Vmemmap} {
		share := left / uint64(3-i)
		gap := memmap.AlignDown(random.Uint64()%(share+1), memmap.GiB)
		*base = at + gap
		at = memmap.AlignUp(*base+r.SizeTiB[i]*memmap.TiB+1, memmap.GiB)
		left -= gap
	}
	r.PhysmemEnd = r.SizeTiB[0]*memmap.TiB - 1
	return r
}

// sizes are the sizes of the regions in TiB.
func (l regionLayout) sizes(c RegionConfig, maxPFN uint64) [3]uint64 {
	physical := l.physicalTiB
	if memory := tibs(maxPFN*memmap.PageSize) + c.PhysicalPadding; !c.ZoneDevice {
		physical = min(physical, memory)
	}
	return [3]uint64{physical, l.vmallocTiB, tibs(physical * (memmap.TiB / memmap.PageSize) * pageDescSize)}
}

// tibs is a number of bytes in TiB, rounded up; it wraps around near 2^64.
func tibs(bytes uint64) uint64 { return (bytes + memmap.TiB - 1) / memmap.TiB }
