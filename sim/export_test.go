package sim

import "bootplan/memmap"

// NewMachine returns the machine that memory describes.
func NewMachine(memory *memmap.Map) *Machine {
	m := &Machine{}
	m.reset(memory, &Tables{Name: "no paging"})
	return m
}
