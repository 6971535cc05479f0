package kaslr

import (
	"encoding/binary"
	"math/bits"
	"strings"
)

// Entropy is the hardware that kernel and decompressor draw random numbers from.
type Entropy struct {
	HasRDRAND bool
	RDRAND    func() (value uint64, ok bool)
	HasTSC    bool
	TSC       func() uint64
	// Timer reads one byte from the counter port (0x40) of the i8254 timer; it is asked
	// only if neither of the others gave anything.
	Timer func() byte
}

// Long mixes a seed with what the hardware gives into a random number: the bits of
// both are combined, multiplied by a constant, and the halves of the product added.
// The seed is BootSeed in the decompressor, and the offset of kernel KASLR, from the
// address it was linked for, in the kernel proper. text is what is printed about it,
// which begins with the purpose: "Physical KASLR using RDRAND RDTSC...".
// Source: arch/x86/lib/kaslr.c:kaslr_get_random_long (v6.12).
func (e *Entropy) Long(purpose string, seed uint64) (random uint64, text string) {
	random = seed
	used := []string{purpose + " KASLR using"}
	useTimer := true
	if e.HasRDRAND {
		used = append(used, "RDRAND")
		if value, ok := e.RDRAND(); ok {
			random ^= value
			useTimer = false
		}
	}
	if e.HasTSC {
		used = append(used, "RDTSC")
		random ^= e.TSC()
		useTimer = false
	}
	if useTimer {
		used = append(used, "i8254")
		random ^= uint64(e.timer())
	}
	const mix = 0x5d6008cbf3848dd3
	high, low := bits.Mul64(random, mix)
	return high + low, strings.Join(used, " ") + "..."
}

// timer latches the counter until it is ready: each time a status byte, then the
// counter, low byte first.
// Source: arch/x86/lib/kaslr.c:i8254 (v6.12).
func (e *Entropy) timer() uint16 {
	const notReady = 0x40
	for {
		status := e.Timer()
		low, high := e.Timer(), e.Timer()
		if status&notReady == 0 {
			return uint16(high)<<8 | uint16(low)
		}
	}
}

// BootSeed is the number with which the decompressor's randomness starts: a hash of
// the build string, the NUL behind it included, and of boot_params (4096 bytes). Only
// whole words of 8 bytes are hashed.
// Source: arch/x86/boot/compressed/kaslr.c:get_boot_seed, rotate_xor (v6.12).
func BootSeed(build string, bootParams []byte) uint64 {
	return rotateXor(rotateXor(0, append([]byte(build), 0)), bootParams)
}

func rotateXor(hash uint64, area []byte) uint64 {
	for ; len(area) >= 8; area = area[8:] {
		hash = bits.RotateLeft64(hash, -7) ^ binary.LittleEndian.Uint64(area)
	}
	return hash
}
