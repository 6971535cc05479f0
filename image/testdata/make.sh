#!/bin/sh
# Builds the payloads of the test images with the real tools: binutils, gzip, bzip2,
# xz-utils, lzop, lz4, zstd. Run it in this directory.
set -e
as --64 -o kernel.o kernel.s
ld -static -n -T kernel.ld -o vmlinux kernel.o
strip vmlinux

# Behind the ELF file: a zero word and the 64-bit relocations, a zero word and the
# inverse ones, a zero word and the 32-bit ones; little endian.
word() { printf "\\$(printf %03o $(($1 & 255)))\\$(printf %03o $(($1 >> 8 & 255)))\\$(printf %03o $(($1 >> 16 & 255)))\\$(printf %03o $(($1 >> 24 & 255)))"; }
{ cat vmlinux; for w in 0 0x81000010 0x81000020 0x81000030 0 0x81000040 0 0x81000050 0x81000060; do word $w; done; } > payload

# What scripts/Makefile.lib does: compress standard input, append the size.
pack() { name=$1; shift; "$@" < payload > payload.$name; [ $name = gz ] || word $(stat -c %s payload) >> payload.$name; }
pack gz gzip -n -9
pack bz2 bzip2 -9
pack lzma xz --format=lzma -9
pack xz xz --check=crc32 --x86 --lzma2=preset=9,dict=1MiB
pack lzo lzop -9
pack lz4 lz4 -l -9
pack zst zstd -22 --ultra -q
sha256sum payload
rm kernel.o vmlinux payload
