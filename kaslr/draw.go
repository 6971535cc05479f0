package kaslr

import "math/bits"

// Draw is how boot code turns a random number into one of n slots. Both ways give
// a slot either ⌊numbers/n⌋ of the random numbers or one more.
type Draw uint8

const (
	// Modulo is the decompressor's: a 64-bit number modulo n. The first 2^64 mod n
	// slots have one number more.
	// Source: arch/x86/boot/compressed/kaslr.c:slots_fetch_random (v6.12).
	Modulo Draw = iota
	// Scaled is the EFI stub's: n times a 32-bit number, divided by 2^32. The slots
	// with one number more are spread over all of them.
	// Source: drivers/firmware/efi/libstub/randomalloc.c:efi_random_alloc (v6.12).
	Scaled
)

// maxScaled is how many slots Scaled can tell apart.
const maxScaled = 1 << 32

// bits is the size of the random number.
func (d Draw) bits() uint {
	if d == Scaled {
		return 32
	}
	return 64
}

// dealOut computes share and rest: each slot has share random numbers, and rest of
// the slots have one more. Counts of numbers are modulo 2^64: all 2^64 of them are 0.
func (d *Distribution) dealOut() {
	all := uint64(1) << d.draw.bits()
	switch {
	case d.Slots <= 1:
		d.share = all
	case all == 0:
		d.share, d.rest = bits.Div64(1, 0, d.Slots)
	default:
		d.share, d.rest = all/d.Slots, all%d.Slots
	}
}

// below is how many random numbers lead to the slots below slot.
func (d *Distribution) below(slot uint64) uint64 {
	if d.draw == Modulo {
		return slot*d.share + min(slot, d.rest)
	}
	first, left := bits.Div64(slot>>32, slot<<32, d.Slots) // the lowest that does not: slot·2^32/n, rounded up
	if left > 0 {
		first++
	}
	return first
}
