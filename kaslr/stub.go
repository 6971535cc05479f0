package kaslr

// lastAMIRevision is EFI_2_00_SYSTEM_TABLE_REVISION.
const lastAMIRevision = 2 << 16

// StubSeed returns the seed by which the EFI stub chooses the physical slot: seed
// itself, or 0 (the lowest slot) on firmware of American Megatrends whose system
// table has a revision up to 2.0, and where an option limits memory (override is
// what linux.StubMemoryOverride returned).
// Source: drivers/firmware/efi/libstub/x86-stub.c:efi_decompress_kernel (v6.12).
func StubSeed(seed, revision uint32, vendor, override string) uint32 {
	if revision <= lastAMIRevision && vendor == "American Megatrends" || override != "" {
		return 0
	}
	return seed
}

// StubVirtualRange is from how many bytes, starting at LoadPhysicalAddr, the EFI
// stub chooses the virtual address of a kernel of totalSize bytes
// (kernel_total_size). It wraps around for one that does not fit in KernelImageSize.
func StubVirtualRange(totalSize uint64) uint64 {
	return KernelImageSize - LoadPhysicalAddr - totalSize
}

// StubVirtual returns the virtual address that the EFI stub chooses with the
// second word of its seed; align is CONFIG_PHYSICAL_ALIGN in bytes.
// Source: drivers/firmware/efi/libstub/x86-stub.c:efi_decompress_kernel (v6.12).
func StubVirtual(totalSize uint64, seed uint32, align uint64) uint64 {
	offset := StubVirtualRange(totalSize) * uint64(seed) >> 32
	return (LoadPhysicalAddr + offset) &^ (align - 1)
}
