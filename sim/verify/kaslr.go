package verify

import (
	"encoding/json"
	"errors"
	"fmt"

	"bootplan/kaslr"
	"bootplan/linux"
	"bootplan/memmap"
)

// kaslrIn is the input of choose_random_location().
type kaslrIn struct {
	Config     kaslrConfig `json:"config"`
	LA57       bool        `json:"la57"`
	BootParams hex         `json:"boot_params"`
	CmdlinePtr hex         `json:"cmdline_ptr"`
	Cmdline    byteString  `json:"cmdline"`
	E820       []e820Entry `json:"e820"`
	EFI        struct {
		Signature string    `json:"signature"`
		DescSize  uint32    `json:"desc_size"`
		MapSize   uint32    `json:"map_size"`
		Descs     []efiDesc `json:"descs"`
	} `json:"efi"`
	Initrd struct {
		Start hex `json:"start"`
		Size  hex `json:"size"`
	} `json:"initrd"`
	SetupData   []setupDataNode `json:"setup_data"`
	Immovable   []span          `json:"immovable"`
	Payload     hex             `json:"input"`
	Output      hex             `json:"output"`
	OutputSize  hex             `json:"output_size"`
	InitSize    hex             `json:"init_size"`
	VirtInitial hex             `json:"virt_initial"`
	Random      fixedRandom     `json:"random"`
	EFIStub     bool            `json:"efi_stub"`
}

type kaslrConfig struct {
	PhysicalAlign    hex    `json:"physical_align"`
	UnacceptedMemory bool   `json:"unaccepted_memory"`
	EFISoftReserve   bool   `json:"efi_soft_reserve"`
	KexecHandover    bool   `json:"kexec_handover"`
	Kernel           string `json:"kernel"`
}

type setupDataNode struct {
	Addr     hex `json:"addr"`
	Type     hex `json:"type"`
	Len      hex `json:"len"`
	Indirect struct {
		Type hex `json:"type"`
		Len  hex `json:"len"`
		Addr hex `json:"addr"`
	} `json:"indirect"`
	KHO struct {
		ScratchSize hex    `json:"scratch_size"`
		Scratch     []span `json:"scratch"`
	} `json:"kho"`
}

// fixedRandom answers with the values of the case.
type fixedRandom struct {
	PhysicalValue hex `json:"physical"`
	VirtualValue  hex `json:"virtual"`
}

func (r *fixedRandom) Physical() uint64 { return uint64(r.PhysicalValue) }
func (r *fixedRandom) Virtual() uint64  { return uint64(r.VirtualValue) }

// kaslrOut is what choose_random_location() left behind.
type kaslrOut struct {
	Phys           hex             `json:"phys"`
	Virt           hex             `json:"virt"`
	MemLimit       hex             `json:"mem_limit"`
	MemAvoid       map[string]span `json:"mem_avoid"`
	SlotAreas      []span          `json:"slot_areas"`
	SlotMax        hex             `json:"slot_max"`
	GBPagesLeft    hex             `json:"gb_pages_left"`
	MemmapTooLarge bool            `json:"memmap_too_large"`
	KASLRFlag      bool            `json:"kaslr_flag"`
	RandomCalls    []string        `json:"random_calls"`
	Warnings       []string        `json:"warnings"`
	Debug          []string        `json:"debug"`
	SoftReserve    bool            `json:"soft_reserve"`
}

func runKASLR(raw json.RawMessage) (any, error) {
	var in kaslrIn
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, err
	}
	model, err := in.model()
	if err != nil {
		return nil, err
	}
	var plan kaslr.Plan
	switch err := plan.Make(&model); {
	case errors.Is(err, kaslr.ErrNeverReturns):
		return map[string]string{"outcome": "never_returns"}, nil
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return kaslrResult(&plan, plan.Choose(&in.Random), model.SoftReserve), nil
}

// version is 6.12 unless the case states another one.
func (c kaslrConfig) version() (linux.Version, error) {
	if c.Kernel == "" {
		return linux.V6_12, nil
	}
	return linux.ParseVersion(c.Kernel)
}

