package verify

import (
	"bootplan/alloc"
	"bootplan/linux"
	"bootplan/memmap"
)

// firmwareIn is the part of a case that describes the model firmware.
type firmwareIn struct {
	Config struct {
		SoftReserve bool `json:"efi_soft_reserve"`
		PhysAlign   hex  `json:"physical_align"`
		Unaccepted  bool `json:"unaccepted_memory"`
	} `json:"config"`
	Map struct {
		DescSize uint64    `json:"desc_size"`
		MapSize  *uint64   `json:"map_size"`
		Descs    []efiDesc `json:"descs"`
	} `json:"map"`
	Busy    []span     `json:"busy"`
	Cmdline byteString `json:"cmdline"`
}

// softReserve reports whether specific-purpose memory is left alone.
func (in *firmwareIn) softReserve() bool {
	return in.Config.SoftReserve && !linux.ParseStubOptions(string(in.Cmdline)).NoSoftReserve
}

func (in *firmwareIn) descs() []memmap.EFIDescriptor {
	descs := make([]memmap.EFIDescriptor, len(in.Map.Descs))
	for i, d := range in.Map.Descs {
		descs[i] = memmap.EFIDescriptor(d)
	}
	return descs
}

func (in *firmwareIn) firmware() *recorder {
	busy := make([]memmap.Range, len(in.Busy))
	for i, b := range in.Busy {
		busy[i] = memmap.Range{Start: b[0], End: b[1]}
	}
	return &recorder{ModelFirmware: alloc.NewModelFirmware(in.descs(), busy...)}
}

// recorder is the model firmware with a list of the calls made to it.
type recorder struct {
	*alloc.ModelFirmware
	calls []call
}

// call is one boot service call as vectors write it.
type call struct {
	Fn     string  `json:"fn"`
	Kind   string  `json:"alloc_type,omitempty"`
	Type   *uint32 `json:"mem_type,omitempty"`
	Pages  hex     `json:"pages"`
	Addr   hex     `json:"addr"`
	Status string  `json:"status,omitempty"`
	Result *hex    `json:"result,omitempty"`
}

var kindNames = map[alloc.Kind]string{
	alloc.AnyPages: "any_pages", alloc.MaxAddress: "max_address", alloc.Address: "address",
}

func (r *recorder) AllocatePages(kind alloc.Kind, t memmap.EFIType, pages, addr uint64) (uint64, alloc.Status) {
	got, status := r.ModelFirmware.AllocatePages(kind, t, pages, addr)
	c := call{Fn: "allocate_pages", Kind: kindNames[kind], Type: (*uint32)(&t),
		Pages: hex(pages), Addr: hex(addr), Status: status.Error()}
	if status == alloc.Success {
		c.Result = (*hex)(&got)
	}
	r.calls = append(r.calls, c)
	return got, status
}

func (r *recorder) FreePages(addr, pages uint64) alloc.Status {
	r.calls = append(r.calls, call{Fn: "free_pages", Addr: hex(addr), Pages: hex(pages)})
	return r.ModelFirmware.FreePages(addr, pages)
}
