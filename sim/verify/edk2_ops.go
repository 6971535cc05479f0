package verify

import (
	"fmt"

	"bootplan/alloc"
	"bootplan/memmap"
)

// edk2Op is one call of a boot service, or of a service inside the firmware's core.
type edk2Op struct {
	Op         string `json:"op"`
	How        string `json:"how"`
	Type       uint32 `json:"type"`
	Start      hex    `json:"start"`
	Address    hex    `json:"address"`
	Pages      hex    `json:"pages"`
	Size       hex    `json:"size"`
	Attr       hex    `json:"attribute"`
	BufferSize *hex   `json:"buffer_size"`
	NullBuffer bool   `json:"null_buffer"`
	MapKey     hex    `json:"map_key"`
}

// edk2Step is the answer to an operation.
type edk2Step struct {
	Status      string       `json:"status,omitempty"`
	Address     *hex         `json:"address,omitempty"`
	Asserted    bool         `json:"debug_assert,omitempty"`
	NeededSize  *hex         `json:"needed_size,omitempty"`
	MapSize     *hex         `json:"map_size,omitempty"`
	MapKey      *hex         `json:"map_key,omitempty"`
	DescSize    *hex         `json:"descriptor_size,omitempty"`
	DescVersion int          `json:"descriptor_version,omitempty"`
	Descriptors []edk2Memory `json:"descriptors,omitempty"`
}

var edk2Statuses = map[alloc.Status]string{
	alloc.Success: "success", alloc.InvalidParameter: "invalid_parameter", alloc.NotFound: "not_found",
	alloc.OutOfResources: "out_of_resources", alloc.BufferTooSmall: "buffer_too_small",
}

// kinds of allocation; an invalid one is the number behind the last valid.
var edk2Kinds = map[string]alloc.Kind{
	"any": alloc.AnyPages, "max": alloc.MaxAddress, "address": alloc.Address, "invalid": alloc.Address + 1,
}

func (op *edk2Op) run(p *alloc.EFIPages) (edk2Step, error) {
	t := memmap.EFIType(op.Type)
	switch op.Op {
	case "allocate":
		kind, known := edk2Kinds[op.How]
		if !known {
			return edk2Step{}, fmt.Errorf("%w: allocate %q", ErrUnsupported, op.How)
		}
		return allocated(p.AllocatePages(kind, t, uint64(op.Pages), uint64(op.Address))), nil
	case "free":
		return edk2Step{Status: edk2Statuses[p.FreePages(uint64(op.Address), uint64(op.Pages))]}, nil
	case "allocate_pool":
		return allocated(p.AllocatePool(t, uint64(op.Size))), nil
	case "free_pool":
		return edk2Step{Status: edk2Statuses[p.FreePool(uint64(op.Address))]}, nil
	case "set_attributes":
		p.SetAttributes(uint64(op.Address), uint64(op.Pages), memmap.EFIAttr(op.Attr))
		return edk2Step{}, nil
	case "add_memory":
		m := edk2Memory{op.Type, op.Start, op.Pages, op.Attr}
		_ = p.AddMemory(m.descriptor()) // the error is about what EDK2 ignores
		return edk2Step{}, nil
	case "get_map":
		return op.getMap(p), nil
	case "check_map_key":
		return edk2Step{Status: edk2Statuses[p.CheckMapKey(uint64(op.MapKey))]}, nil
	}
	return edk2Step{}, fmt.Errorf("%w: operation %q", ErrUnsupported, op.Op)
}

// allocated is the answer to a request for memory.
func allocated(addr uint64, status alloc.Status) edk2Step {
	step := edk2Step{Status: edk2Statuses[status]}
	if status == alloc.Success {
		step.Address = (*hex)(&addr)
	}
	return step
}

// getMap calls GetMemoryMap, without a size first to learn it.
func (op *edk2Op) getMap(p *alloc.EFIPages) edk2Step {
	var step edk2Step
	size := uint64(0)
	if op.BufferSize != nil {
		size = uint64(*op.BufferSize)
	} else {
		_, size, _ = p.GetMemoryMap(0, true)
		needed := hex(size)
		step.NeededSize = &needed
	}
	descs, used, status := p.GetMemoryMap(size, op.NullBuffer)
	mapSize, key, descSize := hex(used), hex(p.MapKey()), hex(alloc.EDK2DescriptorSize)
	step.Status, step.MapSize, step.MapKey, step.DescSize, step.DescVersion = edk2Statuses[status], &mapSize, &key, &descSize, 1
	for _, d := range descs {
		step.Descriptors = append(step.Descriptors, edk2Memory{uint32(d.Type), hex(d.Phys), hex(d.Pages), hex(d.Attr)})
	}
	return step
}
