package parse

import "bootplan/memmap"

// E820Type returns the type that a kernel log calls name: "usable", "System RAM",
// "type 20"; ok is false if no kernel has called a type so.
func E820Type(name string) (t memmap.E820Type, ok bool) { return parseE820Type(name) }

// EFIType returns the type that a kernel log or the UEFI Shell calls name: "Boot Data",
// "BS_Data"; ok is false if neither has called a type so.
func EFIType(name string) (t memmap.EFIType, ok bool) {
	if t, ok := parseEFIType(name); ok {
		return t, true
	}
	return parseShellType(name)
}
