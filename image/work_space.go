package image

// WorkSpace is how many bytes the kernel's decompression library takes from its heap to
// unpack a payload of that compression into memory at once: the state of the decoder, and
// no window, since it can look back into what it has written. lz4 and lzo need none; for
// bzip2 and an unknown compression it is 0 as well. The sizes are those of the structures
// as a compiler for x86-64 lays them out.
// Source: lib/decompress_inflate.c:__gunzip, lib/decompress_unxz.c:unxz,
// lib/decompress_unzstd.c:decompress_single, lib/decompress_unlzma.c:unlzma (v6.12).
func WorkSpace(compression string) uint64 {
	switch compression {
	case "gzip":
		return 96 + 9544 // z_stream, inflate_state
	case "xz":
		return 1232 + 80 + 28496 // xz_dec, xz_dec_bcj, xz_dec_lzma2
	case "zstd":
		return 95944 // ZSTD_DCtx
	case "lzma":
		const literalContext = 3                // lc + lp, as the kernel's build leaves them
		return 2 * (1846 + 768<<literalContext) // probabilities of 16 bits
	}
	return 0
}
