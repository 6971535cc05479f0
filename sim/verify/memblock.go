package verify

import (
	"encoding/json"
	"errors"
	"fmt"

	"bootplan/alloc"
	"bootplan/linux"
)

// region is [base, size, flags].
type region struct{ alloc.Region }

func (r region) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{hex(r.Start), hex(r.Len()), r.Flags})
}

func regionsOf(l *alloc.RegionList) []region {
	list := make([]region, len(l.Regions))
	for i, r := range l.Regions {
		list[i] = region{r}
	}
	return list
}

// nodeRegion is [base, size, flags, nid].
type nodeRegion struct{ alloc.Region }

func (r nodeRegion) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{hex(r.Start), hex(r.Len()), r.Flags, r.Node})
}

func nodeRegionsOf(l *alloc.RegionList) []nodeRegion {
	list := make([]nodeRegion, len(l.Regions))
	for i, r := range l.Regions {
		list[i] = nodeRegion{r}
	}
	return list
}

// memblockState is what a case says about memblock at its end.
type memblockState struct {
	Memory        []region `json:"memory"`
	Reserved      []region `json:"reserved"`
	MemorySize    hex      `json:"memory_size"`
	ReservedSize  hex      `json:"reserved_size"`
	MemoryMax     int      `json:"memory_max"`
	ReservedMax   int      `json:"reserved_max"`
	MemoryArray   hex      `json:"memory_array,omitempty"`
	ReservedArray hex      `json:"reserved_array,omitempty"`
}

func memblockStateOf(m *alloc.Memblock) *memblockState {
	return &memblockState{
		regionsOf(&m.Memory), regionsOf(&m.Reserved),
		hex(m.Memory.Total), hex(m.Reserved.Total),
		m.Memory.Capacity, m.Reserved.Capacity,
		hex(m.Memory.Array), hex(m.Reserved.Array),
	}
}

func runMemblock(in json.RawMessage) (any, error) {
	m, steps, stopped, err := runMemblockOps(in)
	if err != nil {
		return nil, err
	}
	var out struct {
		Steps []step `json:"steps"`
		*memblockState
	}
	out.Steps = steps
	if !stopped {
		out.memblockState = memblockStateOf(m)
	}
	return out, nil
}

func runMemblockNUMA(in json.RawMessage) (any, error) {
	m, steps, stopped, err := runMemblockOps(in)
	if err != nil {
		return nil, err
	}
	type state struct {
		Memory       []nodeRegion `json:"memory"`
		Reserved     []nodeRegion `json:"reserved"`
		MemorySize   hex          `json:"memory_size"`
		ReservedSize hex          `json:"reserved_size"`
	}
	var out struct {
		Steps []step `json:"steps"`
		*state
	}
	out.Steps = steps
	if !stopped {
		out.state = &state{nodeRegionsOf(&m.Memory), nodeRegionsOf(&m.Reserved), hex(m.Memory.Total), hex(m.Reserved.Total)}
	}
	return out, nil
}

// runMemblockOps runs the operations of a case on a new allocator.
func runMemblockOps(in json.RawMessage) (m *alloc.Memblock, steps []step, stopped bool, err error) {
	var c struct {
		kernelConfig
		Ops []operation `json:"ops"`
	}
	if err := json.Unmarshal(in, &c); err != nil {
		return nil, nil, false, err
	}
	if c.Config.Kernel != "" {
		return nil, nil, false, fmt.Errorf("memblock of Linux %s: %w", c.Config.Kernel, ErrUnsupported)
	}
	m = alloc.NewMemblock(linux.V6_12)
	steps, stopped, err = memblockSteps(m, c.Ops, func(op operation) (step, error) { return memblockStep(m, op) })
	return m, steps, stopped, err
}

// memblockSteps runs operations, and adds to each step what it did to memblock's
// warnings and arrays. It ends where the kernel stops.
func memblockSteps(m *alloc.Memblock, ops []operation, run func(operation) (step, error)) (steps []step, stopped bool, err error) {
	for _, op := range ops {
		memory, reserved, warnings := m.Memory.Array, m.Reserved.Array, m.Warnings
		s, err := run(op)
		s.Warnings = m.Warnings - warnings
		if m.Memory.Array != memory {
			s.MemoryArray, s.MemoryMax = number(m.Memory.Array), m.Memory.Capacity
		}
		if m.Reserved.Array != reserved {
			s.ReservedArray, s.ReservedMax = number(m.Reserved.Array), m.Reserved.Capacity
		}
		if err != nil {
			s.Addr = nil // a call that stops the kernel returns nothing
			err = s.set(err)
			return append(steps, s), true, err
		}
		steps = append(steps, s)
	}
	return steps, false, nil
}

// memblockStep runs one operation on memblock.
func memblockStep(m *alloc.Memblock, op operation) (s step, err error) {
	switch op.name {
	case "set_bottom_up":
		return s, op.into(&m.BottomUp)
	case "mirrored_kernelcore":
		return s, op.into(&m.KernelcoreMirror)
	case "movable_node":
		return s, op.into(&m.MovableNode)
	case "allow_resize":
		m.AllowResize()
	case "has_mirror":
		s.Ret = m.HasMirror()
	case "start_of_dram":
		s.Addr = number(m.StartOfDRAM())
	case "end_of_dram":
		s.Addr = number(m.EndOfDRAM())
	case "phys_mem_size":
		s.Addr = number(m.Memory.Total)
	case "reserved_size":
		s.Addr = number(m.Reserved.Total)
	case "set_current_limit", "trim_memory", "enforce_memory_limit", "mem_limit_remove_map", "is_reserved", "is_memory", "is_map_memory":
		return memblockOneNumber(m, op)
	case "is_region_memory", "is_region_reserved":
		s.Ret, err = memblockQuestion(m, op)
		return s, err
	case "add_flags", "add_node", "set_node_memory", "set_node_reserved":
		return memblockNode(m, op)
	case "alloc_nid", "phys_alloc_try_nid":
		return memblockAllocNode(m, op)
	case "find_in_range", "phys_alloc_range", "phys_alloc":
		return memblockAlloc(m, op)
	default:
		return memblockRange(m, op)
	}
	return s, nil
}

