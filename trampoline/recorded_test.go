package trampoline

import (
	"testing"

	"bootplan/linux"
	"bootplan/memmap"
)

// Measured on QEMU; the words are those of the firmware, the sizes those of the kernels.
func TestRecordedRealMode(t *testing.T) {
	entry := func(start, end uint64, kind memmap.E820Type) memmap.E820Entry {
		return memmap.E820Entry{Addr: start, Size: end - start, Type: kind}
	}
	rom := entry(0xf0000, 0x100000, memmap.E820Reserved)
	high := entry(0x100000, 0x20000000, memmap.E820RAM)
	bios := []memmap.E820Entry{entry(0, 0x9fc00, memmap.E820RAM), entry(0x9fc00, 0xa0000, memmap.E820Reserved), rom, high}
	seaBIOS := linux.BIOSWords{BaseKiB: 639, EBDASegment: 0x9fc0}
	for _, c := range []struct {
		name  string
		words linux.BIOSWords
		table []memmap.E820Entry
		v     linux.Version
		want  uint64
	}{
		{"SeaBIOS", seaBIOS, bios, linux.V6_12, 0x98000},
		{"SeaBIOS, v5.10", seaBIOS, bios, linux.V5_10, 0x99000},
		{"OVMF", linux.BIOSWords{}, []memmap.E820Entry{entry(0, 0xa0000, memmap.E820RAM), high}, linux.V6_12, 0x98000},
		{"memmap=64K$0x90000", seaBIOS, append(bios, entry(0x90000, 0xa0000, memmap.E820Reserved)), linux.V6_12, 0x89000},
		{"iPXE keeps base memory", linux.BIOSWords{BaseKiB: 625, EBDASegment: 0x9fc0}, bios, linux.V6_1, 0x95000},
		{"base memory of 512 KiB", linux.BIOSWords{BaseKiB: 512, EBDASegment: 0}, []memmap.E820Entry{entry(0, 0x80000, memmap.E820RAM), rom, high}, linux.V6_1, 0x79000},
	} {
		r, err := FindRealMode(&RealModeInput{BIOS: c.words, Table: c.table, Size: RealModeSize(c.v)})
		if err != nil || r.Start != c.want || r.Len() != RealModeSize(c.v) {
			t.Errorf("%s: got %v, %v; measured %#x", c.name, r, err, c.want)
		}
	}
}
