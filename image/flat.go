package image

// Flat is an x86 kernel as zboot carries it: not an ELF file but the kernel as it lies
// in memory, padded with zeroes up to the end of its BSS, followed by the relocation
// table. All sizes are in bytes.
// Source: arch/x86/zboot/Makefile, arch/x86/kernel/head_64.S
// ([RFC PATCH 2/3] and [RFC PATCH 3/3] of 20230416120729.2470762-1-ardb@kernel.org).
type Flat struct {
	Size   uint64 // _end - startup_64, which the kernel states at offset 0x10
	Relocs uint64 // of the relocation table; 0 if the kernel has none
	Code   uint64 // _einittext - startup_64, at offset 0x20: everything up to the end of the init text
}

// Flat is what a zboot of this kernel would carry. A kernel without section headers
// counts as code up to its BSS, or as a whole.
func (k *Kernel) Flat() Flat {
	f := Flat{Size: k.VO.TotalSize, Code: k.VO.BSSOffset}
	if k.Relocs != nil {
		f.Relocs = k.Relocs.Bytes
	}
	if l := k.VO.Layout; l != nil && l.InitTextEnd != 0 {
		f.Code = l.InitTextEnd
	}
	if f.Code == 0 {
		f.Code = f.Size
	}
	return f
}

// Unpacked is how many bytes decompression writes.
func (f Flat) Unpacked() uint64 { return f.Size + f.Relocs }
