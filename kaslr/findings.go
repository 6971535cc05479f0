package kaslr

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"bootplan/memmap"
	"bootplan/rule"
)

// Finding is one surprise in one placement.
type Finding struct {
	Rule     string
	Severity rule.Severity
	Range    memmap.Range // of memory, may be empty
	Message  string       // one sentence
}

// Finder looks for surprises in one placement after the other, in the same memory. The
// zero Finder is ready.
type Finder struct {
	in   *Input
	plan *Plan
	list []Finding

	all  Distribution
	free memmap.Set
}

// Find tells what of Rules happens for in, of which Make has made p and returned the
// error made. The list is valid until the next call.
func (f *Finder) Find(in *Input, p *Plan, made error) []Finding {
	f.in, f.plan, f.list = in, p, f.list[:0]
	switch {
	case errors.Is(made, ErrNeverReturns):
		f.report(ruleNeverReturns, memmap.Range{}, "the search for a place goes round between address 0 and 2^64 for ever")
	case made != nil:
	case in.CmdlinePtr == 0:
		f.report(ruleNullCmdline, memmap.Range{}, "there is no command line: KASLR is off, as if it said nokaslr")
	case !p.Disabled:
		f.places()
		f.areas()
		f.avoided()
	}
	f.options()
	return f.list
}

func (f *Finder) report(id string, r memmap.Range, format string, args ...any) {
	f.list = append(f.list, Finding{id, rule.SeverityOf(Rules(), id), r, fmt.Sprintf(format, args...)})
}

// places finds what is odd about all places together.
func (f *Finder) places() {
	p := f.plan
	if p.NeededSize > KernelImageSize-LoadPhysicalAddr {
		f.report(ruleVirtualWraps, memmap.Range{}, "the kernel needs %#x bytes of %#x: there seem to be %#x virtual slots",
			p.NeededSize, KernelImageSize-LoadPhysicalAddr, p.VirtualSlots)
	}
	if len(p.Areas) == MaxAreas {
		f.report(ruleAreaLimit, f.memory(p.Areas[MaxAreas-1]), "the search ended with area %d at %#x", MaxAreas, p.Areas[MaxAreas-1].Start)
	}
	if p.TooManyMemmaps {
		return // memory was not searched
	}
	if p.Slots == 0 {
		f.report(ruleNoPlace, memmap.Range{}, "no free memory between %#x and %#x has room for %#x bytes", p.Minimum, p.Limit, p.NeededSize)
		return
	}
	if f.all.MakePhysical(p); f.all.Places < p.Slots {
		f.report(ruleRepeatedArea, memmap.Range{}, "%d slots lead to %d different places", p.Slots, f.all.Places)
	}
}

// areas finds what is odd about single areas, each told once.
func (f *Finder) areas() {
	f.in.freeMemory(&f.free)
	for i, a := range f.plan.Areas {
		if slices.Contains(f.plan.Areas[:i], a) {
			continue
		}
		r := f.memory(a)
		if a.Start < max(f.plan.Minimum, 1) {
			f.report(ruleInvalidDraw, r, "slots at %#x and above lie below the minimum %#x", a.Start, f.plan.Minimum)
		}
		if missing := f.free.Missing(r); !missing.Empty() {
			f.report(ruleNotRAM, missing, "%v can be taken although the map does not call it free", missing)
		}
	}
}

// avoided finds avoided ranges that do not keep the kernel out.
func (f *Finder) avoided() {
	for _, avoid := range f.plan.Avoid {
		if !avoid.Wraps() {
			continue
		}
		bytes := memmap.Range{Start: avoid.Start, End: ^uint64(0)}
		for _, a := range f.plan.Areas {
			if r := f.memory(a); r.Overlaps(bytes) {
				f.report(ruleAvoidWraps, r.Intersect(bytes), "%s, %#x bytes at %#x, seems to end at %#x: the kernel can land on it",
					avoid.What, avoid.Size, avoid.Start, avoid.End())
				break
			}
		}
	}
}

// memory is what kernels in the slots of an area occupy.
func (f *Finder) memory(a Area) memmap.Range {
	return memmap.Range{Start: a.Start, End: a.Start + (a.Slots-1)*f.plan.Align + f.plan.NeededSize}
}

// options finds what is odd about the command line.
func (f *Finder) options() {
	p := f.plan
	if p.TooManyMemmaps {
		f.report(ruleTooMany, memmap.Range{}, "a memmap= list goes on behind the fourth range: physical KASLR is off")
	}
	if p.IgnoredMemmaps > 0 {
		f.report(ruleIgnoredMemmap, memmap.Range{}, "memmap= options that are ignored because four ranges are stored: %d", p.IgnoredMemmaps)
	}
	if p.Stopped {
		f.report(ruleCutShort, memmap.Range{}, "a mem= of zero ends the reading of options")
	}
	for _, a := range p.Avoid {
		if strings.HasPrefix(a.What, "memmap") && a.Size == 0 {
			f.report(ruleEmptyMemmap, memmap.Range{}, "the memmap= range at %#x has no bytes and takes one of four places", a.Start)
		}
	}
}
