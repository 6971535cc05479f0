package report

import (
	"fmt"
	"slices"
	"strings"

	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

// unknown is the answer of a boot that did not get that far, or has no such thing.
const unknown = "–"

func outcome(b Boot) string {
	if b.Result.Outcome == sim.Boots {
		return "boots"
	}
	return strings.ToUpper(string(b.Result.Outcome))
}

func findingCount(b Boot) string {
	return fmt.Sprintf("%d (%d)", len(b.Result.Findings), errorCount(b.Result))
}

func errorCount(r *sim.Result) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == rule.Error {
			n++
		}
	}
	return n
}

// placed answers with where something was placed.
func placed(name string, show func(sim.Placement) string) func(Boot) string {
	return func(b Boot) string {
		p, ok := b.Result.Placement(name)
		if !ok {
			return unknown
		}
		return show(p)
	}
}

// startOf and virtualOf show where something was placed.
func startOf(p sim.Placement) string   { return Address(p.Range.Start) }
func virtualOf(p sim.Placement) string { return Address(p.Virtual) }

// measured answers with a figure.
func measured(name string) func(Boot) string {
	return func(b Boot) string {
		m, ok := b.Result.Metric(name)
		switch {
		case !ok, b.Result.StepCount() == 0: // it never began
			return unknown
		case m.Unit == "bytes" && m.Value == 0:
			return "none"
		}
		return Value(m)
	}
}

// lowMemoryUse is what the design takes below 1 MiB: grabbed without asking, or allocated.
func lowMemoryUse(b Boot) string {
	grabbed, _ := b.Result.Metric(sim.LowMemoryBytes)
	allocated, _ := b.Result.Metric(sim.LowMemoryAllocated)
	switch {
	case grabbed.Value > 0:
		return Value(grabbed) + " grabbed"
	case allocated.Value > 0:
		return Value(allocated) + " allocated"
	}
	return "none"
}

// kernelMemory is the type of memory that was allocated for the kernel.
func kernelMemory(b Boot) string {
	kernel, ok := b.Result.Placement("kernel")
	if !ok {
		return unknown
	}
	for _, s := range b.Result.Steps {
		if s.Op == sim.Alloc && s.Range.Covers(kernel.Range) && s.Phase < sim.Kernel {
			if s.Memory != "" {
				return s.Memory
			}
			return "kept by loader"
		}
	}
	return "not allocated"
}

// below4G is how much of the memory that firmware gives has to lie below 4 GiB.
func below4G(b Boot) string {
	if withoutEFI(b) == "yes" {
		return unknown
	}
	var bytes uint64
	for _, a := range b.Result.Allocations {
		if a.Where == sim.Below && a.Limit <= 4*memmap.GiB && a.Limit > memmap.MiB {
			bytes += a.Bytes
		}
	}
	if bytes == 0 {
		return "none"
	}
	return Size(bytes)
}

// runsInData names what is executed in memory that was allocated for data.
func runsInData(b Boot) string {
	var data memmap.Set
	var objects []string
	for _, s := range b.Result.Steps {
		switch {
		case s.Op == sim.Alloc && s.Memory == memmap.EFILoaderData.String():
			data.Add(s.Range)
		case s.Op == sim.Free:
			data.Remove(s.Range)
		case s.Op == sim.Exec && data.Covers(s.Range) && !slices.Contains(objects, s.Object):
			objects = append(objects, s.Object)
		}
	}
	if objects == nil {
		return "nothing"
	}
	return strings.Join(objects, ", ")
}

// breaks answers whether any of some rules is broken. A boot that did not get to the
// kernel may not have got to breaking it.
func breaks(rules ...string) func(Boot) string {
	return func(b Boot) string {
		if slices.ContainsFunc(b.Result.Findings, func(f sim.Finding) bool { return slices.Contains(rules, f.Rule) }) {
			return "yes"
		}
		if b.Result.Outcome != sim.Boots {
			return unknown
		}
		return "no"
	}
}

// chosen answers with what the design chooses.
func chosen(choice string) func(Boot) string {
	return func(b Boot) string {
		if value := b.Design.Get(choice); value != "" {
			return value
		}
		return unknown
	}
}

// tried answers whether a trial boots.
func tried(name string) func(Boot) string {
	return func(b Boot) string {
		r, ok := b.Trials[name]
		switch {
		case !ok, withoutEFI(b) == "yes": // no firmware starts it
			return unknown
		case r.Outcome == sim.Boots:
			return "yes"
		}
		return "no"
	}
}

// limited answers whether the kernel is placed below the end of memory that the user sets.
func limited(b Boot) string {
	r, ok := b.Trials[TrialLimit]
	if !ok {
		return unknown
	}
	kernel, ok := r.Placement("kernel")
	switch {
	case !ok:
		return "gives up"
	case kernel.Range.End <= memmap.GiB:
		return "yes"
	}
	return "no"
}

// withoutEFI answers whether a boot loader without EFI can start the design.
func withoutEFI(b Boot) string {
	if b.Design.Get("boot-params") == "loader" {
		return "yes"
	}
	return "no"
}

// finalTables names the page tables under which the kernel is entered.
func finalTables(b Boot) string {
	if _, ok := b.Result.Metric(sim.WXAtKernelEntry); !ok {
		return unknown
	}
	return b.Result.After.Tables.Name
}

// faultHandler is what becomes of an access to memory that those do not map.
func faultHandler(b Boot) string {
	switch p := b.Result.After.Tables.OnFault; {
	case finalTables(b) == unknown:
		return unknown
	case p != 0:
		return "maps " + p.String()
	}
	return "dead"
}

// header is what the header of the PE image promises; ok is false if there is none.
func header(b Boot) (h sim.ImageHeader, ok bool) {
	for _, s := range b.Result.Steps {
		if s.Header.SectionAlignment != 0 {
			return s.Header, true
		}
	}
	return h, false
}

func sectionAlignment(b Boot) string {
	h, ok := header(b)
	switch {
	case !ok:
		return unknown
	case uint64(h.SectionAlignment)%memmap.PageSize == 0:
		return Size(uint64(h.SectionAlignment))
	}
	return Size(uint64(h.SectionAlignment)) + "!"
}

func nxCompat(b Boot) string {
	h, ok := header(b)
	switch {
	case !ok:
		return unknown
	case h.NXCompat:
		return "yes"
	}
	return "no"
}
