package kernel

import (
	"fmt"

	"bootplan/linux"
	"bootplan/memmap"
)

// isRAM reports whether the kernel counts an e820 type as memory of its own.
func isRAM(t memmap.E820Type) bool { return t == memmap.E820RAM || t == memmap.E820ReservedKern }

// showNosave prints the page frames that hibernation does not save: what is no RAM.
// Source: arch/x86/kernel/e820.c:e820__register_nosave_regions (v6.12).
func (k *Setup) showNosave() error {
	if k.in.Log == nil {
		return nil
	}
	var last uint64
	for _, e := range k.E820.Table.Entries() {
		if isRAM(e.Type) {
			if last < e.Addr {
				k.nosave(last/memmap.PageSize, pagesUp(e.Addr))
			}
			last = e.Addr + e.Size
		}
	}
	k.nosave(last/memmap.PageSize, k.MaxPFN)
	return nil
}

func pagesUp(addr uint64) uint64 { return memmap.AlignUp(addr, memmap.PageSize) / memmap.PageSize }

// nosave prints page frames from start to end, if there are any.
// Source: kernel/power/snapshot.c:register_nosave_region (v6.12).
func (k *Setup) nosave(start, end uint64) {
	if start < end {
		r := memmap.Range{Start: start * memmap.PageSize, End: end * memmap.PageSize}
		k.printf("PM: hibernation: Registered nosave memory: %s", r.Short())
	}
}

// findPCIGap finds the addresses for devices that have none.
func (k *Setup) findPCIGap() error {
	k.PCIGap = k.E820.Table.PCIGap(k.MaxPFN)
	return nil
}

// showRAMBuffers prints what lies behind the ends of RAM and is kept from devices:
// firmware likes to hide memory of its own there.
// Source: arch/x86/kernel/e820.c:e820__reserve_resources_late, ram_alignment (v6.12).
func (k *Setup) showRAMBuffers() error {
	if k.in.Log == nil {
		return nil
	}
	text := "reserve RAM buffer"
	if k.in.Version >= linux.V7_2 {
		text = "register RAM buffer resource"
	}
	for _, e := range k.E820.Table.Entries() {
		start := e.Addr + e.Size
		end := memmap.AlignUp(start, bufferAlign(start))
		if e.Type == memmap.E820RAM && end-1 > start {
			k.printf("e820: %s [mem 0x%08x-0x%08x]", text, start, end-1)
		}
	}
	return nil
}

func bufferAlign(addr uint64) uint64 {
	switch {
	case addr < memmap.MiB:
		return 64 * memmap.KiB
	case addr < 16*memmap.MiB:
		return memmap.MiB
	}
	return 64 * memmap.MiB
}

// IOMem lists RAM, and the parts of the kernel m in it, as /proc/iomem does among many
// devices: "00100000-3ffdffff : System RAM".
// Source: arch/x86/kernel/e820.c:e820__reserve_resources, arch/x86/kernel/setup.c:setup_arch (v6.12).
func (s *State) IOMem(m *Image) []string {
	l := m.Layout
	parts := []struct {
		name string
		memmap.Range
	}{
		{"Kernel code", m.part(0, l.TextEnd)},
		{"Kernel rodata", m.part(l.RodataStart, l.RodataEnd)},
		{"Kernel data", m.part(l.DataStart, l.DataEnd)},
		{"Kernel bss", m.part(l.BSSStart, l.BSSEnd)},
	}
	var lines []string
	for _, e := range s.E820.Table.Entries() {
		ram, err := e.Range()
		if !isRAM(e.Type) || err != nil || ram.Empty() {
			continue
		}
		lines = append(lines, fmt.Sprintf("%08x-%08x : System RAM", ram.Start, ram.Last()))
		for _, p := range parts {
			if !p.Empty() && ram.Covers(p.Range) {
				lines = append(lines, fmt.Sprintf("  %08x-%08x : %s", p.Start, p.Last(), p.name))
			}
		}
	}
	return lines
}
