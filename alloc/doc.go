// Package alloc holds the memory allocators that boot code depends on, each behind
// its own small type, with the arithmetic of the real code, wrap-around included.
//
//   - [Firmware] is the page allocator that an EFI stub calls. [ModelFirmware]
//     never changes its map; it is what golden vectors were recorded with.
//   - [EFIPages] is EDK2, release by release: pages, bins, pool blocks, heap guard and the
//     map that it reports. It starts from raw memory or from a reported map.
//   - [UBootPages] and [BottomUpPages] are firmware that is not EDK2, for contrast. They
//     serve all of [BootServices].
//   - [UnacceptedTable] is where the stub notes the memory of a confidential virtual
//     machine that must be accepted before use.
//   - [RandomAlloc], [LowAllocAbove], [AllocatePages], [AllocatePagesAligned] and
//     [RelocateKernel] are the stub's own helpers on top of a Firmware.
//   - [SetupE820] is the table that the stub makes of the final memory map.
//   - [Heap] is the malloc of the decompressor.
//   - [IdentityMap] draws page tables from the decompressor's fixed pool.
//   - [Memblock] is the early allocator of the kernel proper.
//
// [Rules] are what of all this nobody would expect; [RandomAllocFindings] tells which of
// them an answer shows, [Request.Exclusions] and [NoMemory] why memory was not taken.
//
// Addresses and sizes are bytes unless a name says pages; a page is 4096 bytes.
// Nothing here knows which boot design asks.
package alloc
