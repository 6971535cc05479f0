package verify

import (
	"slices"
	"strings"

	"bootplan/memmap"
)

// pluggedMemory are the ranges of /proc/iomem that the driver for ACPI's memory devices
// added when the kernel ran: RAM which no map of the boot mentions and which the SRAT
// calls hot-pluggable. The model ends before. None without an SRAT.
// Source: drivers/acpi/acpi_memhotplug.c:acpi_memory_enable_device (v6.12).
func (c *Capture) pluggedMemory() []memmap.Range {
	if len(c.SRAT) == 0 {
		return nil
	}
	known := c.immovable()
	for _, e := range slices.Concat(c.E820, c.E820User) {
		if r, err := memmap.Sized(e.Addr, e.Size); err == nil {
			known = append(known, r)
		}
	}
	var plugged []memmap.Range
	for _, line := range c.IOMem {
		r := resourceRange(line)
		if isRAM(line) && !slices.ContainsFunc(known, r.Overlaps) {
			plugged = append(plugged, r)
		}
	}
	return plugged
}

// bootIOMem are the lines of /proc/iomem without those about memory that was added.
func (c *Capture) bootIOMem() []string {
	plugged := c.pluggedMemory()
	return slices.DeleteFunc(slices.Clone(c.IOMem), func(line string) bool {
		return slices.Contains(plugged, resourceRange(line))
	})
}

// raisedPFN is max_pfn, or max_pfn_mapped, after memory was added: it ends with the
// highest.
// Source: arch/x86/mm/init_64.c:update_end_of_memory_vars, arch_add_memory (v6.12).
func (c *Capture) raisedPFN(maxPFN uint64) uint64 {
	for _, r := range c.pluggedMemory() {
		maxPFN = max(maxPFN, r.End/memmap.PageSize)
	}
	return maxPFN
}

// resourceRange is the range of a line of /proc/iomem.
func resourceRange(line string) memmap.Range {
	m := resourceLine.FindStringSubmatch(line)
	if m == nil {
		return memmap.Range{}
	}
	return inclusiveRange("0x"+m[1], "0x"+m[2])
}

func isRAM(line string) bool { return strings.HasSuffix(line, ": System RAM") }
