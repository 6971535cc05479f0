package trampoline

import "bootplan/memmap"

// BIOSWords are the two words of the BIOS data area that tell where base memory ends.
type BIOSWords struct {
	BaseKiB     uint16 // KiB of base memory, at physical 0x413
	EBDASegment uint16 // address of the extended BIOS data area divided by 16, at 0x40e
}

// LikelyWords are the words that a BIOS with this table most likely states: base
// memory ends where the last usable byte below 640 KiB is, rounded down to KiB, and
// the extended BIOS data area begins there. They are zero if no byte is usable there.
func LikelyWords(table []memmap.E820Entry) BIOSWords {
	const conventional = 640 * memmap.KiB
	var end uint64
	for _, e := range table {
		r, err := e.Range()
		if err == nil && e.Type == memmap.E820RAM && r.Start < conventional {
			end = max(end, min(r.End, conventional))
		}
	}
	kib := end / memmap.KiB
	return BIOSWords{BaseKiB: uint16(kib), EBDASegment: uint16(kib * memmap.KiB / 16)}
}
