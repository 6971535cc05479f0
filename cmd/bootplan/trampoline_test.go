package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// logOf writes a kernel log with these e820 entries.
func logOf(t *testing.T, entries ...string) string {
	t.Helper()
	var text strings.Builder
	for _, e := range entries {
		text.WriteString("[    0.000000] BIOS-e820: " + e + "\n")
	}
	name := filepath.Join(t.TempDir(), "dmesg.txt")
	if err := os.WriteFile(name, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// onePage is a map with a single usable page below 1 MiB.
var onePage = []string{
	"[mem 0x0000000000001000-0x0000000000001fff] usable",
	"[mem 0x0000000000100000-0x000000003fffffff] usable",
}

func trampolineOutput(t *testing.T, wantCode int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := execute(append([]string{"trampoline"}, args...), nil, &out, &errs); code != wantCode {
		t.Fatalf("exit status %d, want %d\n%s%s", code, wantCode, &out, &errs)
	}
	return out.String() + errs.String()
}

func TestTrampolineTellsTheWalk(t *testing.T) {
	got := trampolineOutput(t, 1, "--map", logOf(t, onePage...), "--bda-base", "639", "--bda-ebda", "0x9fc0")
	const want = `0x9d000, two pages [mem 0x0009d000-0x0009efff], in memory that the map does not call usable.  not-ram, trampoline-guessed
  base memory ends at 0x9fc00 (639 KiB), the BIOS says
  EBDA at 0x9fc00: not between 0x20000 and the end of base memory, ignored
  limit 0x9f000: base memory is only believed from 0x20000 to 0x9f000
  1 entry of the e820 table, looked at first: all above the limit
  entry 0 [mem 0x00001000-0x00001fff] usable: refused, no room for two pages
  no usable entry below 0x9f000 holds two pages, and the code has no way to say so: it takes the place below
  error    not-ram             the trampoline at [mem 0x000000000009d000-0x000000000009efff] lies where the e820 map states no memory
  warning  trampoline-guessed  no usable entry below 0x9f000 holds two pages
2 findings: 1 error, 1 warning. Next: bootplan explain not-ram

page table  0x9d000  what lies there is saved before and restored afterwards
code        0x9e000  executed only if the paging mode changes
real mode   none     where the other processors start: the highest free pages below 1 MiB, kept for good
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTrampolineJSON(t *testing.T) {
	var got trampolineJSON
	text := trampolineOutput(t, 0, "--json", "-q", "--kernel-version", "5.10", "--map",
		logOf(t, "[mem 0x0000000000000000-0x000000000009fbff] usable", "[mem 0x000000000009fc00-0x000000000009ffff] reserved"))
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	var want trampolineJSON
	err := json.Unmarshal([]byte(`{"schema": "bootplan/1", "version": "v5.10",
		"placement": {"start": "0x9d000", "end": "0x9f000"}, "page_table": "0x9d000", "code": "0x9e000",
		"bios": {"read": true, "assumed": true, "base_memory": "0x9fc00", "ebda": "0x9fc00", "limit": "0x9f000"},
		"walk": [
			{"entry": 1, "start": "0x9fc00", "size": "0x400", "type": "reserved", "verdict": "above", "limit": "0x9f000"},
			{"entry": 0, "start": "0x0", "size": "0x9fc00", "type": "usable", "verdict": "taken", "limit": "0x9f000"}],
		"found": true, "realmode_trampoline": {"start": "0x99000", "end": "0x9f000"}, "findings": []}`), &want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTrampolineFailOn(t *testing.T) {
	twoPages := logOf(t, "[mem 0x0000000000000000-0x0000000000001fff] usable")
	trampolineOutput(t, 0, "--map", twoPages)
	trampolineOutput(t, 1, "--map", twoPages, "--fail-on", "warning")
}

func TestTrampolineOnEFI(t *testing.T) {
	old := trampolineOutput(t, 0, "--kernel-version", "v6.5")
	fresh := trampolineOutput(t, 0, "--kernel-version", "v6.12")
	for _, want := range []string{"the BIOS data area is not read", "executed in every boot"} {
		if !strings.Contains(old, want) {
			t.Errorf("v6.5 lacks %q:\n%s", want, old)
		}
	}
	if strings.Contains(old, "\nEFI stub") || !strings.Contains(fresh, "\nEFI stub") {
		t.Errorf("the stub allocates since v6.6:\n%s\n%s", old, fresh)
	}
	off := trampolineOutput(t, 0, "--cpu", "la57=off")
	if strings.Contains(off, "\nEFI stub") {
		t.Errorf("the stub allocates nothing without LA57:\n%s", off)
	}
}

func TestTrampolineWrongUsage(t *testing.T) {
	for want, args := range map[string][]string{
		"--kernel-version: kernel version \"new\": expected something like 6.12": {"--kernel-version", "new"},
		"v4.16 has no paging trampoline: expected v4.17 or later":                {"--kernel-version", "4.16"},
		"no such file": {"--map", filepath.Join(t.TempDir(), "missing")},
		"--bda-base: \"-1\": expected a number from 0 to 0xffff; see bootplan trampoline --help": {"--bda-base", "-1"},
	} {
		if got := trampolineOutput(t, 2, args...); !strings.Contains(got, want) {
			t.Errorf("%v: got %s", args, got)
		}
	}
}
