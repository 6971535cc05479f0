package kaslr

// The RFC of an EFI zboot for x86 chooses a displacement with a 32-bit seed of its own
// and adds it to addresses that are linked for LoadPhysicalAddr, so that both of its
// forms can place a kernel that ends beyond KernelImageSize.

// RFCVirtual returns the virtual address, in bytes from __START_KERNEL_map, that the RFC
// as posted chooses for a payload of size bytes (_end - startup_64); align is
// CONFIG_PHYSICAL_ALIGN in bytes. The lowest is 2*LoadPhysicalAddr.
// Source: drivers/firmware/efi/libstub/x86-zboot.c:efi_cache_sync_image
// ([RFC PATCH 2/3] 20230416120729.2470762-3-ardb@kernel.org).
func RFCVirtual(size uint64, seed uint32, align uint64) uint64 {
	displacement := LoadPhysicalAddr + (KernelImageSize-LoadPhysicalAddr-size)*uint64(seed)>>32
	return LoadPhysicalAddr + displacement&^(align-1)
}

// RFCRevisedVirtual is RFCVirtual in the form of the author's branch, whose lowest
// address is LoadPhysicalAddr.
// Source: drivers/firmware/efi/libstub/x86-zboot.c:efi_cache_sync_image (ardb at 9a8dcf1b47).
func RFCRevisedVirtual(size uint64, seed uint32, align uint64) uint64 {
	displacement := (KernelImageSize - size) * uint64(seed) >> 32
	return LoadPhysicalAddr + displacement&^(align-1)
}