// model states the case in the model's terms.
func (in *kaslrIn) model() (kaslr.Input, error) {
	version, err := in.Config.version()
	if err != nil {
		return kaslr.Input{}, err
	}
	soft := in.Config.EFISoftReserve
	if in.EFIStub && linux.ParseStubOptions(string(in.Cmdline)).NoSoftReserve {
		soft = false
	}
	m := kaslr.Input{
		Config: kaslr.Config{
			Version:          version,
			PhysicalAlign:    uint64(in.Config.PhysicalAlign),
			UnacceptedMemory: in.Config.UnacceptedMemory,
			SoftReserve:      soft,
			KexecHandover:    in.Config.KexecHandover,
		},
		LA57:        in.LA57,
		Payload:     uint64(in.Payload),
		Output:      uint64(in.Output),
		InitSize:    uint64(in.InitSize),
		NeededSize:  uint64(in.OutputSize),
		VirtInitial: uint64(in.VirtInitial),
		BootParams:  uint64(in.BootParams),
		CmdlinePtr:  uint64(in.CmdlinePtr),
		Cmdline:     string(in.Cmdline),
		Initrd:      kaslr.Extent{Start: uint64(in.Initrd.Start), Size: uint64(in.Initrd.Size)},
		Immovable:   extents(in.Immovable),
		EFI:         kaslr.EFIInfo{Signature: in.EFI.Signature, DescSize: in.EFI.DescSize, MapSize: in.EFI.MapSize},
	}
	for _, e := range in.E820 {
		m.E820 = append(m.E820, memmap.E820Entry(e))
	}
	for _, d := range in.EFI.Descs {
		m.EFI.Descs = append(m.EFI.Descs, memmap.EFIDescriptor(d))
	}
	for _, n := range in.SetupData {
		m.SetupData = append(m.SetupData, n.model())
	}
	return m, nil
}

func (n setupDataNode) model() kaslr.SetupData {
	return kaslr.SetupData{
		Addr:     uint64(n.Addr),
		Type:     uint32(n.Type),
		Len:      uint32(n.Len),
		Indirect: kaslr.Indirect{Type: uint32(n.Indirect.Type), Addr: uint64(n.Indirect.Addr), Len: uint64(n.Indirect.Len)},
		KHO:      kaslr.KHO{ScratchSize: uint64(n.KHO.ScratchSize), Scratch: extents(n.KHO.Scratch)},
	}
}

func extents(spans []span) []kaslr.Extent {
	var list []kaslr.Extent
	for _, s := range spans {
		list = append(list, kaslr.Extent{Start: s[0], Size: s[1]})
	}
	return list
}

func kaslrResult(p *kaslr.Plan, c kaslr.Choice, softReserve bool) kaslrOut {
	out := kaslrOut{
		Phys:           hex(c.Phys),
		Virt:           hex(c.Virt),
		MemLimit:       hex(p.Limit),
		MemAvoid:       map[string]span{},
		SlotMax:        hex(p.Slots),
		GBPagesLeft:    hex(p.GBPagesLeft),
		MemmapTooLarge: p.TooManyMemmaps,
		KASLRFlag:      !p.Disabled,
		Warnings:       p.WarningsOf(c),
		SoftReserve:    softReserve,
	}
	for _, a := range p.Avoid {
		if a.What != "setup_data" && a.What != "setup_indirect" { // those are in no list of the code's
			out.MemAvoid[a.What] = span{a.Start, a.Size}
		}
	}
	for _, a := range p.Areas {
		out.SlotAreas = append(out.SlotAreas, span{a.Start, a.Slots})
	}
	if p.Slots > 0 {
		out.RandomCalls = append(out.RandomCalls, "Physical")
	}
	if !p.Disabled {
		out.RandomCalls = append(out.RandomCalls, "Virtual")
	}
	if p.Aborted != "" {
		out.Debug = []string{p.Aborted}
	}
	return out
}
