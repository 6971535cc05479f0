// Package design holds the boot designs, one file for each story. A design reads
// like the boot's own account of what it does to memory, in order, with one line
// of why for each step; it computes no text for people beyond that and knows no view.
//
//   - bzimage.go, paging_switch.go, identity_map.go, kaslr.go: the bare-metal decompressor
//   - efistub.go, stub_seed.go, pci_rom.go: the EFI stub that decompresses while boot
//     services are alive
//   - extract.go: what both do to unpack the kernel
//   - loader.go: who runs before them
//   - handover.go: what they leave to the kernel proper
package design

import (
	"fmt"
	"strings"

	"bootplan/linux"
	"bootplan/sim"
)

// Info is what a design is, for people.
type Info struct {
	Name     string
	Title    string
	Text     string // one paragraph
	Sources  []string
	Proposal bool // never implemented: modelled as what it would do
}

// A Described design can say what it is.
type Described interface {
	sim.Design
	Info() Info
}

// All returns every design, in the order in which they are listed.
func All() []Described {
	return []Described{
		bzimage{"bzimage", linux.V6_12},
		efistub{"efistub", linux.V6_12},
		bzimage{"bzimage@v7.2", linux.V7_2},
		efistub{"efistub@v7.2", linux.V7_2},
	}
}

// Named returns the design called name.
func Named(name string) (Described, error) {
	var names []string
	for _, d := range All() {
		if d.Name() == name {
			return d, nil
		}
		names = append(names, d.Name())
	}
	return nil, fmt.Errorf("design %q: expected one of %s", name, strings.Join(names, ", "))
}
