package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMapShowState: the bins of OVMF with 2 GiB are those that its build states, and what
// has no bin comes from below them; a map without free memory has no allocator.
func TestMapShowState(t *testing.T) {
	out, _, _ := runMap(t, "", "show", "-v", "--json", shellLog)
	var got struct {
		Maps []struct{ Allocator *allocatorState }
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	want := allocatorState{
		Bins: []allocatorBin{
			{Type: "Runtime Data", Start: "0x7f8ed000", End: "0x7f9ed000"},
			{Type: "Runtime Code", Start: "0x7f9ed000", End: "0x7faed000"},
			{Type: "Reserved", Start: "0x7faed000", End: "0x7fb6d000"},
			{Type: "ACPI Reclaim", Start: "0x7fb6d000", End: "0x7fb7f000"},
			{Type: "ACPI Mem NVS", Start: "0x7fb7f000", End: "0x7fbff000"},
		},
		DefaultEnd: "0x7f8ed000",
	}
	state := *got.Maps[0].Allocator
	if len(state.Assumptions) == 0 {
		t.Error("a map does not tell everything, and nobody says so")
	}
	state.Assumptions = nil
	if diff := cmp.Diff(want, state, cmp.AllowUnexported(allocatorBin{})); diff != "" {
		t.Error(diff)
	}

	for name, c := range map[string]struct{ Map, Says string }{
		"free memory":    {smallEFILog, "below 0x100000000"},
		"none":           {"efi: mem00: [Loader Data |   |WB] range=[0x0000000000001000-0x000000000009ffff] (0MB)\n", ""},
		"shared memory":  {smallEFILog + "efi: mem02: [Boot Data   |   |WB] range=[0x0000000000000000-0x0000000000000fff] (0MB)\n", "no allocator is behind it: EFI descriptors 0 and 2 share"},
		"not EFI's kind": {smallLog, ""},
	} {
		out, _, _ := runMap(t, c.Map, "show", "-v", "-")
		if says := strings.Contains(out, "allocator"); says != (c.Says != "") || !strings.Contains(out, c.Says) {
			t.Errorf("%s: %s", name, out)
		}
		if out, _, _ := runMap(t, c.Map, "show", "-"); strings.Contains(out, "allocator") {
			t.Errorf("%s: tells without -v", name)
		}
	}
}
