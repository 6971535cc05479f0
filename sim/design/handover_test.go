package design_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/design"
)

// handedOver is a recorded boot with what its kernel did after the jump.
type handedOver struct {
	recorded
	RealMode struct{ Phys, Size string } `json:"real_mode_trampoline"`
}

// TestRecordedTrampolines holds the trampoline that a whole simulated boot ends with
// against the recorded one.
func TestRecordedTrampolines(t *testing.T) {
	forEachHandover(t, func(t *testing.T, r *handedOver, log string) {
		result := bootRecorded(t, r, log)
		start := hex(t, r.RealMode.Phys)
		want := memmap.Range{Start: start, End: start + hex(t, r.RealMode.Size)}
		if diff := cmp.Diff(map[string]memmap.Range{"realmode_trampoline": want}, places(result, map[string]memmap.Range{"realmode_trampoline": want})); diff != "" {
			t.Errorf("%s %s\n-recorded +simulated:\n%s", result.Outcome, result.Failure, diff)
		}
	})
}

// TestRecordedKernelLogs holds the memory lines of the kernel's log, up to the initrd,
// against what was recorded, for BIOS boots without randomness: there nothing but the
// MP table is unknown to the scenario. Kernels before 5.13 reserve it so early that it is
// in the list of all reservations.
func TestRecordedKernelLogs(t *testing.T) {
	forEachHandover(t, func(t *testing.T, r *handedOver, log string) {
		if r.Firmware.Kind != "SeaBIOS" || !slices.Contains(strings.Fields(r.Cmdline), "nokaslr") {
			return
		}
		if strings.HasPrefix(r.Kernel.Version, "5.10.") {
			return
		}
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		want := memoryLines(strings.Split(string(text), "\n"))
		if diff := cmp.Diff(want, memoryLines(bootRecorded(t, r, log).KernelLog)); diff != "" {
			t.Errorf("-recorded +simulated:\n%s", diff)
		}
	})
}

func forEachHandover(t *testing.T, check func(t *testing.T, r *handedOver, log string)) {
	files, err := filepath.Glob("testdata/boots/*.json")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../../../shared/boots/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, more...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r handedOver
		if json.Unmarshal(text, &r) != nil || profiles[r.Kernel.Version] == "" || !r.Capture.Userspace {
			continue // no boot, a kernel that these designs do not describe, or no kernel that ran
		}
		t.Run(r.Name, func(t *testing.T) { check(t, &r, strings.TrimSuffix(file, ".json")+".log") })
	}
}

// bootRecorded simulates a recorded boot.
func bootRecorded(t *testing.T, r *handedOver, log string) *sim.Result {
	sc := scenarioOf(t, &r.recorded, log)
	_, stub := loaderOf(&r.recorded)
	d, err := design.Named(design.Fitting(sc.Kernel, stub))
	if err != nil {
		t.Fatal(err)
	}
	result, err := sim.Run(d, sc, sim.Options{Trace: true})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

var (
	stamp      = regexp.MustCompile(`^\[ *\d+\.\d+\] `)
	offset     = regexp.MustCompile(`\+0x[0-9a-f]+/0x[0-9a-f]+\r?$`)
	memoryLine = regexp.MustCompile(`^(BIOS-|user|e820: |last_pfn|_*memblock_|MEMBLOCK| memory| reserved|RAMDISK)`)
)

// memoryLines are the lines of a log about memory, up to where the initrd is, without
// time stamps, offsets in functions and the MP table.
func memoryLines(log []string) []string {
	var lines []string
	for _, line := range log {
		line = strings.TrimSuffix(offset.ReplaceAllString(stamp.ReplaceAllString(line, ""), ""), "\r")
		if memoryLine.MatchString(line) && !strings.HasSuffix(line, " smp_scan_config") {
			lines = append(lines, line)
		}
		if strings.HasPrefix(line, "RAMDISK") {
			break
		}
	}
	return lines
}
