package kernel_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/sim/kernel"
)

// modelled are the lines that this package predicts, by how they begin.
var modelled = regexp.MustCompile(`^(Command line:|BIOS-|extended physical|reserve setup_data:|user-defined|user:|e820: |efi: mem|efi: Remove|efi: Not removing|` +
	`last_pfn|found SMP|_*memblock_|MEMBLOCK| memory| reserved|Using GB|printk: log_buf_len|printk: log buffer|RAMDISK|Allocated new|Move RAMDISK|` +
	`\.text \.data|No sub-1M|Zone ranges|  DMA|  Normal|  Device|Movable zone|Early memory node|  node |PM: hibernation|\[(mem|gap) 0x.*PCI)`)

// allocating is what memblock=debug prints, with the dumps of its lists.
var allocating = regexp.MustCompile(`^(_*memblock_|MEMBLOCK| memory| reserved)`)

// runtimeMap begins the second print of an EFI map, which is no longer the firmware's.
const runtimeMap = "efi: EFI runtime memory map:"

// predicted reduces a recorded log to the lines that the model predicts, in their
// order: of memblock's those until the initrd is settled, because what follows depends
// on ACPI tables; and no line of the details that a zone has.
func predicted(log []string) []string {
	var lines []string
	settled := false
	for i, line := range log {
		if line == runtimeMap {
			log = append(slices.Clone(log[:i]), withoutEFI(log[i:])...)
			break
		}
	}
	for i, line := range log {
		if settled && allocating.MatchString(line) && !movesInitrd(log, i) {
			continue
		}
		if modelled.MatchString(line) && !strings.Contains(line, " zone: ") {
			lines = append(lines, line)
		}
		settled = settled || strings.HasPrefix(line, "RAMDISK:")
	}
	return lines
}

func withoutEFI(log []string) []string {
	return slices.DeleteFunc(slices.Clone(log), func(line string) bool { return strings.HasPrefix(line, "efi: mem") })
}

// movesInitrd reports whether line i belongs to a move of the initrd: it stands
// between "RAMDISK:" and what ACPI prints first.
func movesInitrd(log []string, i int) bool {
	for ; i >= 0; i-- {
		switch {
		case strings.HasPrefix(log[i], "ACPI:"):
			return false
		case strings.HasPrefix(log[i], "RAMDISK:"):
			return true
		}
	}
	return false
}

// TestRecordedLogs holds every line that is predicted against what real kernels
// printed, in their order.
func TestRecordedLogs(t *testing.T) {
	forEachBoot(t, func(t *testing.T, r *recorded) {
		var log []string
		h := r.handover(t)
		h.Log = func(line string) { log = append(log, line) }
		if _, err := kernel.SetupArch(h); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(predicted(r.log), log); diff != "" {
			t.Errorf("-recorded +predicted:\n%s", diff)
		}
	})
}

// TestRecordedMemory holds the final state against what the kernels exported: the
// trampoline, the first dump of memblock, the end of memory, RAM and the kernel in it.
func TestRecordedMemory(t *testing.T) {
	forEachBoot(t, func(t *testing.T, r *recorded) {
		h := r.handover(t)
		var log []string
		h.Log = func(line string) { log = append(log, line) }
		s, err := kernel.SetupArch(h)
		if err != nil {
			t.Fatal(err)
		}
		type facts struct {
			RealMode       memmap.Range
			MaxPFN, Mapped uint64
			Memblock       []string
			IOMem          []string
		}
		mapped := s.Mapped.Ranges()
		dump := dumped(log)
		got := facts{s.RealMode, s.MaxPFN, mapped[len(mapped)-1].End / memmap.PageSize, dump, s.IOMem(&h.Image)}
		want := facts{
			memmap.Range{Start: uint64(r.RealMode.Phys), End: uint64(r.RealMode.Phys + r.RealMode.Size)},
			uint64(r.Values["max_pfn"]), uint64(r.Values["max_pfn_mapped"]), r.Configuration[:min(len(dump), len(r.Configuration))], ramOf(r.IOMem),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-recorded +predicted:\n%s", diff)
		}
	})
}

// dumped are the regions of memblock's first dump, as recordings state them.
func dumped(log []string) []string {
	region := regexp.MustCompile(`^ (memory|reserved)\[.*`)
	var lines []string
	for _, line := range log {
		if region.MatchString(line) {
			lines = append(lines, strings.ReplaceAll(strings.TrimSpace(line), "\t", " "))
		}
	}
	return lines
}

// ramOf are the lines of /proc/iomem about RAM and the kernel in it.
func ramOf(iomem []string) []string {
	return slices.DeleteFunc(slices.Clone(iomem), func(line string) bool {
		return !strings.HasSuffix(line, ": System RAM") && !strings.Contains(line, ": Kernel ")
	})
}
