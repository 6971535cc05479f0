package firmware

import (
	"slices"

	"bootplan/memmap"
	"bootplan/sim"
)

// E820 is the e820 table that a loader passes: the BIOS's own, or what becomes of
// an EFI map when it is converted.
func E820(b *sim.Boot) []memmap.E820Entry {
	m := b.Scenario.Map
	if m.Kind == memmap.E820 {
		return m.Entries
	}
	return memmap.ToE820(m.Descriptors, memmap.ConvertOptions{UnacceptedMemory: true, SoftReserve: true})
}

// Descriptors is the EFI map before this boot: the firmware's own, with what the boot that
// logged it had taken given back, or one made of an e820 table. It is not to be changed.
func Descriptors(b *sim.Boot) []memmap.EFIDescriptor {
	m := b.Scenario.Map
	if m.Kind == memmap.E820 {
		b.Assume("the map is an e820 table; its RAM is taken as free EFI memory with nothing of the firmware in it")
		return efiFromE820(m.Entries)
	}
	if !b.Scenario.AfterExit {
		return m.Descriptors
	}
	descs, taken := slices.Clone(m.Descriptors), false
	for i, d := range descs {
		if d.Type == memmap.EFILoaderCode || d.Type == memmap.EFILoaderData {
			descs[i].Type = memmap.EFIConventional
			taken = true
		}
	}
	if taken {
		b.Assume("the map was logged after boot services had ended; the loader memory in it is what that boot took, and counts as free")
	}
	return mergeTouching(descs)
}

// efiFromE820 states an e820 table as EFI descriptors, page by page: what is not
// whole pages of RAM is left out.
func efiFromE820(entries []memmap.E820Entry) []memmap.EFIDescriptor {
	types := map[memmap.E820Type]memmap.EFIType{
		memmap.E820RAM: memmap.EFIConventional, memmap.E820ACPI: memmap.EFIACPIReclaim,
		memmap.E820NVS: memmap.EFIACPINVS, memmap.E820Unusable: memmap.EFIUnusable,
		memmap.E820PMEM: memmap.EFIPersistent,
	}
	var descs []memmap.EFIDescriptor
	for _, e := range entries {
		r, err := e.Range()
		t, known := types[e.Type]
		if err != nil {
			continue
		}
		// A page that two entries share is the later one's, unless that is RAM.
		pages := memmap.Range{Start: memmap.AlignDown(r.Start, memmap.PageSize), End: memmap.AlignDown(r.End, memmap.PageSize)}
		if t == memmap.EFIConventional {
			pages = r.Inward(memmap.PageSize)
		}
		if !known {
			t = memmap.EFIReserved
		}
		if !pages.Empty() {
			descs = append(descs, memmap.EFIDescriptor{Type: t, Phys: pages.Start, Pages: pages.Len() / memmap.PageSize, Attr: memmap.EFIWB})
		}
	}
	return descs
}

// mergeTouching joins neighbours in map order that touch and are equal.
func mergeTouching(descs []memmap.EFIDescriptor) []memmap.EFIDescriptor {
	merged := make([]memmap.EFIDescriptor, 0, len(descs))
	for _, d := range descs {
		if n := len(merged); n > 0 {
			last := &merged[n-1]
			if last.Type == d.Type && last.Attr == d.Attr && last.Phys+last.Pages*memmap.PageSize == d.Phys {
				last.Pages += d.Pages
				continue
			}
		}
		merged = append(merged, d)
	}
	return merged
}
