package verify

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/sim/kernel"
)

// TestKernelLogs holds every line that package kernel predicts against what real kernels
// printed, in their order; and how much memory they mapped.
func TestKernelLogs(t *testing.T) {
	forEachKernel(t, func(t *testing.T, v *verification, recorded []string) {
		h, why := v.handover()
		if why != "" {
			t.Fatal(why)
		}
		var log []string
		h.Log = func(line string) { log = append(log, line) }
		s, err := kernel.SetupArch(h)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(predictable(recorded), log); diff != "" {
			t.Errorf("-recorded +predicted:\n%s", diff)
		}
		mapped := s.Mapped.Ranges()
		if got, want := v.c.raisedPFN(mapped[len(mapped)-1].End/memmap.PageSize), uint64(v.c.KernelValues["max_pfn_mapped"]); got != want {
			t.Errorf("mapped up to page %#x, recorded %#x", got, want)
		}
	})
}

// TestWholeBootLogs: on a BIOS, a boot that is simulated from the loader on ends with the
// same lines, but for the MP table and pages of 1 GiB, of which the scenario knows nothing.
// Kernels before 5.13 reserve the table so early that it is in the list of all reservations.
func TestWholeBootLogs(t *testing.T) {
	unknown := func(line string) bool {
		return strings.HasSuffix(line, " smp_scan_config") || strings.HasPrefix(line, "found SMP") || strings.HasPrefix(line, "Using GB pages")
	}
	forEachKernel(t, func(t *testing.T, v *verification, recorded []string) {
		if v.c.isEFI() || len(v.c.Debugger.E820) == 0 || strings.HasPrefix(v.c.Kernel.Release, "5.10.") {
			return
		}
		want := slices.DeleteFunc(predictable(recorded), unknown)
		if diff := cmp.Diff(want, slices.DeleteFunc(v.result.KernelLog, unknown)); diff != "" {
			t.Errorf("-recorded +simulated:\n%s", diff)
		}
	})
}

// forEachKernel runs check for every recorded boot that reached user space on x86, with
// what its kernel printed, without time stamps and offsets in functions. Which memory
// belongs to which of several nodes is in ACPI tables: such machines are left out.
func forEachKernel(t *testing.T, check func(t *testing.T, v *verification, log []string)) {
	_, read := recordingsEnding(t, ".log")
	offset := regexp.MustCompile(`\+0x[0-9a-f]+/0x[0-9a-f]+$`)
	forEachSimulated(t, func(t *testing.T, v *verification) {
		if !v.c.userspace() {
			return
		}
		var log []string
		for line := range strings.Lines(string(read(v.c.Name + ".log"))) {
			line = strings.TrimRight(line, "\r\n")
			if at := stamp.FindStringIndex(line); at != nil {
				log = append(log, offset.ReplaceAllString(line[at[1]:], ""))
			}
		}
		if !slices.ContainsFunc(log, func(line string) bool { return strings.HasPrefix(line, "  node   1:") }) {
			check(t, v, log)
		}
	})
}

// modelled are the lines that package kernel predicts, by how they begin.
var modelled = regexp.MustCompile(`^(Command line:|BIOS-|extended physical|reserve setup_data:|user-defined|user:|e820: |efi: mem|efi: Remove|efi: Not removing|` +
	`last_pfn|found SMP|_*memblock_|MEMBLOCK| memory| reserved|Using GB|printk: log_buf_len|printk: log buffer|RAMDISK|Allocated new|Move RAMDISK|` +
	`\.text \.data|No sub-1M|Zone ranges|  DMA|  Normal|  Device|Movable zone|Early memory node|  node |PM: hibernation|\[(mem|gap) 0x.*PCI)`)

// allocating is what memblock=debug prints, with the dumps of its lists.
var allocating = regexp.MustCompile(`^(_*memblock_|MEMBLOCK| memory| reserved)`)

// runtimeMap begins the second print of an EFI map, which is no longer the firmware's.
const runtimeMap = "efi: EFI runtime memory map:"

// predictable reduces a recorded log to the lines that the model predicts, in their
// order: of memblock's those until the initrd is settled, because what follows depends
// on ACPI tables; and no line of the details that a zone has.
func predictable(log []string) []string {
	if i := slices.Index(log, runtimeMap); i >= 0 {
		log = append(slices.Clone(log[:i]), withoutEFI(log[i:])...)
	}
	var lines []string
	settled := false
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

// movesInitrd reports whether line i belongs to a move of the initrd: it stands between
// "RAMDISK:" and what ACPI prints first.
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
