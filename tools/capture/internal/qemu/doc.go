// Package qemu runs a machine in QEMU without acceleration and collects what it prints
// on its serial port.
package qemu
