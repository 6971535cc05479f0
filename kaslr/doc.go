// Package kaslr decides where a randomised kernel can land: which memory the
// decompressor looks at, what it avoids, the slot areas that remain, the physical
// and virtual address that a random number selects, and with exactly which
// probability each place is taken.
//
// A [Plan] is all that the decompressor knows before it draws a random number.
// [Plan.Make] computes it from an [Input], [Plan.Choose] draws from it, as often as
// wanted; neither allocates memory once the plan's storage has grown. [Distribution]
// tells what all draws together look like, [Exclusions] what keeps the kernel out of
// where, and [Finder] what the real code does that nobody would expect.
//
// The real code computes with pairs of start and size in 64 bits and lets sums wrap
// around 2^64. So does this package: see [Extent].
//
// The EFI stub places the kernel by rules of its own. Its slots are those of package
// alloc; its seed and its virtual address are [StubSeed] and [StubVirtual].
//
// [Entropy] and [BootSeed] are where the random numbers come from. The kernel proper
// randomises its virtual layout once more: [RandomizeRegions].
package kaslr
