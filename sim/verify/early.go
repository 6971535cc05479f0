package verify

import (
	"encoding/json"
	"fmt"
	"strings"

	"bootplan/alloc"
	"bootplan/linux"
	"bootplan/memmap"
)

// earlyMemory is the state that the memory sequence of setup_arch works on.
type earlyMemory struct {
	in struct {
		e820Input
		biosInput
		Ops []operation `json:"ops"`
	}
	memblock *alloc.Memblock
	e820     *memmap.KernelE820
}

func runEarlyMemory(in json.RawMessage) (any, error) {
	var e earlyMemory
	if err := json.Unmarshal(in, &e.in); err != nil {
		return nil, err
	}
	if e.in.Config.Kernel != "" {
		return nil, fmt.Errorf("memblock of Linux %s: %w", e.in.Config.Kernel, ErrUnsupported)
	}
	var err error
	if e.e820, err = e.in.tables(); err != nil {
		return nil, err
	}
	e.memblock = alloc.NewMemblock(linux.V6_12)
	var out struct {
		Steps      []step      `json:"steps"`
		Table      []e820Entry `json:"table"`
		KexecTable []e820Entry `json:"kexec_table"`
		*memblockState
	}
	var stopped bool
	out.Steps, stopped, err = memblockSteps(e.memblock, e.in.Ops, e.step)
	if !stopped {
		out.Table = tableOf(&e.e820.Table)
		out.KexecTable = tableUnlessEqual(&e.e820.Kexec, &e.e820.Table)
		out.memblockState = memblockStateOf(e.memblock)
	}
	return out, err
}

// step runs one operation.
func (e *earlyMemory) step(op operation) (s step, err error) {
	switch op.name {
	case "reserve_bios_regions":
		return s.status(e.memblock.ReserveBIOS(e.in.words()))
	case "e820_memory_setup":
		e.e820.Setup(e.in.boot())
		for _, n := range e.in.Extended {
			e.e820.SetupExtended(n.read())
		}
	case "mem", "memmap":
		return e.param(op)
	case "e820_reserve_setup_data":
		e.e820.ReserveSetupData(e.in.setupData())
	case "e820_finish_early_params":
		return s, e.e820.FinishEarlyParams()
	case "e820_update", "e820_remove", "e820_update_table", "end_of_ram_pfn", "end_of_low_ram_pfn":
		return e820Step(e.e820, operation{strings.TrimPrefix(op.name, "e820_"), op.args}, e.in.LA57)
	case "e820_memblock_setup":
		return s, e.memblock.AddE820(&e.e820.Table)
	case "e820_alloc_reserved":
		return e.allocReserved(op)
	default:
		return memblockStep(e.memblock, op)
	}
	return s, nil
}

// param applies mem= or memmap=.
func (e *earlyMemory) param(op operation) (s step, err error) {
	var text string
	if err := op.into(&text); err != nil {
		return s, err
	}
	ret, err := earlyParam(e.e820, op.name, text)
	if ret != 0 {
		s.Ret = ret
	}
	return s, err
}

func (e *earlyMemory) allocReserved(op operation) (s step, err error) {
	args, err := op.hexes(2)
	if err != nil {
		return s, err
	}
	at, err := e.memblock.AllocReserved(e.e820, args[0], args[1])
	s.Addr = number(at)
	return s, linux.OnlyPanic(err)
}
