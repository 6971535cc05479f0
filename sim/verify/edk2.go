package verify

import (
	"encoding/json"
	"fmt"

	"bootplan/alloc"
	"bootplan/memmap"
)

// edk2In is a case of EDK2's memory services.
type edk2In struct {
	Firmware string       `json:"firmware"`
	Arch     string       `json:"arch"`
	Bins     []edk2Size   `json:"memory_type_information"`
	BinRange *edk2Range   `json:"bin_range"`
	Guard    edk2Guard    `json:"heap_guard"`
	GCD      []edk2GCD    `json:"gcd"`
	Memory   []edk2Memory `json:"memory"`
	Ops      []edk2Op     `json:"ops"`
}

// edk2Size is a number of pages for a type.
type edk2Size struct {
	Type  uint32 `json:"type"`
	Pages hex    `json:"pages"`
}

type edk2Range struct {
	Start hex `json:"start"`
	Size  hex `json:"size"`
}

type edk2Guard struct {
	Properties hex `json:"property_mask"`
	PageTypes  hex `json:"page_types"`
	PoolTypes  hex `json:"pool_types"`
}

type edk2GCD struct {
	Type         string `json:"type"`
	Start        hex    `json:"start"`
	Last         hex    `json:"end"`
	Capabilities hex    `json:"capabilities"`
	Attributes   hex    `json:"attributes"`
}

// edk2Memory is a descriptor, in a case as in its answer.
type edk2Memory struct {
	Type  uint32 `json:"type"`
	Start hex    `json:"start"`
	Pages hex    `json:"pages"`
	Attr  hex    `json:"attribute"`
}

func (m edk2Memory) descriptor() memmap.EFIDescriptor {
	return memmap.EFIDescriptor{Type: memmap.EFIType(m.Type), Phys: uint64(m.Start), Pages: uint64(m.Pages), Attr: memmap.EFIAttr(m.Attr)}
}

// Bits of the heap guard's property mask.
// Source: MdeModulePkg/MdeModulePkg.dec:PcdHeapGuardPropertyMask.
const (
	guardPages = 1 << 0
	guardPools = 1 << 1
	guardFreed = 1 << 4
	guardHead  = 1 << 7
)

var gcdTypes = map[string]alloc.GCDType{
	"nonexistent": alloc.GCDNonexistent, "reserved": alloc.GCDReserved, "system_memory": alloc.GCDSystemMemory,
	"mmio": alloc.GCDMMIO, "persistent": alloc.GCDPersistent, "more_reliable": alloc.GCDMoreReliable,
	"unaccepted": alloc.GCDUnaccepted,
}

// config is the firmware that the case describes.
func (in *edk2In) config() (alloc.EFIConfig, error) {
	var c alloc.EFIConfig
	var err error
	if c.Release, err = alloc.ParseEDK2(in.Firmware); err != nil {
		return c, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	if c.Arch, err = alloc.ParseArch(in.Arch); err != nil {
		return c, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	if in.Guard.Properties&guardFreed != 0 {
		return c, fmt.Errorf("%w: the guard of freed memory", ErrUnsupported)
	}
	for _, b := range in.Bins {
		c.Bins = append(c.Bins, alloc.BinSize{Type: memmap.EFIType(b.Type), Pages: uint32(b.Pages)})
	}
	if r := in.BinRange; r != nil {
		c.BinRange = memmap.Range{Start: uint64(r.Start), End: uint64(r.Start + r.Size)}
	}
	c.Guard = alloc.HeapGuard{
		Pages:     in.Guard.Properties&guardPages != 0,
		Pools:     in.Guard.Properties&guardPools != 0,
		AtHead:    in.Guard.Properties&guardHead != 0,
		PageTypes: uint64(in.Guard.PageTypes),
		PoolTypes: uint64(in.Guard.PoolTypes),
	}
	for _, g := range in.GCD {
		t, known := gcdTypes[g.Type]
		if !known {
			return c, fmt.Errorf("%w: GCD type %q", ErrUnsupported, g.Type)
		}
		c.GCD = append(c.GCD, alloc.GCDEntry{Type: t, Start: uint64(g.Start), Last: uint64(g.Last),
			Capabilities: memmap.EFIAttr(g.Capabilities), Attributes: memmap.EFIAttr(g.Attributes)})
	}
	return c, nil
}

// edk2State is the state before the first operation or after the last one.
type edk2State struct {
	BinsReady   bool       `json:"bins_ready"`
	Bins        []edk2Bin  `json:"bins"`
	DefaultBase hex        `json:"default_base"`
	DefaultLast hex        `json:"default_end"`
	MapKey      hex        `json:"map_key"`
	Sizes       []edk2Size `json:"memory_type_information"`
}

type edk2Bin struct {
	Type    uint32 `json:"type"`
	Base    hex    `json:"base"`
	Last    hex    `json:"end"`
	Pages   hex    `json:"pages"`
	Special bool   `json:"special"`
}

func newEDK2State(p *alloc.EFIPages) edk2State {
	s := p.State()
	out := edk2State{BinsReady: s.BinsReady, DefaultBase: hex(s.DefaultBase), DefaultLast: hex(s.DefaultLast), MapKey: hex(p.MapKey())}
	for _, b := range s.Bins {
		out.Bins = append(out.Bins, edk2Bin{uint32(b.Type), hex(b.Range.Start), hex(b.Range.Last()), hex(b.Range.Len() / memmap.PageSize), b.Special})
	}
	for _, size := range s.Sizes {
		out.Sizes = append(out.Sizes, edk2Size{uint32(size.Type), hex(size.Pages)})
	}
	return out
}

// edk2Out is what a case makes of the firmware.
type edk2Out struct {
	Setup edk2State  `json:"setup"`
	Steps []edk2Step `json:"steps"`
	Final edk2State  `json:"final"`
}

// runEDK2 runs the memory services of EDK2: pages, pools, guards and the map.
func runEDK2(text json.RawMessage) (any, error) {
	var in edk2In
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, err
	}
	c, err := in.config()
	if err != nil {
		return nil, err
	}
	p, err := alloc.NewEFIPages(c)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	for _, m := range in.Memory {
		_ = p.AddMemory(m.descriptor()) // the error is about what EDK2 ignores
	}
	out := edk2Out{Setup: newEDK2State(p)}
	for i, op := range in.Ops {
		step, err := op.run(p)
		if err != nil {
			return nil, fmt.Errorf("operation %d: %w", i, err)
		}
		step.Asserted = p.Asserted()
		out.Steps = append(out.Steps, step)
	}
	out.Final = newEDK2State(p)
	return out, nil
}
