package check

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/sim"
)

// deniedStory tells the whole story of an access that needs need and meets p: who touched
// which page, how it is mapped, how the processor reports it, who mapped the page so, and
// what would have made the access legal.
func deniedStory(t *sim.Tables, s *sim.Step, p memmap.Span[sim.Perm], need sim.Perm) string {
	text := fmt.Sprintf("%s: %s at %#x, mapped %s\n  page fault, error code %#x, page tables: %s",
		s.Object, s.Op, p.Start, p.Value, errorCode(p.Value, need), t.Name)
	change, ok := t.Denied(p.Start, need)
	if !ok {
		return text + "\n  nothing ever mapped this address"
	}
	text += "\n  " + change.Story(t.Policy)
	if t.Policy != nil {
		text += "\n  " + t.Policy.Remedy(change, need)
	}
	return text
}

// errorCode is what the processor pushes for a page fault of its own code.
// Source: Intel SDM, volume 3A, 5.7.
func errorCode(p, need sim.Perm) int {
	const present, write, fetch = 1, 1 << 1, 1 << 4
	code := 0
	if p != 0 {
		code |= present
	}
	if need.Has(sim.W) {
		code |= write
	}
	if need.Has(sim.X) {
		code |= fetch
	}
	return code
}
