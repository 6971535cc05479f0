package verify

import (
	"encoding/json"

	"bootplan/alloc"
	"bootplan/memmap"
)

// stubWant is what the stub's allocation helpers are recorded to do.
type stubWant struct {
	Status string `json:"status"`
	Calls  []call `json:"calls"`
	Addr   *hex   `json:"addr,omitempty"`
	Image  *hex   `json:"image_addr,omitempty"`
	Copies []struct {
		Dst  hex `json:"dst"`
		Src  hex `json:"src"`
		Size hex `json:"size"`
	} `json:"copies,omitempty"`
}

// allocated states the outcome of a helper that returned addr and status.
func (r *recorder) allocated(addr uint64, status alloc.Status) stubWant {
	want := stubWant{Status: status.Error(), Calls: r.calls}
	if status == alloc.Success {
		want.Addr = (*hex)(&addr)
	}
	return want
}

func runEFIRandomAlloc(text json.RawMessage) (any, error) {
	var in struct {
		firmwareIn
		Size  hex            `json:"size"`
		Align hex            `json:"align"`
		Seed  hex            `json:"random_seed"`
		Type  memmap.EFIType `json:"mem_type"`
		Min   hex            `json:"alloc_min"`
		Max   hex            `json:"alloc_max"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, err
	}
	fw := in.firmware()
	q := alloc.Request{
		Size: uint64(in.Size), Align: uint64(in.Align), Min: uint64(in.Min), Max: uint64(in.Max),
		SoftReserve: in.softReserve(),
	}
	return fw.allocated(alloc.RandomAlloc(fw, q, uint64(in.Seed), in.Type)), nil
}

func runEFILowAllocAbove(text json.RawMessage) (any, error) {
	var in struct {
		firmwareIn
		Size  hex `json:"size"`
		Align hex `json:"align"`
		Min   hex `json:"min"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, err
	}
	fw := in.firmware()
	q := alloc.Request{
		Size: uint64(in.Size), Align: uint64(in.Align), Min: uint64(in.Min),
		SoftReserve: in.softReserve(),
	}
	return fw.allocated(alloc.LowAllocAbove(fw, q)), nil
}

func runEFIAllocatePages(text json.RawMessage) (any, error) {
	var in struct {
		firmwareIn
		Size hex `json:"size"`
		Max  hex `json:"max"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, err
	}
	fw := in.firmware()
	return fw.allocated(alloc.AllocatePages(fw, uint64(in.Size), uint64(in.Max))), nil
}

func runEFIAllocatePagesAligned(text json.RawMessage) (any, error) {
	var in struct {
		firmwareIn
		Size  hex            `json:"size"`
		Max   hex            `json:"max"`
		Align hex            `json:"align"`
		Type  memmap.EFIType `json:"mem_type"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, err
	}
	fw := in.firmware()
	return fw.allocated(alloc.AllocatePagesAligned(fw,
		uint64(in.Size), uint64(in.Max), uint64(in.Align), in.Type)), nil
}

func runEFIRelocateKernel(text json.RawMessage) (any, error) {
	var in struct {
		firmwareIn
		Image     hex `json:"image_addr"`
		ImageSize hex `json:"image_size"`
		AllocSize hex `json:"alloc_size"`
		Preferred hex `json:"preferred_addr"`
		Align     hex `json:"alignment"`
		Min       hex `json:"min_addr"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, err
	}
	fw := in.firmware()
	addr, status := alloc.RelocateKernel(fw, alloc.Relocation{
		Image: uint64(in.Image), ImageSize: uint64(in.ImageSize), AllocSize: uint64(in.AllocSize),
		Preferred: uint64(in.Preferred), Align: uint64(in.Align), Min: uint64(in.Min),
		SoftReserve: in.softReserve(),
	})
	want := fw.allocated(addr, status)
	if want.Image, want.Addr = want.Addr, nil; want.Image != nil {
		want.Copies = append(want.Copies, struct {
			Dst  hex `json:"dst"`
			Src  hex `json:"src"`
			Size hex `json:"size"`
		}{hex(addr), in.Image, in.ImageSize})
	}
	return want, nil
}