// memblockOneNumber runs an operation whose argument is one number.
func memblockOneNumber(m *alloc.Memblock, op operation) (s step, err error) {
	args, err := op.hexes(1)
	if err != nil {
		return s, err
	}
	switch v := args[0]; op.name {
	case "set_current_limit":
		m.Limit = v
	case "trim_memory":
		m.TrimMemory(v)
	case "enforce_memory_limit":
		err = m.EnforceLimit(v)
	case "mem_limit_remove_map":
		err = m.LimitMap(v)
	case "is_reserved":
		s.Ret = m.IsReserved(v)
	case "is_memory":
		s.Ret = m.IsMemory(v)
	case "is_map_memory":
		s.Ret = m.IsMapMemory(v)
	}
	return s, err
}

// memblockAlloc runs a search with numbers for arguments; a failure is address 0.
func memblockAlloc(m *alloc.Memblock, op operation) (s step, err error) {
	count := map[string]int{"find_in_range": 4, "phys_alloc_range": 4, "phys_alloc": 2}
	args, err := op.hexes(count[op.name])
	if err != nil {
		return s, err
	}
	var at uint64
	switch op.name {
	case "find_in_range":
		at = m.Find(args[0], args[1], args[2], args[3])
	case "phys_alloc_range":
		at, err = m.AllocRange(args[0], args[1], args[2], args[3])
	case "phys_alloc":
		at, err = m.Alloc(args[0], args[1])
	}
	s.Addr = number(at)
	return s, linux.OnlyPanic(err)
}

// memblockAllocNode runs a search that prefers a node.
func memblockAllocNode(m *alloc.Memblock, op operation) (s step, err error) {
	var size, align, end hex
	var node int
	var exact bool
	if op.name == "alloc_nid" {
		err = op.into(&size, &align, &end, &node, &exact)
	} else {
		err = op.into(&size, &align, &node)
	}
	if err != nil {
		return s, err
	}
	at, err := m.AllocNode(uint64(size), uint64(align), 0, uint64(end), node, exact)
	s.Addr = number(at)
	return s, linux.OnlyPanic(err)
}

// memblockQuestion asks about a range.
func memblockQuestion(m *alloc.Memblock, op operation) (bool, error) {
	args, err := op.hexes(2)
	if op.name == "is_region_memory" {
		return m.IsRegionMemory(args[0], args[1]), err
	}
	return m.IsRegionReserved(args[0], args[1]), err
}

// memblockRanges are the operations on a range of base and size that return a status.
var memblockRanges = map[string]func(m *alloc.Memblock, base, size uint64) error{
	"add":                  (*alloc.Memblock).Add,
	"reserve":              (*alloc.Memblock).Reserve,
	"remove":               (*alloc.Memblock).Remove,
	"phys_free":            (*alloc.Memblock).Free,
	"mark_mirror":          (*alloc.Memblock).MarkMirror,
	"reserved_mark_noinit": (*alloc.Memblock).MarkNoInit,
	"cap_memory_range":     (*alloc.Memblock).CapRange,
	"mark_hotplug":         func(m *alloc.Memblock, base, size uint64) error { return m.Mark(base, size, alloc.Hotplug) },
	"clear_hotplug":        func(m *alloc.Memblock, base, size uint64) error { return m.Clear(base, size, alloc.Hotplug) },
	"mark_nomap":           func(m *alloc.Memblock, base, size uint64) error { return m.Mark(base, size, alloc.NoMap) },
	"clear_nomap":          func(m *alloc.Memblock, base, size uint64) error { return m.Clear(base, size, alloc.NoMap) },
}

// memblockRange runs an operation on a range of base and size.
func memblockRange(m *alloc.Memblock, op operation) (s step, err error) {
	run, ok := memblockRanges[op.name]
	if !ok {
		return s, fmt.Errorf("operation %s: %w", op.name, ErrUnsupported)
	}
	args, err := op.hexes(2)
	if err != nil {
		return s, err
	}
	return s.status(run(m, args[0], args[1]))
}

// memblockNode runs an operation on a range and a node or flags.
func memblockNode(m *alloc.Memblock, op operation) (s step, err error) {
	var base, size hex
	var node int
	var flags alloc.RegionFlags
	switch op.name {
	case "add_flags":
		var f hex
		if err = op.into(&base, &size, &f); err == nil {
			err = m.AddNode(uint64(base), uint64(size), alloc.NoNode, alloc.RegionFlags(f))
		}
	case "add_node":
		if err = op.into(&base, &size, &node, &flags); err == nil {
			err = m.AddNode(uint64(base), uint64(size), node, flags)
		}
	case "set_node_memory":
		if err = op.into(&base, &size, &node); err == nil {
			err = m.SetNode(uint64(base), uint64(size), node)
		}
	case "set_node_reserved":
		if err = op.into(&base, &size, &node); err == nil {
			err = m.SetReservedNode(uint64(base), uint64(size), node)
		}
	}
	return s.status(err)
}

// status states a failure as the kernel's error code.
func (s step) status(err error) (step, error) {
	if errors.Is(err, alloc.ErrNoMemory) {
		s.Ret, err = -12, nil
	}
	return s, err
}
