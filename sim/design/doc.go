// Package design holds the boot designs, one file for each story. A design reads
// like the boot's own account of what it does to memory, in order, with one line
// of why for each step; it computes no text for people beyond that and knows no view.
//
//   - design.go, choices.go: what a design is, and the decisions in which designs differ
//   - fitting.go: which of them is a kernel's own boot code
//   - bzimage.go: the bare-metal decompressor. Its acts are in entry.go, paging_switch.go,
//     self_copy.go, identity_map.go with kaslr_map.go and data_map.go, firmware_tables.go,
//     kaslr.go, accept_output.go and extract_kernel.go, in the order of a boot
//   - legacy_stub.go: the EFI stub that ends boot services and enters the decompressor
//   - efistub.go: the EFI stub that unpacks the kernel while boot services are alive; its
//     acts are in stub_*.go and pci_rom.go, what releases differ in is in stub_ways.go
//   - pe_layout.go, handover_protocol.go, mixed_mode.go: the ways into a stub
//   - thread.go, zboot_*.go, baskov*.go, explicit_map.go: the designs of the thread of 2023
//   - middle_ground.go, hybrid.go: what else it proposes; without firmware both run core*.go
//   - extract.go, elf_parts.go: what all do to unpack the kernel
//   - loader*.go: who runs before them
//   - handover.go: what they leave to the kernel proper; kernel_tables.go: its page tables
//   - surprise.go: odd behaviour of the real code that a boot shows
package design

import (
	"fmt"
	"strings"
)

// All returns every design, in the order in which they are listed.
func All() []*Design {
	var list []*Design
	for _, family := range [][]*Design{bzimages(), legacyStubs(), efistubs(), thread()} {
		list = append(list, family...)
	}
	return list
}

// Named returns the design called name.
func Named(name string) (*Design, error) {
	var names []string
	for _, d := range All() {
		if d.Name() == name {
			return d, nil
		}
		names = append(names, d.Name())
	}
	return nil, fmt.Errorf("design %q: expected one of %s", name, strings.Join(names, ", "))
}
