// Package initrd builds the initial ramdisk of a captured boot: a static busybox and a
// script that reports what the running kernel shows of the boot.
//
// The script runs on any machine, so that its owner can send a capture.
package initrd
