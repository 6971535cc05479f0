package trampoline

import (
	"bootplan/linux"
	"bootplan/memmap"
)

// LikelyWords are the words that a BIOS with this table most likely states: base
// memory ends where the last usable byte below 640 KiB is, rounded down to KiB, and
// the extended BIOS data area begins there. They are zero if no byte is usable there.
func LikelyWords(table []memmap.E820Entry) linux.BIOSWords {
	const conventional = 640 * memmap.KiB
	var end uint64
	for _, e := range table {
		r, err := e.Range()
		if err == nil && e.Type == memmap.E820RAM && r.Start < conventional {
			end = max(end, min(r.End, conventional))
		}
	}
	kib := end / memmap.KiB
	return linux.BIOSWords{BaseKiB: uint16(kib), EBDASegment: uint16(kib * memmap.KiB / 16)}
}
