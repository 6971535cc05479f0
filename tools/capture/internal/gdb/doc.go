// Package gdb is a client of GDB's remote serial protocol, as far as a debugger needs
// it that knows what it looks for: run, stop at addresses, read registers and memory.
// It talks to the stub that QEMU has for a whole machine.
//
// Source: the GDB manual, appendix "GDB Remote Serial Protocol"; QEMU's manual, "GDB usage".
package gdb
