package sim

import (
	"bootplan/memmap"
	"bootplan/rule"
)

// touch lets the fault handler map what s needs and is not mapped, and notes the
// permissions in force.
func (b *Boot) touch(s *Step) {
	if !Accesses.Has(s.Op) {
		return
	}
	t := b.Machine.Tables
	if t.OnFault != 0 && (s.Op != Exec || t.OnFault.Has(X)) { // a handler that grants no execution serves no fetch
		b.fault(s.Range)
		if s.Op == Copy {
			b.fault(s.From)
		}
	}
	s.Perm = t.Least(s.Range)
}

// hugePage is what a fault handler maps at once.
const hugePage = 2 * memmap.MiB

// fault maps, as the page-fault handler does, what r needs and is not mapped.
func (b *Boot) fault(r memmap.Range) {
	t := b.Machine.Tables
	for !b.stopped {
		missing := t.missing(r)
		if missing.Empty() {
			return
		}
		if t.Grow != nil {
			if err := t.Grow(missing); err != nil {
				b.Stop(Finding{Rule: "pagetables-exhausted", Severity: rule.Error, Range: missing,
					Object: "page-fault handler", Message: err.Error()})
				return
			}
		}
		b.Do(Step{Op: Map, Object: "page-fault handler", Range: missing, Perm: t.OnFault, By: ByHandler,
			Why:    "nothing maps this memory yet; the handler maps whatever faults",
			Source: "arch/x86/boot/compressed/ident_map_64.c:do_boot_page_fault"})
	}
}

// missing is what a handler maps for the first byte of r that nothing maps: the whole
// pages around it, as far as nothing maps them either; empty if all of r is mapped.
func (t *Tables) missing(r memmap.Range) memmap.Range {
	first := func(r memmap.Range, end uint64) (gap memmap.Range) {
		t.Over(r, func(s memmap.Span[Perm]) bool {
			if s.Value == 0 && s.End > end {
				gap = s.Range
			}
			return gap.Empty()
		})
		return gap
	}
	gap := first(r, 0)
	return first(gap.Outward(hugePage), gap.Start)
}
