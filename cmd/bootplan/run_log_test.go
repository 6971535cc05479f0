package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The lines that tell what became of the memory map, without their time stamp.
var mapLine = regexp.MustCompile(`^\[ *[0-9.]+\] ((?:BIOS-e820|user|reserve setup_data|extended): .*|e820: (?:update|remove) .*|last_pfn = .*|RAMDISK: .*)$`)

// bootLogo is memory that a driver keeps of what firmware had for its logo. The
// kernel finds it in an ACPI table, which no log shows.
var bootLogo = regexp.MustCompile(`^e820: update .* (?:usable ==> reserved|System RAM ==> device reserved)$`)

// mapLines returns the lines of a kernel log that mapLine describes. The boot logo
// is the one update of that kind behind the first page's.
func mapLines(log []byte) []string {
	var lines []string
	text := bufio.NewScanner(bytes.NewReader(log))
	for text.Scan() {
		m := mapLine.FindStringSubmatch(strings.TrimRight(text.Text(), "\r"))
		if m != nil && (!bootLogo.MatchString(m[1]) || strings.Contains(m[1], "[mem 0x00000000-")) {
			lines = append(lines, m[1])
		}
	}
	return lines
}

// TestLogOfRecordedBoots: run --log, given nothing but the log of a recorded boot,
// prints its map lines again, one by one. From the log it takes the firmware's map
// and what no simulation can know: command line, initrd, option ROM, paging mode.
func TestLogOfRecordedBoots(t *testing.T) {
	files, err := filepath.Glob("testdata/boots/*.log")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../../../shared/boots/*.log")
	if err != nil {
		t.Fatal(err)
	}
	if len(more) == 0 {
		t.Log("../shared/boots is missing: only the copied boots are checked")
	}
	// Other architectures have no design, and a log does not tell 32-bit firmware or GRUB
	// on EFI; kernels without room, and old ones under an NX policy, end before the map.
	other := regexp.MustCompile(`loong|arm64|ovmf32|grub-efi|128m|nxpol.*510`)
	for _, file := range append(files, more...) {
		if other.MatchString(filepath.Base(file)) {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			recorded, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var out, errs bytes.Buffer
			if code := execute([]string{"run", "--log", "--map", file}, strings.NewReader(""), &out, &errs); code > exitFindings {
				t.Fatalf("exit status %d: %s", code, errs.String())
			}
			if diff := cmp.Diff(mapLines(recorded), mapLines(out.Bytes())); diff != "" {
				t.Errorf("-recorded +simulated:\n%s", diff)
			}
		})
	}
}
