package record

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestHex(t *testing.T) {
	text, err := json.Marshal([]Hex{0, 0x9fc00, 1<<64 - 1})
	if err != nil || string(text) != `["0x0","0x9fc00","0xffffffffffffffff"]` {
		t.Errorf("got %s, %v", text, err)
	}
	var back []Hex
	if err := json.Unmarshal(text, &back); err != nil || !cmp.Equal(back, []Hex{0, 0x9fc00, 1<<64 - 1}) {
		t.Errorf("got %v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`["12 GiB"]`), &back); err == nil {
		t.Error("expected an error for what is no number")
	}
}

// What another program recorded can be read and written again without a loss. Only keys
// of the facts that this package has are compared: some recordings say more.
func TestFormIsThatOfRecordings(t *testing.T) {
	const shared = "../../../../../shared/boots"
	files, _ := filepath.Glob(shared + "/*-*.json")
	if len(files) == 0 {
		t.Skipf("no recorded boots in %s", shared)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if strings.HasPrefix(name, "arm64-") || strings.HasPrefix(name, "loong64-") || strings.HasPrefix(name, "kernels-") {
			continue // the capture tool boots x86
		}
		t.Run(name, func(t *testing.T) { readAndWrite(t, file) })
	}
}

// compared are the keys of the facts that a debugger reads, and of what belongs to a boot
// that is recorded.
var compared = []string{
	"capture", "kernel", "initrd", "efi_stub", "kernel_entry", "debugger", "efi_map_at_kernel_allocation",
	"page_permissions", "decompressor", "la57_trampoline_32bit",
}

func readAndWrite(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var boot Boot
	if err := json.Unmarshal(text, &boot); err != nil {
		t.Fatal(err)
	}
	again, err := boot.Write()
	if err != nil {
		t.Fatal(err)
	}
	var want, got map[string]any
	if json.Unmarshal(text, &want) != nil || json.Unmarshal(again, &got) != nil {
		t.Fatal("not JSON")
	}
	notOurs := cmpopts.IgnoreMapEntries(func(key string, value any) bool {
		// "patched" and "note" are remarks; "executed" is null in one recording, of a fault.
		return key == "patched" || key == "note" || key == "executed" && value == nil
	})
	for _, key := range compared {
		if diff := cmp.Diff(want[key], got[key], notOurs); diff != "" && want[key] != nil {
			t.Errorf("%s:\n%.800s", key, diff)
		}
	}
}
