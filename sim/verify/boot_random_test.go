package verify

import (
	"testing"

	"pgregory.net/rapid"

	"bootplan/kaslr"
)

// TestNumbersThatLead: the numbers that are found for an address choose it, by the
// rules of decompressor and stub.
func TestNumbersThatLead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const align = 2 << 20
		var areas []kaslr.Area
		var total uint64
		for range rapid.IntRange(1, 5).Draw(t, "areas") {
			a := kaslr.Area{Start: rapid.Uint64Range(8, 1<<20).Draw(t, "start") * align, Slots: rapid.Uint64Range(1, 1<<18).Draw(t, "slots")}
			areas, total = append(areas, a), total+a.Slots
		}
		chosen := rapid.SampledFrom(areas).Draw(t, "area")
		addr := chosen.Start + rapid.Uint64Range(0, chosen.Slots-1).Draw(t, "slot")*align
		slot, all := slotAt(areas, align, addr)
		if all != total {
			t.Fatalf("%d slots, want %d", all, total)
		}
		place := func(n uint64) uint64 { // the slot numbered n
			for _, a := range areas {
				if n < a.Slots {
					return a.Start + n*align
				}
				n -= a.Slots
			}
			return 0
		}
		if place(slot) != addr || place(uint64(scaledTo(slot, total))*total>>32) != addr {
			t.Fatalf("slot %d of %#x, seed %#x", slot, addr, scaledTo(slot, total))
		}
		if slot, _ := slotAt(areas, align, addr+1); slot != 0 {
			t.Fatalf("slot %d for an address that is none", slot)
		}
	})
}
