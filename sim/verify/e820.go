package verify

import (
	"encoding/json"
	"errors"
	"slices"

	"bootplan/linux"
	"bootplan/memmap"
)

// kernelConfig is the part of a case that says which kernel ran.
type kernelConfig struct {
	Config struct {
		Kernel string `json:"kernel"` // "7.2"; 6.12 if empty
	} `json:"config"`
	LA57 bool `json:"la57"`
}

func (c kernelConfig) version() (linux.Version, error) {
	if c.Config.Kernel == "" {
		return linux.V6_12, nil
	}
	return linux.ParseVersion(c.Config.Kernel)
}

// extendedNode is a SETUP_E820_EXT node.
type extendedNode struct {
	Addr    hex         `json:"addr"`
	Entries []e820Entry `json:"entries"`
	Len     *uint32     `json:"len"` // bytes; 20 for each entry if absent
}

// read returns what the kernel reads: as many entries as Len says, zeros behind the end.
func (n extendedNode) read() []memmap.E820Entry {
	entries := statedEntries(n.Entries)
	if n.Len == nil {
		return entries
	}
	read := make([]memmap.E820Entry, *n.Len/20)
	copy(read, entries)
	return read
}

// setupNode is a node of the setup_data list.
type setupNode struct {
	Addr     hex    `json:"addr"`
	Type     uint32 `json:"type"`
	Len      hex    `json:"len"`
	Indirect *struct {
		Type hex `json:"type"`
		Len  hex `json:"len"`
		Addr hex `json:"addr"`
	} `json:"indirect"`
}

// e820Input is what e820 functions read of boot_params.
type e820Input struct {
	kernelConfig
	E820      []e820Entry    `json:"e820"`
	AltMemK   hex            `json:"alt_mem_k"`
	ExtMemK   hex            `json:"ext_mem_k"`
	Extended  []extendedNode `json:"extended"`
	SetupData []setupNode    `json:"setup_data"`
}

// tables returns the empty tables of the kernel that ran.
func (in e820Input) tables() (*memmap.KernelE820, error) {
	v, err := in.version()
	return memmap.NewKernelE820(v, nil), err
}

func (in e820Input) boot() memmap.BootMemory {
	return memmap.BootMemory{Table: statedEntries(in.E820), AltMemK: uint32(in.AltMemK), ExtMemK: uint16(in.ExtMemK)}
}

func (in e820Input) setupData() []memmap.SetupDataNode {
	var list []memmap.SetupDataNode
	for _, n := range in.SetupData {
		node := memmap.SetupDataNode{Addr: uint64(n.Addr), Type: n.Type, Len: uint32(n.Len)}
		if n.Indirect != nil {
			node.Indirect.Type = uint32(n.Indirect.Type)
			node.Indirect.Len = uint64(n.Indirect.Len)
			node.Indirect.Addr = uint64(n.Indirect.Addr)
		}
		list = append(list, node)
	}
	return list
}

// statedEntries turns the entries of a vector into those of the model.
func statedEntries(list []e820Entry) []memmap.E820Entry {
	entries := make([]memmap.E820Entry, len(list))
	for i, e := range list {
		entries[i] = memmap.E820Entry(e)
	}
	return entries
}

// tableOf is t as vectors state it.
func tableOf(t *memmap.E820Table) []e820Entry { return e820Entries(t.Entries()) }

// tableUnlessEqual is t's table where it differs from the one it was copied from.
func tableUnlessEqual(t, from *memmap.E820Table) []e820Entry {
	if slices.Equal(t.Entries(), from.Entries()) {
		return nil
	}
	return tableOf(t)
}

// limits are the figures that depend on the whole table.
type limits struct {
	EndOfRAM    hex `json:"end_of_ram_pfn"`
	EndOfLowRAM hex `json:"end_of_low_ram_pfn"`
	PCIGap      hex `json:"pci_gap"`
}

func limitsOf(t *memmap.E820Table, la57 bool) *limits {
	last := t.EndOfRAM(la57)
	return &limits{hex(last), hex(t.EndOfLowRAM(la57)), hex(t.PCIGap(last))}
}

func runE820Setup(in json.RawMessage) (any, error) {
	var c e820Input
	if err := json.Unmarshal(in, &c); err != nil {
		return nil, err
	}
	k, err := c.tables()
	if err != nil {
		return nil, err
	}
	var out struct {
		SetupTable    []e820Entry `json:"setup_table"`
		Table         []e820Entry `json:"table"`
		KexecTable    []e820Entry `json:"kexec_table"`
		FirmwareTable []e820Entry `json:"firmware_table"`
		Dropped       int         `json:"dropped,omitempty"`
		*limits
	}
	k.Setup(c.boot())
	if len(c.Extended) > 0 {
		out.SetupTable = tableOf(&k.Table)
	}
	for _, n := range c.Extended {
		k.SetupExtended(n.read())
	}
	out.Table = tableOf(&k.Table)
	out.KexecTable = tableUnlessEqual(&k.Kexec, &k.Table)
	out.FirmwareTable = tableUnlessEqual(&k.Firmware, &k.Table)
	out.Dropped = k.Table.Dropped
	out.limits = limitsOf(&k.Table, c.LA57)
	return out, nil
}

// e820User is a firmware map with early parameters on top.
type e820User struct {
	e820Input
	Params [][2]string `json:"params"` // name and text behind the "="
}

// paramResult is the outcome of one early parameter.
type paramResult struct {
	Ret     int `json:"ret"`
	Dropped int `json:"dropped,omitempty"`
}

// run applies everything to the tables, up to where the kernel stops.
func (c e820User) run(k *memmap.KernelE820) (params []paramResult, err error) {
	k.Setup(c.boot())
	for _, p := range c.Params {
		dropped := k.Table.Dropped
		ret, err := earlyParam(k, p[0], p[1])
		if err != nil {
			return params, err
		}
		params = append(params, paramResult{ret, k.Table.Dropped - dropped})
	}
	k.ReserveSetupData(c.setupData())
	return params, k.FinishEarlyParams()
}

func runE820User(in json.RawMessage) (any, error) {
	var c e820User
	if err := json.Unmarshal(in, &c); err != nil {
		return nil, err
	}
	k, err := c.tables()
	if err != nil {
		return nil, err
	}
	var out struct {
		Params     []paramResult `json:"params"`
		MaxMemSize hex           `json:"max_mem_size,omitempty"`
		Table      []e820Entry   `json:"table"`
		stop
		*limits
	}
	out.Params, err = c.run(k)
	if k.MaxMemSize != ^uint64(0) {
		out.MaxMemSize = hex(k.MaxMemSize)
	}
	out.Table = tableOf(&k.Table)
	if err != nil {
		err = out.set(err)
		return out, err
	}
	out.limits = limitsOf(&k.Table, c.LA57)
	return out, nil
}

// earlyParam applies one early parameter and returns the status of its parser.
func earlyParam(k *memmap.KernelE820, name, text string) (ret int, err error) {
	if name == "mem" {
		if !k.ParseMem(text) {
			return -22, nil
		}
		return 0, nil
	}
	return 0, k.ParseMemmap(text)
}

// stop is how a case tells that the kernel stopped.
type stop struct {
	Panic string `json:"panic,omitempty"`
	Bug   string `json:"bug,omitempty"`
}

// set takes a *linux.Panic in; every other error comes back.
func (s *stop) set(err error) error {
	var p *linux.Panic
	if !errors.As(err, &p) {
		return err
	}
	if p.BUG {
		s.Bug = p.Text
	} else {
		s.Panic = p.Text
	}
	return nil
}
