// Package image reads kernel images: the bzImage setup header, the PE/COFF view,
// the EFI zboot header, the compressed payload, and the ELF kernel inside. What a
// boot needs of an image is a [Kernel]; it comes from a file's bytes or from an
// embedded profile of a real kernel. [Lint] says what an image promises that it
// cannot keep.
//
// What the decompressor does with the kernel inside is [CheckDestination],
// [MoveSegments] and [Relocation], as extract_kernel calls them.
package image
