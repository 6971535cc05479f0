package design

import (
	"fmt"

	"bootplan/kaslr"
	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

// reportIgnored tells of rules for the use of memory that the kernel's block breaks,
// because nobody looked at them: mem= and memmap=, memory that can be unplugged, and
// mirrored memory that had room.
func (s *stub) reportIgnored(b *sim.Boot) {
	s.reportOptions(b)
	s.reportUnpluggable(b)
	s.reportUnmirrored(b)
}

// reportOptions compares the block with what mem= and memmap= leave.
func (s *stub) reportOptions(b *sim.Boot) {
	p := kaslr.Plan{}
	p.ReadMemoryOptions(s.text, s.ways.release)
	if s.block.End > p.Limit {
		s.ignored(b, memmap.Range{Start: max(s.block.Start, p.Limit), End: s.block.End}, "mem= or memmap= takes this memory away")
	}
	for _, avoid := range p.Avoid {
		r := memmap.Range{Start: avoid.Start, End: avoid.End()}
		if s.block.Overlaps(r) {
			s.ignored(b, s.block.Intersect(r), "memmap= reserves this memory")
		}
	}
}

// reportUnpluggable compares the block with what ACPI says can never be unplugged.
func (s *stub) reportUnpluggable(b *sim.Boot) {
	if len(b.Scenario.Immovable) == 0 {
		return
	}
	for _, r := range b.Scenario.Immovable {
		if r.Covers(s.block) {
			return
		}
	}
	s.ignored(b, s.block, "the ACPI SRAT says that some of this memory may be unplugged")
}

// reportUnmirrored compares the block with mirrored memory: if any has room, all places
// that were counted are mirrored, but not every way to allocate looks at places.
func (s *stub) reportUnmirrored(b *sim.Boot) {
	if s.choices.Output == outputRandom || len(s.places.Areas) == 0 {
		return
	}
	mirrored := func(addr uint64) bool { return s.attributes(addr)&memmap.EFIMoreReliable != 0 }
	if mirrored(s.places.Areas[0].Start) && !mirrored(s.block.Start) {
		s.ignored(b, s.block, "mirrored memory had room")
	}
}

// attributes are those of the memory at addr before the block was allocated.
func (s *stub) attributes(addr uint64) memmap.EFIAttr {
	for i := range s.places.Map {
		d := &s.places.Map[i]
		if r, err := d.Range(); err == nil && r.Contains(addr) {
			return d.Attr
		}
	}
	return 0
}

// ignored reports one of these rules.
func (s *stub) ignored(b *sim.Boot, r memmap.Range, why string) {
	b.Find(sim.Finding{Rule: "policy-ignored", Severity: rule.Warning, Range: r, Object: kernelName,
		Message: fmt.Sprintf("the kernel's block is placed without regard to this: %s", why)})
}
