package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bootplan/tools/capture/internal/record"
)

// Boots that others recorded, with facts that another program read out of the logs.
const shared = "../../../../../shared/boots"

// The two recorded boots in testdata are of SeaBIOS with a memory limit, and of the
// UEFI Shell.
func TestFactsEqualRecordedOnes(t *testing.T) {
	logs, _ := filepath.Glob("testdata/*.log")
	if len(logs) != 2 {
		t.Fatalf("got logs %v", logs)
	}
	for _, log := range logs {
		t.Run(filepath.Base(log), func(t *testing.T) { compareWithRecorded(t, log) })
	}
}

func TestFactsEqualAllRecordedOnes(t *testing.T) {
	logs, _ := filepath.Glob(shared + "/*.log")
	if len(logs) == 0 {
		t.Skipf("no recorded boots in %s", shared)
	}
	for _, log := range logs {
		if name := filepath.Base(log); strings.HasPrefix(name, "arm64-") || strings.HasPrefix(name, "loong64-") {
			continue // the capture tool boots x86
		}
		t.Run(filepath.Base(log), func(t *testing.T) { compareWithRecorded(t, log) })
	}
}

func compareWithRecorded(t *testing.T, log string) {
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := Facts(log, text)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.ReadFile(strings.TrimSuffix(log, ".log") + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded record.Facts
	if err := json.Unmarshal(theirs, &recorded); err != nil {
		t.Fatal(err)
	}
	want, got := object(t, theirs), statement(t, facts)
	keys := statement(t, recorded)
	for key := range got {
		keys[key] = nil
	}
	withoutKernel := !bytes.Contains(text, []byte("Linux version"))
	for key := range keys {
		if notOnConsole(key, want[key], withoutKernel) {
			continue
		}
		if diff := cmp.Diff(want[key], got[key], sameFact(key)...); diff != "" {
			t.Errorf("%s (-recorded +read):\n%.1500s", key, diff)
		}
	}
}

// statement is what v states as JSON.
func statement(t *testing.T, v any) map[string]any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return object(t, text)
}

func object(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal(text, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// notOnConsole tells facts that the recorded file has not, or not from its log.
func notOnConsole(key string, recorded any, withoutKernel bool) bool {
	switch key {
	case "loader_data_ranges", "loader_code_ranges": // stated since the second part of the recordings
		return recorded == nil
	case "kaslr", "paging": // what is not on the console came from the options
		return withoutKernel
	case "placement", "real_mode_trampoline": // {} for a boot that failed
		return withoutKernel
	case "setup_data_types": // where there is none, they recorded the lines of the next section
		list, _ := recorded.([]any)
		return len(list) > 0 && list[0] == "=== MEMBLOCKS ==="
	}
	return false
}

// sameFact tells how a fact may differ from the recorded form.
func sameFact(key string) []cmp.Option {
	switch key {
	case "paging": // the note is not a fact
		return []cmp.Option{cmpopts.IgnoreMapEntries(func(k string, _ any) bool { return k == "note" })}
	case "memblock_reserve": // with node and flags before the caller, they recorded the node
		return []cmp.Option{cmpopts.IgnoreMapEntries(func(k string, v any) bool {
			return k == "caller" && strings.HasPrefix(fmt.Sprint(v), "nid=")
		})}
	}
	return nil
}
