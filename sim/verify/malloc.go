package verify

import (
	"encoding/json"
	"fmt"

	"bootplan/alloc"
	"bootplan/linux"
	"bootplan/memmap"
)

// heapOp is ["malloc", size] or ["free"].
type heapOp struct {
	free bool
	size int32
}

func (o *heapOp) UnmarshalJSON(text []byte) error {
	var name string
	if tuple(text, &name) == nil && name == "free" {
		o.free = true
		return nil
	}
	if err := tuple(text, &name, &o.size); err != nil {
		return err
	}
	if name != "malloc" {
		return fmt.Errorf("heap operation %q: expected malloc or free", name)
	}
	return nil
}

type heapStep struct {
	Ptr    *hex `json:"ptr,omitempty"`
	Offset *hex `json:"off,omitempty"`
	Cursor hex  `json:"malloc_ptr"`
	Count  int  `json:"malloc_count"`
}

func runMalloc(text json.RawMessage) (any, error) {
	var in struct {
		Start hex      `json:"heap_start"`
		End   hex      `json:"heap_end"`
		Ops   []heapOp `json:"ops"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, err
	}
	heap := alloc.NewHeap(memmap.Range{Start: uint64(in.Start), End: uint64(in.End)}, linux.V6_12)
	var want struct {
		Steps []heapStep `json:"steps"`
	}
	for _, op := range in.Ops {
		var step heapStep
		if op.free {
			heap.Free()
		} else {
			addr, _ := heap.Malloc(op.size)
			step.Ptr = (*hex)(&addr)
			if addr != 0 {
				off := hex(addr) - in.Start
				step.Offset = &off
			}
		}
		step.Cursor, step.Count = hex(heap.Cursor()), heap.Blocks()
		want.Steps = append(want.Steps, step)
	}
	return want, nil
}
