package verify

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An allocation that stops the kernel does not return, so its step states no address.
func TestStepThatStopsTheKernelReturnsNothing(t *testing.T) {
	ops := []string{`["add","0x100000","0x100000"]`}
	for i := range 128 { // all that the array holds before it may grow
		ops = append(ops, fmt.Sprintf(`["reserve","%#x","0x10"]`, 0x1000+0x20*i))
	}
	ops = append(ops, `["phys_alloc","0x1000","0x1000"]`)
	_, steps, stopped, err := runMemblockOps(json.RawMessage(`{"ops":[` + strings.Join(ops, ",") + `]}`))
	if err != nil || !stopped || len(steps) != len(ops) {
		t.Fatalf("%d steps, stopped: %v, error: %v", len(steps), stopped, err)
	}
	last, err := json.Marshal(steps[len(steps)-1])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"panic":"memblock: cannot resize reserved array"}`, string(last)); diff != "" {
		t.Error(diff)
	}
}
