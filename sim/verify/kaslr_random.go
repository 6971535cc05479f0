package verify

import (
	gohex "encoding/hex"
	"encoding/json"
	"fmt"

	"bootplan/kaslr"
)

func runKASLRRandom(in json.RawMessage) (any, error) {
	var c struct {
		Flavour     string      `json:"flavour"` // "decompressor" or "kernel"
		Purpose     string      `json:"purpose"`
		HasRDRAND   bool        `json:"has_rdrand"`
		RDRANDOK    bool        `json:"rdrand_ok"`
		RDRAND      hex         `json:"rdrand"`
		HasTSC      bool        `json:"has_tsc"`
		TSC         hex         `json:"tsc"`
		PITBytes    string      `json:"pit_bytes"`
		BootParams  [][2]string `json:"boot_params"` // offset, bytes in hex
		BuildStr    string      `json:"build_str"`
		KASLROffset hex         `json:"kaslr_offset"`
	}
	if err := json.Unmarshal(in, &c); err != nil {
		return nil, err
	}
	pit, err := gohex.DecodeString(c.PITBytes)
	if err != nil {
		return nil, err
	}
	var out struct {
		Random   hex    `json:"random"`
		BootSeed *hex   `json:"boot_seed,omitempty"`
		PITReads int    `json:"pit_reads"`
		Text     string `json:"text"`
	}
	seed := uint64(c.KASLROffset)
	if c.Flavour == "decompressor" {
		params, err := bootParams(c.BootParams)
		if err != nil {
			return nil, err
		}
		seed = kaslr.BootSeed(c.BuildStr, params)
		out.BootSeed = number(seed)
	}
	e := kaslr.Entropy{
		HasRDRAND: c.HasRDRAND, RDRAND: func() (uint64, bool) { return uint64(c.RDRAND), c.RDRANDOK },
		HasTSC: c.HasTSC, TSC: func() uint64 { return uint64(c.TSC) },
		Timer: func() (b byte) {
			if out.PITReads < len(pit) {
				b = pit[out.PITReads]
			}
			out.PITReads++
			return b
		},
	}
	random, text := e.Long(c.Purpose, seed)
	out.Random, out.Text = hex(random), text
	return out, nil
}

// bootParams are 4096 zero bytes with patches, each an offset and bytes in hex.
func bootParams(patches [][2]string) ([]byte, error) {
	params := make([]byte, 4096)
	for _, p := range patches {
		var offset hex
		if err := offset.UnmarshalText([]byte(p[0])); err != nil {
			return nil, err
		}
		data, err := gohex.DecodeString(p[1])
		if err != nil || uint64(offset)+uint64(len(data)) > uint64(len(params)) {
			return nil, fmt.Errorf("boot_params patch at %s: expected hex bytes within 4096", p[0])
		}
		copy(params[offset:], data)
	}
	return params, nil
}

func runRandomizeMemory(in json.RawMessage) (any, error) {
	var c struct {
		Config struct {
			ZoneDevice bool `json:"zone_device"`
			Padding    hex  `json:"physical_padding"`
		} `json:"config"`
		LA57   bool `json:"la57"`
		Flag   bool `json:"kaslr_flag"`
		MaxPFN hex  `json:"max_pfn"`
		Random hex  `json:"random"`
	}
	if err := json.Unmarshal(in, &c); err != nil {
		return nil, err
	}
	r := kaslr.RandomizeRegions(kaslr.RegionConfig{
		Enabled: c.Flag, LA57: c.LA57, ZoneDevice: c.Config.ZoneDevice, PhysicalPadding: uint64(c.Config.Padding),
	}, uint64(c.MaxPFN), uint64(c.Random))
	out := struct {
		PageOffset  hex      `json:"page_offset_base"`
		Vmalloc     hex      `json:"vmalloc_base"`
		Vmemmap     hex      `json:"vmemmap_base"`
		PhysmemEnd  hex      `json:"physmem_end"`
		SizeTiB     []uint64 `json:"size_tb"`
		Prandom     []hex    `json:"prandom"`
		RandomCalls []string `json:"random_calls"`
	}{PageOffset: hex(r.PageOffset), Vmalloc: hex(r.Vmalloc), Vmemmap: hex(r.Vmemmap), PhysmemEnd: hex(r.PhysmemEnd)}
	if c.Flag {
		p := kaslr.NewPrandom(uint64(c.Random))
		for range 3 {
			out.Prandom = append(out.Prandom, hex(p.Uint64()))
		}
		out.SizeTiB, out.RandomCalls = r.SizeTiB[:], []string{"Memory"}
	}
	return out, nil
}
