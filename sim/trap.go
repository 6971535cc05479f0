package sim

import (
	"fmt"

	"bootplan/memmap"
)

// TrapKind is a reason for which the processor cannot do a step.
type TrapKind uint8

// The reasons.
const (
	NoTrap         TrapKind = iota
	NotMapped               // no table in force maps the address
	WriteProtected          // the mapping in force forbids writing
	NoExecute               // the mapping in force forbids execution
	NotAccepted             // a confidential guest has not accepted the memory
)

// A Trap is an access that the processor refuses: the boot ends there, whether a check
// watches or not.
type Trap struct {
	Kind    TrapKind
	Range   memmap.Range // the first stretch that is refused
	Message string       // who touched it, how it is mapped, by whom, and what would have made it legal
}

// trap finds what is refused of the step that is about to take effect, whose Perm are
// the least permissions in force over its range.
func (m *Machine) trap(s *Step) Trap {
	if !Accesses.Has(s.Op) {
		return Trap{}
	}
	need, kind := R, NotMapped
	switch {
	case s.Op == Exec:
		need, kind = R|X, NoExecute
	case s.Touches():
		need, kind = RW, WriteProtected
	}
	if !s.Perm.Has(need) {
		return m.denied(s, s.Range, need, kind)
	}
	if s.Op == Copy && !m.Tables.Least(s.From).Has(R) {
		return m.denied(s, s.From, R, NotMapped)
	}
	if t := m.notAccepted(s, s.Range); t.Kind != NoTrap || s.Op != Copy {
		return t
	}
	return m.notAccepted(s, s.From)
}

// denied is the first stretch of r that lacks a permission of need.
func (m *Machine) denied(s *Step, r memmap.Range, need Perm, kind TrapKind) Trap {
	var first memmap.Span[Perm]
	m.Tables.Over(r, func(p memmap.Span[Perm]) bool {
		first = p
		return p.Value.Has(need)
	})
	code := errorCode(first.Value, need)
	if first.Value == 0 {
		need, kind = R, NotMapped
	}
	return Trap{kind, first.Range, m.Tables.denial(s, first, need, code)}
}

// errorCode is what the processor pushes when a page that is mapped p lacks a
// permission of need.
// Source: Intel SDM, volume 3A, 5.7.
func errorCode(p, need Perm) int {
	const present, write, fetch = 1, 1 << 1, 1 << 4
	code := 0
	if p != 0 {
		code |= present
	}
	if need.Has(W) {
		code |= write
	}
	if need.Has(X) {
		code |= fetch
	}
	return code
}

// notAccepted is the first stretch of r that is not accepted.
func (m *Machine) notAccepted(s *Step, r memmap.Range) Trap {
	var t Trap
	m.Use.Over(r, func(u memmap.Span[Use]) bool {
		if u.Value != UseUnaccepted {
			return true
		}
		t = Trap{NotAccepted, u.Range, fmt.Sprintf("%s: %s at %#x, in memory that was not accepted", s.Object, s.Op, u.Start)}
		return false
	})
	return t
}

// denial tells the whole story of an access that needs need and meets p.
func (t *Tables) denial(s *Step, p memmap.Span[Perm], need Perm, code int) string {
	text := fmt.Sprintf("%s: %s at %#x, mapped %s\n  page fault, error code %#x, page tables: %s", s.Object, s.Op, p.Start, p.Value, code, t.Name)
	change, ok := t.culprit(p.Start, need)
	if !ok {
		return text + "\n  nothing ever mapped this address"
	}
	text += "\n  " + change.story(t.Policy)
	if t.Policy != nil {
		text += "\n  " + t.Policy.remedy(change, need)
	}
	return text
}
