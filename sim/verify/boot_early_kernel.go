package verify

import (
	"errors"
	"slices"
	"strings"

	"bootplan/image"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim/kernel"
)

// early is what the kernel proper does first, predicted.
type early struct {
	log      *kernelLog
	iomem    []string
	maxPFN   uint64
	realMode memmap.Range
	highMap  memmap.Range
	mapped   []memmap.Range
}

// earlyKernel compares what the kernel proper makes of memory. The prediction begins
// with what the recording says that boot code left, and is about the kernel alone.
func (v *verification) earlyKernel() {
	v.kernelImage()
	v.printedE820()
	v.pagingLevel()
	v.regions()
	e, why := v.predictEarly()
	f := v.ofKernel(why)
	compare := func(name string, predicted, recorded Value) {
		f.fact(name, recorded, func() (Value, string) { return predicted, "" })
	}
	// A kernel that prints one of its maps prints them all: none recorded means none.
	compareMap := func(name string, predicted, recorded Value) {
		if recorded == nil && predicted != nil && why == "" {
			f.add(Fact{Name: name, Predicted: predicted})
			return
		}
		compare(name, predicted, recorded)
	}
	c := v.c
	compareMap("e820_user", entries(e.log.maps["user"]), printedEntries(c.E820User))
	compareMap("e820_with_setup_data", entries(e.log.maps["reserve setup_data"]), printedEntries(c.E820SetupData))
	compare("e820_changes", v.changes(e.log.changes), v.changes(c.E820Changes))
	compare("memblock_reserved", v.reservations(e.log.reserved, e.log), v.reservations(c.Reserved, e.log))
	compare("memblock", lines(e.log.memblock), lines(firstDump(c.Memblock)))
	compare("system_ram", lines(ramOf(e.iomem)), lines(ramOf(c.bootIOMem())))
	if c.Ramdisk != nil {
		compare("initrd_moved_to", v.movedInitrd(e.log.moved), whole(c.Ramdisk.Moved))
	}
	if c.RealMode.Phys != nil {
		end := *c.RealMode.Phys + c.RealMode.Size
		compare("realmode_trampoline", Range{Range: e.realMode}, between(c.RealMode.Phys, &end))
	}
	if pfn, ok := c.KernelValues["max_pfn"]; ok {
		compare("max_pfn", Address(c.raisedPFN(e.maxPFN)), Address(pfn))
	}
}

// predictEarly follows the early kernel from what was recorded of its handover.
func (v *verification) predictEarly() (e early, why string) {
	e.log = &kernelLog{}
	if !v.known || !v.c.reachedKernel() {
		return e, v.blocked
	}
	h, why := v.handover()
	if why != "" {
		return e, why
	}
	var log []string
	h.Log = func(line string) { log = append(log, line) }
	s, err := kernel.SetupArch(h)
	var stopped *linux.Panic
	if err != nil && !errors.As(err, &stopped) {
		return e, err.Error()
	}
	return early{readKernelLog(log), s.IOMem(&h.Image), s.MaxPFN, s.RealMode, s.HighMap, s.Mapped.Ranges()}, ""
}

// kernelImage compares where /proc/iomem shows the parts of the kernel.
func (v *verification) kernelImage() {
	k := v.c.KernelPhysical
	for _, part := range []struct {
		name     string
		recorded lastRange
		of       func(l *image.Layout) (start, end uint64)
	}{
		{"kernel_code", k.Code, func(l *image.Layout) (uint64, uint64) { return 0, l.TextEnd }},
		{"kernel_rodata", k.Rodata, func(l *image.Layout) (uint64, uint64) { return l.RodataStart, l.RodataEnd }},
		{"kernel_data", k.Data, func(l *image.Layout) (uint64, uint64) { return l.DataStart, l.DataEnd }},
		{"kernel_bss", k.BSS, func(l *image.Layout) (uint64, uint64) { return l.BSSStart, l.BSSEnd }},
	} {
		v.follows(part.name, whole(part.recorded), func(phys uint64) (Value, string) {
			layout := v.kernel.VO.Layout
			if layout == nil {
				return nil, noLayout
			}
			start, end := part.of(layout)
			return Range{Range: memmap.Range{Start: phys + start, End: phys + end}}, ""
		})
	}
}

