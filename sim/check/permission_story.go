package check

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/sim"
)

// deniedStory tells the whole story of an access that needs need and meets p: who touched
// which page, how it is mapped, who mapped it so, and what would have made it legal.
func deniedStory(t *sim.Tables, s *sim.Step, p memmap.Span[sim.Perm], need sim.Perm) string {
	text := fmt.Sprintf("%s: %s at %#x, mapped %s", s.Object, s.Op, p.Start, p.Value)
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
