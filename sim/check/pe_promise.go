package check

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

var pePromiseRule = rule.Rule{
	ID: "pe-promise", Severity: rule.Warning,
	Title: "the header of an EFI image promises something else than its code does",
	Text: "The section table of an EFI image says for each section whether it is written and whether it is executed, and NX_COMPAT " +
		"that no page needs to be both. Firmware can enforce that if sections begin at pages, and faults on anything else. The rule " +
		"fires on a write to a section that is not writable; execution in one that is not executable; a section that is declared " +
		"executable and never executed; sections that do not begin at pages; NX_COMPAT on an image with a page that is written and executed " +
		"without a change of permissions between; and writes to the page of the headers. Kernels before 6.7 did all but the second.",
	Example: "a section .text, declared r-x, that holds stack, heap and page tables too",
	Sources: []string{"weakness 2 of the list of 2023-05-03", "arch/x86/boot/header.S:section_table (v6.5, v6.12)", "Microsoft PE format: section flags"},
}

// pePromise is told header and sections of an image when it is loaded, and holds later
// accesses against them.
type pePromise struct {
	once
	header   memmap.Range // in whole pages
	promises sim.ImageHeader
	sections []section
	image    memmap.Range             // from the header to the end of the last section
	pages    memmap.Spans[pageAccess] // of the image, since permissions last changed
}

type section struct {
	memmap.Range
	name     string
	perm     sim.Perm
	executed bool
}

// pageAccess is what boot code has done to a page.
type pageAccess uint8

const (
	pageWritten pageAccess = 1 << iota
	pageExecuted
)

func (c *pePromise) Begin() {
	c.once.Begin()
	c.pages.Clear()
	*c = pePromise{once: c.once, sections: c.sections[:0], pages: c.pages}
}

func (*pePromise) Watches() sim.Ops { return sim.Uses | 1<<sim.Protect }

func (c *pePromise) Step(_ *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	if s.Phase == sim.Firmware {
		c.learn(s, report)
		return
	}
	if s.Op == sim.Protect {
		c.pages.Set(s.Range.Intersect(c.image), 0)
	}
	if !s.Range.Overlaps(c.image) || s.Phase > sim.Decompressor {
		return
	}
	switch {
	case s.Touches():
		c.access(s, sim.W, pageWritten, report)
		if s.Range.Overlaps(c.header) && c.first("headers", "") {
			say(s, s.Range.Intersect(c.header), s.Object+" is written over the headers of the image", report)
		}
	case s.Op == sim.Exec:
		c.access(s, sim.X, pageExecuted, report)
	}
}

// learn notes what the firmware loads.
func (c *pePromise) learn(s *sim.Step, report func(sim.Finding)) {
	if h := s.Header; h.SectionAlignment != 0 {
		c.promises, c.header = h, s.Range.Outward(memmap.PageSize)
		c.image, c.sections = c.header, c.sections[:0]
		if h.SectionAlignment < uint32(memmap.PageSize) {
			say(s, s.Range, fmt.Sprintf("sections are aligned to %#x bytes: no page table can keep what they promise", h.SectionAlignment), report)
		}
	}
	if s.Op == sim.Write && s.Promise != 0 {
		c.sections = append(c.sections, section{Range: s.Range, name: s.Section, perm: s.Promise})
		c.image = memmap.Range{Start: min(c.image.Start, s.Range.Start), End: max(c.image.End, s.Range.End)}
	}
}

// access holds an access that needs a permission against the sections, and against what
// else was done to its pages.
func (c *pePromise) access(s *sim.Step, need sim.Perm, kind pageAccess, report func(sim.Finding)) {
	for i := range c.sections {
		section := &c.sections[i]
		part := section.Intersect(s.Range)
		if part.Empty() {
			continue
		}
		section.executed = section.executed || need == sim.X
		if !section.perm.Has(need) && c.first(section.name, need.String()) {
			say(s, part, s.Op.String()+" of "+s.Object+" in section "+section.name+", which is declared "+section.perm.String(), report)
		}
	}
	if !c.promises.NXCompat {
		return
	}
	pages := s.Range.Outward(memmap.PageSize).Intersect(c.image)
	c.pages.Update(pages, func(a pageAccess) pageAccess { return a | kind })
	c.pages.Over(pages, func(p memmap.Span[pageAccess]) bool {
		if p.Value != pageWritten|pageExecuted || !c.first("NX_COMPAT", "") {
			return true
		}
		say(s, p.Range, "the image promises NX_COMPAT and has pages that are written and executed", report)
		return false
	})
}

// End tells of rights that nobody needed, unless the boot was stopped on the way.
func (c *pePromise) End(m *sim.Machine, report func(sim.Finding)) {
	if m.Trap.Kind != sim.NoTrap {
		return
	}
	for _, section := range c.sections {
		if section.perm.Has(sim.X) && !section.executed {
			say(&sim.Step{Range: section.Range, Object: section.name}, section.Range,
				"section "+section.name+" is declared "+section.perm.String()+" and never executed", report)
		}
	}
}

// say reports one of the forms in which a promise is broken.
func say(s *sim.Step, r memmap.Range, message string, report func(sim.Finding)) {
	f := found(pePromiseRule, s)
	f.Range, f.Message = r, message
	report(f)
}
