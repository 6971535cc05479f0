// Package lint finds what is odd in a firmware memory map. Each rule has a stable
// identifier that begins with "map-", and lives in one file with its relatives.
//
// A rule says what boot code makes of the oddity. It repairs nothing, and stays
// silent about what is common and harmless: a base memory that ends at 0x9fc00, or an
// EFI map that is not sorted.
//
// The cost is n log n in the number of entries, whatever the entries are.
package lint