// noLayout is why the parts of a kernel are not predicted.
const noLayout = "the image has no section headers, which tell how the kernel is laid out"

// printedE820 compares the map that the kernel printed with what boot code handed over
// in the simulation.
func (v *verification) printedE820() {
	v.fact("e820", printedEntries(v.c.E820), func() (Value, string) {
		switch {
		case len(v.result.KernelLog) == 0:
			return nil, "the simulated boot does not reach the kernel"
		case v.sc.Map.Kind == memmap.E820 && v.c.BootParams == nil && len(v.c.Debugger.E820) == 0:
			return nil, "it is what the simulation began with"
		}
		return entries(readKernelLog(v.result.KernelLog).maps["BIOS-e820"]), ""
	})
}

// pagingLevel compares how many levels of page tables the kernel runs with.
func (v *verification) pagingLevel() {
	if v.c.Paging.FiveLevel == nil || !v.c.reachedKernel() {
		return
	}
	recorded := Number(4)
	if v.c.fiveLevels() {
		recorded = 5
	}
	v.fact("paging_levels", recorded, func() (Value, string) {
		direct, ok := v.result.Placement("direct_map")
		switch {
		case v.c.CPU == "":
			return nil, "the CPU is not known"
		case !ok:
			return nil, "the simulated boot does not reach the kernel"
		case direct.Virtual < lowestOf4Levels:
			return Number(5), ""
		}
		return Number(4), ""
	})
}

// lowestOf4Levels is the lowest kernel address with 4 levels of page tables.
const lowestOf4Levels = 0xffff800000000000

// lines are lines of text; nil if there is none.
func lines(list []string) Value {
	if len(list) == 0 {
		return nil
	}
	return texts(list)
}

// entries is an e820 table; nil if it is empty.
func entries(table []memmap.E820Entry) Value {
	if len(table) == 0 {
		return nil
	}
	list := List{}
	for _, e := range table {
		r := extent(e.Addr, e.Size)
		r.What = e.Type.String()
		list = append(list, r)
	}
	return list
}

func printedEntries(printed []printedEntry) Value {
	var table []memmap.E820Entry
	for _, e := range printed {
		table = append(table, memmap.E820Entry(e))
	}
	return entries(table)
}

// movedInitrd is where the kernel moved the initrd; a log tells whole pages of what it
// moved.
func (v *verification) movedInitrd(to memmap.Range) Value {
	if rd := v.c.Ramdisk; rd.Image == 0 && !to.Empty() {
		to.End = to.Start + rd.Moved.Len()
	}
	return Range{Range: to}
}

// changes are lines about changes of the e820 map, without those of tables that only
// firmware knows the places of.
func (v *verification) changes(texts []string) Value {
	kept := v.c.keptByDrivers()
	return lines(slices.DeleteFunc(slices.Clone(texts), func(line string) bool {
		return slices.Contains(kept, changedRange(line))
	}))
}

// reservations are what memblock keeps, as far as the model follows, which ends when
// the initrd is settled: predicted tells how far. Tables that only firmware knows the
// places of are left out.
func (v *verification) reservations(list []reservation, predicted *kernelLog) Value {
	if n := len(predicted.reserved); n > 0 {
		list = list[:min(n, len(list))]
	}
	if len(list) == 0 {
		return nil
	}
	tables := append(v.c.mpTable(), v.c.memoryAttributes())
	ranges := List{}
	for _, r := range list {
		if !slices.Contains(tables, r.Range) {
			ranges = append(ranges, Range{Range: r.Range})
		}
	}
	return ranges
}

// ramOf are the lines of /proc/iomem about RAM and the kernel in it.
func ramOf(iomem []string) []string {
	return slices.DeleteFunc(slices.Clone(iomem), func(line string) bool {
		return !isRAM(line) && !strings.Contains(line, ": Kernel ")
	})
}
