package verify

import (
	"encoding/json"

	"bootplan/alloc"
	"bootplan/linux"
)

// identMapError is what the decompressor prints when its page tables run out.
const identMapError = "Error: kernel_ident_mapping_init() failed"

type identMapStep struct {
	Used  int  `json:"pages_used"`
	Error bool `json:"error"`
}

type identMapWant struct {
	Pages     int            `json:"pgt_pages"`
	Appended  bool           `json:"appended_to_startup_32_tables"`
	Init      identMapStep   `json:"init"`
	Steps     []identMapStep `json:"steps"`
	Low       bool           `json:"running_low"`
	Exhausted bool           `json:"out_of_pages"`
	Errors    []string       `json:"errors,omitempty"`
}

func runIdentMap(text json.RawMessage) (any, error) {
	var in struct {
		LA57        bool   `json:"la57"`
		Entry       string `json:"entry"`
		ImageStart  hex    `json:"image_start"`
		ImageEnd    hex    `json:"image_end"`
		BootParams  hex    `json:"boot_params"`
		CommandLine hex    `json:"cmdline_ptr"`
		SetupData   []struct {
			Addr hex `json:"addr"`
			Len  hex `json:"len"`
		} `json:"setup_data"`
		Ranges []span `json:"ranges"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, err
	}
	memory := alloc.BootMemory{
		ImageStart: uint64(in.ImageStart), ImageEnd: uint64(in.ImageEnd),
		BootParams: uint64(in.BootParams), CommandLine: uint64(in.CommandLine),
	}
	for _, n := range in.SetupData {
		memory.SetupData = append(memory.SetupData, alloc.SetupNode{Addr: uint64(n.Addr), Len: uint32(n.Len)})
	}
	appended := in.Entry == "startup_32"
	m := alloc.NewIdentityMap(alloc.PoolPages(linux.V6_12, true), in.LA57, appended)
	err := m.Initialize(memory, linux.V6_12)
	want := identMapWant{
		Pages: m.Pool.Pages, Appended: appended,
		Init: identMapStep{m.Pool.Used, err != nil},
	}
	for i := 0; i < len(in.Ranges) && err == nil; i++ {
		err = m.Add(in.Ranges[i][0], in.Ranges[i][1])
		want.Steps = append(want.Steps, identMapStep{m.Pool.Used, err != nil})
	}
	if err != nil {
		want.Errors = []string{identMapError}
	}
	want.Low, want.Exhausted = m.Pool.Low, m.Pool.Exhausted
	return want, nil
}
