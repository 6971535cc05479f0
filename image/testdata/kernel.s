# A kernel that is never run: an ELF file with the sections of a real one.
	.section .text, "ax"
	.globl _start
_start:
	nop
	.rept 400		# calls, for the x86 filter of xz
	call _start
	.endr
	.section .rodata, "a"
	.rept 30000
	.ascii "half a megabyte\n"
	.endr
	.section .data, "aw"
	.quad _start
	.section .init.text, "ax"
	.skip 0x234, 0x90
	.section .bss, "aw", @nobits
	.skip 0x3000
	.section .brk, "aw", @nobits
	.skip 0x1234
