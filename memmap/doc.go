// Package memmap holds physical memory maps as firmware reports them: ranges,
// e820 entries and EFI memory descriptors with every type and attribute, sorted
// views of them, and the conversion from one to the other that the EFI stub makes.
//
// # Ranges
//
// A [Range] is half-open, [Start, End), in bytes, and cannot wrap around 2^64.
// People see the inclusive form that kernel logs use,
// "[mem 0x0000000000001000-0x000000000009ffff]".
//
// # Entries as stated
//
// Firmware may state nonsense: entries that wrap around, overlap, or have no
// length. [E820Entry] and [EFIDescriptor] keep what was stated, so that package
// lint can report it and models of boot code can compute with it as the real code
// does. Their Range method refuses what is not a proper range.
//
// # What a kernel keeps
//
// [KernelE820] and [KernelEFIMap] are the maps of the kernel proper, which it edits
// while it boots: [E820Table] does what its e820 functions do, and logs what they print.
//
// The package reads no files and prints nothing.
package memmap
