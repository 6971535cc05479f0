package trampoline

import "bootplan/memmap"

// BIOSWords are the two words of the BIOS data area that tell where base memory ends.
type BIOSWords struct {
	BaseKiB     uint16 // KiB of base memory, at physical 0x413
	EBDASegment uint16 // address of the extended BIOS data area divided by 16, at 0x40e
}

// LikelyWords are the words that a BIOS with this table most likely states: base
// memory ends where the first usable entry below 640 KiB ends, rounded down to KiB,
// and the extended BIOS data area begins there. They are zero if there is no such
// entry.
func LikelyWords(table []memmap.E820Entry) BIOSWords {
	const conventional = 640 * memmap.KiB
	for _, e := range table {
		r, err := e.Range()
		if err == nil && e.Type == memmap.E820RAM && r.Start < conventional {
			kib := min(r.End, conventional) / memmap.KiB
			return BIOSWords{BaseKiB: uint16(kib), EBDASegment: uint16(kib * memmap.KiB / 16)}
		}
	}
	return BIOSWords{}
}
