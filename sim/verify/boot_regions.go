package verify

import "bootplan/kaslr"

// regions compares where the kernel put the direct map and its neighbours in virtual
// memory. The random number for it was not recorded: the places must be possible.
func (v *verification) regions() {
	values := v.c.KernelValues
	found := kaslr.Regions{
		PageOffset: uint64(values["page_offset_base"]), Vmalloc: uint64(values["vmalloc_base"]), Vmemmap: uint64(values["vmemmap_base"]),
	}
	if found.PageOffset == 0 {
		return
	}
	if !v.known {
		return
	}
	config := kaslr.DebianRegions(v.kernel.Version)
	config.Enabled, config.LA57 = v.randomised(), v.c.fiveLevels()
	maxPFN := uint64(values["max_pfn"])
	fixed, odds := kaslr.RandomizeRegions(config, maxPFN, 0), kaslr.OddsOfRegions(config, maxPFN, found)
	for i, region := range []struct {
		name         string
		fixed, found uint64
	}{
		{"page_offset_base", fixed.PageOffset, found.PageOffset},
		{"vmalloc_base", fixed.Vmalloc, found.Vmalloc},
		{"vmemmap_base", fixed.Vmemmap, found.Vmemmap},
	} {
		if config.Enabled {
			v.among(region.name, Address(region.found), odds[i].Places, odds[i].Probability)
			continue
		}
		v.fact(region.name, Address(region.found), func() (Value, string) { return Address(region.fixed), "" })
	}
}

// randomised reports whether boot code told the kernel that KASLR is on.
func (v *verification) randomised() bool {
	if v.result == nil {
		return false
	}
	r := v.result.Randomness
	return r.Decompressor != nil && !r.Decompressor.Disabled || r.Stub != nil && !r.Stub.NoKASLR
}
