// Package probe follows a boot with a debugger, from firmware to the kernel's first
// instruction, and writes down what the boot code computes: where it lies, which random
// numbers it draws, what it chooses from.
//
// It needs no symbols of the kernel (package landmark) nor of the firmware, which says
// itself where its images are.
package probe
