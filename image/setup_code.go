package image

import "bootplan/linux"

// SetupBootParams is the offset in the real-mode part at which the setup code keeps
// its own boot_params, when a loader runs it. The image does not state it: it lies
// in the setup code's BSS, whose end follows from heap_end_ptr, at a distance that
// only changes with the compiler and the code around it. Recorded boots confirm it
// for 5.10, 6.1, 6.12 and 7.2.
func (k *Kernel) SetupBootParams() uint64 {
	const stackAndGap = 0x200 // heap_end_ptr is _end + STACK_SIZE - 512
	end := uint64(k.Setup.HeapEndPtr) - stackAndGap
	if k.Version != 0 && k.Version < linux.V6_1 {
		return end - 0x1260
	}
	return end - 0x1250
}
