package sim

import (
	"fmt"

	"bootplan/memmap"
)

// Tables are page tables, as the permissions of physical memory, and how each of them
// came about. Boot code maps memory at its own address. The kernel has mappings at other
// addresses, and several of the same memory: it counts with the permissions of the one
// that grants most, which is that of the kernel's own addresses for the kernel itself.
type Tables struct {
	Name    string
	Paging  bool                     // false: every address can be read, written and executed
	Perm    memmap.Spans[Perm]       // to be read; Set writes it
	OnFault Perm                     // with what a page-fault handler maps any address, 2 MiB at a time; 0: no handler
	Grow    func(memmap.Range) error // called before a handler maps a range: takes pages from its pool
	Policy  *Policy                  // that the tables follow; nil: boot code made them

	changes []Change // in the order of time
	taken   bool     // by the present boot
	ram     *Machine // whose RAM is counted, once the tables have come into force
	wx      uint64   // bytes of RAM mapped writable and executable
}

// A Setter is who can set permissions.
type Setter uint8

// The setters.
const (
	ByCode     Setter = iota // boot code, in tables of its own
	ByHandler                // its page-fault handler
	ByFirmware               // the firmware's identity map, before any policy
	ByPolicy                 // the firmware's policy for a memory type
	ByImage                  // the firmware's image loader, section by section
	ByProtocol               // boot code, through the memory attribute protocol
	ByServices               // boot code, through the DXE services
)

// A Change is one thing that was done to page tables.
type Change struct {
	Range  memmap.Range
	Perm   Perm // from then on
	By     Setter
	Type   memmap.EFIType // ByPolicy: of the memory
	Object string         // the others: what the memory holds
	Step   int            // index into Result.Steps of the step at which it was done
}

// reset makes t tables that map nothing, and takes it.
func (t *Tables) reset(name string) {
	t.Perm.Clear()
	*t = Tables{Name: name, Perm: t.Perm, changes: t.changes[:0], taken: true}
}

// Set does c.
func (t *Tables) Set(c Change) {
	if t.ram != nil {
		t.recount(c)
	}
	t.Perm.Set(c.Range, c.Perm)
	t.changes = append(t.changes, c)
}

// watch counts RAM that is mapped writable and executable, from now on with every change.
func (t *Tables) watch(m *Machine) { t.ram, t.wx = m, m.WX() }

// recount changes the count as c will change the tables.
func (t *Tables) recount(c Change) {
	var before uint64
	t.Perm.Over(c.Range, func(s memmap.Span[Perm]) bool {
		if s.Value.Has(W | X) {
			before += t.ram.ramIn(s.Range)
		}
		return true
	})
	t.wx -= before
	if c.Perm.Has(W | X) {
		t.wx += t.ram.ramIn(c.Range)
	}
}

// follow makes a step of the kind Map or Protect take effect, which has the index i.
func (t *Tables) follow(s *Step, i int) {
	t.Set(Change{Range: s.Range, Perm: s.Perm, By: s.By, Object: s.Object, Step: i})
}

// culprit is the change that took a permission of need from addr, or never gave
// it; ok is false if nothing was ever done to addr.
func (t *Tables) culprit(addr uint64, need Perm) (c Change, ok bool) {
	for i := len(t.changes) - 1; i >= 0; i-- {
		if !t.changes[i].Range.Contains(addr) {
			continue
		}
		if t.changes[i].Perm.Has(need) {
			break
		}
		c, ok = t.changes[i], true
		if c.By != ByProtocol { // the protocol alone leaves what it is not asked for as it was
			break
		}
	}
	return c, ok
}

// Uniform reports whether every byte of r has exactly the permissions p.
func (t *Tables) Uniform(r memmap.Range, p Perm) bool {
	same := true
	t.Over(r, func(s memmap.Span[Perm]) bool {
		same = s.Value == p
		return same
	})
	return same
}

// Least returns the permissions that every byte of r has.
func (t *Tables) Least(r memmap.Range) Perm {
	least := RWX
	t.Over(r, func(s memmap.Span[Perm]) bool {
		least &= s.Value
		return least != 0
	})
	return least
}

// Over calls yield for each stretch of r with equal permissions, in ascending
// order, until yield returns false.
func (t *Tables) Over(r memmap.Range, yield func(memmap.Span[Perm]) bool) {
	if !t.Paging {
		yield(memmap.Span[Perm]{Range: r, Value: RWX})
		return
	}
	t.Perm.Over(r, yield)
}

// story says in a clause who set the permissions of a change, under which policy.
func (c Change) story(p *Policy) string {
	switch c.By {
	case ByPolicy:
		return p.story(c.Type)
	case ByImage:
		return fmt.Sprintf("the firmware's image loader mapped %s so at step %d", c.Object, c.Step+1)
	case ByProtocol:
		return fmt.Sprintf("the memory attribute protocol was asked to map %s so at step %d", c.Object, c.Step+1)
	case ByServices:
		return fmt.Sprintf("the DXE services were asked to map %s so at step %d", c.Object, c.Step+1)
	case ByHandler:
		return fmt.Sprintf("the page-fault handler mapped it so at step %d", c.Step+1)
	case ByFirmware:
		if c.Perm == 0 {
			return fmt.Sprintf("the firmware leaves %s unmapped", c.Object)
		}
		return "the firmware's identity map has it so"
	}
	return fmt.Sprintf("the boot code mapped %s so at step %d", c.Object, c.Step+1)
}
