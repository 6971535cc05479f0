package verify

import (
	"encoding/json"
	"fmt"

	"bootplan/alloc"
	"bootplan/memmap"
)

// setupE820Ext is the setup_data type of an extended E820 table (SETUP_E820_EXT).
const setupE820Ext = 1

type setupE820Want struct {
	AllocateStatus string      `json:"allocate_status,omitempty"`
	ExtBytes       hex         `json:"ext_bytes"`
	ExtAllocated   bool        `json:"ext_allocated"`
	Status         string      `json:"status"`
	Count          int         `json:"e820_entries"`
	Entries        []e820Entry `json:"e820,omitempty"`
	ExtType        *int        `json:"ext_type,omitempty"`
	ExtLen         *int        `json:"ext_len,omitempty"`
	ExtEntries     []e820Entry `json:"ext_e820,omitempty"`
	SetupData      []string    `json:"setup_data_list"`
	Unaccepted     []span      `json:"unaccepted_calls"`
}

func runSetupE820(text json.RawMessage) (any, error) {
	var in struct {
		firmwareIn
		Mode      string `json:"ext_mode"`
		Given     hex    `json:"ext_bytes"`
		Growth    uint32 `json:"map_growth"`
		SetupData []struct {
			Addr string `json:"addr"`
		} `json:"setup_data"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, err
	}
	descs := in.descs()
	if size := in.Map.MapSize; size != nil {
		if in.Map.DescSize == 0 || *size/in.Map.DescSize > uint64(len(descs)) {
			return nil, fmt.Errorf("map_size %d, desc_size %d: expected at most the %d descriptors listed", *size, in.Map.DescSize, len(descs))
		}
		descs = descs[:*size/in.Map.DescSize]
	}
	want := setupE820Want{ExtAllocated: in.Mode == "given", ExtBytes: in.Given}
	if in.Mode == "allocate_e820" {
		want.AllocateStatus = alloc.Success.Error()
		want.ExtBytes = hex(alloc.AllocateE820(uint32(len(descs))-in.Growth, alloc.MapSlack))
		want.ExtAllocated = want.ExtBytes > 0
	}
	table, status := alloc.SetupE820(descs, uint32(want.ExtBytes), memmap.ConvertOptions{
		UnacceptedMemory: in.Config.Unaccepted, SoftReserve: in.softReserve(),
	})
	for _, n := range in.SetupData {
		want.SetupData = append(want.SetupData, n.Addr)
	}
	want.Status = status.Error()
	if status == alloc.Success {
		want.state(table)
	}
	for _, u := range table.Unaccepted {
		want.Unaccepted = append(want.Unaccepted, span(u))
	}
	return want, nil
}

// state fills in a table that the stub did hand over.
func (w *setupE820Want) state(table alloc.E820Table) {
	w.Count, w.Entries = len(table.Entries), e820Entries(table.Entries)
	if n := len(table.Extension); n > 0 {
		kind, bytes := setupE820Ext, 20*n
		w.ExtType, w.ExtLen = &kind, &bytes
		w.ExtEntries = e820Entries(table.Extension)
		w.SetupData = append(w.SetupData, "ext")
	}
}

func e820Entries(entries []memmap.E820Entry) []e820Entry {
	var list []e820Entry
	for _, e := range entries {
		list = append(list, e820Entry(e))
	}
	return list
}
