package memmap

import (
	"fmt"

	"bootplan/linux"
)

// maxArchPFN is the end, in 4096-byte pages, of the physical memory that the paging
// mode can use: 2^46 bytes, or 2^52 with 5-level paging (la57).
func maxArchPFN(la57 bool) uint64 {
	if la57 {
		return 1 << (52 - 12)
	}
	return 1 << (46 - 12)
}

// EndOfRAM is the page frame number behind the highest RAM, since v6.11 RAM or ACPI data,
// which the kernel calls max_pfn. The walk stops at the first entry that crosses the limit of
// the paging mode.
// Source: arch/x86/kernel/e820.c:e820__end_of_ram_pfn (v6.12).
func (t *E820Table) EndOfRAM(la57 bool) uint64 { return t.endPFN(maxArchPFN(la57), la57) }

// EndOfLowRAM is EndOfRAM for memory below 4 GiB.
// Source: arch/x86/kernel/e820.c:e820__end_of_low_ram_pfn (v6.12).
func (t *E820Table) EndOfLowRAM(la57 bool) uint64 { return t.endPFN(4*GiB/PageSize, la57) }

func (t *E820Table) endPFN(limit uint64, la57 bool) uint64 {
	ramOnly := t.Version != 0 && t.Version < linux.V6_11
	var last uint64
	for _, e := range t.entries {
		start, end := e.Addr/PageSize, (e.Addr+e.Size)/PageSize
		if e.Type != E820RAM && (e.Type != E820ACPI || ramOnly) || start >= limit {
			continue
		}
		if end > limit {
			last = limit
			break
		}
		last = max(last, end)
	}
	if t.Log != nil {
		t.Log(fmt.Sprintf("last_pfn = %#x max_arch_pfn = %#x", last, maxArchPFN(la57)))
	}
	return last
}

// minPCIGap is the smallest gap that the kernel gives to PCI devices, in bytes.
const minPCIGap = 4 * MiB

// PCIGap is where the kernel puts PCI devices that have no address yet: the largest
// gap of at least 4 MiB below 4 GiB. Without one it is 1 MiB behind the highest page,
// maxPFN. Before 7.2 the space below the first entry does not count, and of equal
// gaps the lowest wins; since 7.2 it counts, and the highest wins. (An empty table
// makes 7.2 read through an uninitialised pointer; the model then finds no gap.)
// Source: arch/x86/kernel/e820.c:e820__setup_pci_gap, e820_search_gap (v6.12, v7.2).
func (t *E820Table) PCIGap(maxPFN uint64) uint64 {
	search := t.searchGapDown
	if t.Version >= linux.V7_2 {
		search = t.searchGapUp
	}
	gap := search()
	if gap.Empty() {
		gap = Range{maxPFN*PageSize + MiB, maxPFN*PageSize + MiB + minPCIGap}
		if t.Log != nil {
			t.Log("Cannot find an available gap in the 32-bit address range")
			t.Log("PCI devices with unassigned 32-bit BARs may not work!")
		}
	}
	if t.Log != nil {
		kind := "mem"
		if t.Version >= linux.V7_2 {
			kind = "gap"
		}
		t.Log(fmt.Sprintf("[%s 0x%08x-0x%08x] available for PCI devices", kind, gap.Start, gap.End-1))
	}
	return gap.Start
}

// searchGapDown is the search until 7.1, from 4 GiB towards 0; an empty range means
// that there is no gap.
func (t *E820Table) searchGapDown() Range {
	var gap Range
	last := 4 * GiB
	for i := len(t.entries) - 1; i >= 0; i-- {
		e := t.entries[i]
		if end := e.Addr + e.Size; last > end && last-end >= max(gap.Len(), minPCIGap) {
			gap = Range{end, last}
		}
		last = min(last, e.Addr)
	}
	return gap
}

// searchGapUp is the search since 7.2, from 0 towards 4 GiB; an empty range means
// that there is no gap.
func (t *E820Table) searchGapUp() Range {
	var gap Range
	consider := func(start, end uint64) {
		end = min(end, 4*GiB)
		if end > start && end-start >= max(gap.Len(), minPCIGap) {
			gap = Range{start, end}
		}
	}
	var end uint64
	for _, e := range t.entries {
		consider(end, e.Addr)
		end = e.Addr + e.Size
	}
	if len(t.entries) > 0 {
		consider(end, 4*GiB)
	}
	return gap
}
