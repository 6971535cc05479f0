package verify

import (
	"encoding/json"
	"strings"

	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/trampoline"
)

func runTrampoline(text json.RawMessage) (any, error) {
	var in struct {
		EBDASegment hex         `json:"ebda_segment"`
		BaseKiB     uint16      `json:"base_mem_kib"`
		E820        []e820Entry `json:"e820"`
		EFI         struct {
			Signature string `json:"signature"`
		} `json:"efi"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, err
	}
	signature := in.EFI.Signature
	input := &trampoline.Input{
		BIOS: linux.BIOSWords{BaseKiB: in.BaseKiB, EBDASegment: uint16(in.EBDASegment)},
		EFI:  strings.HasPrefix(signature, "EL32") || strings.HasPrefix(signature, "EL64"),
	}
	for _, e := range in.E820 {
		input.Table = append(input.Table, memmap.E820Entry(e))
	}
	return map[string]hex{
		"trampoline":     hex(trampoline.Find(input, linux.V6_12).Start),
		"trampoline_5_0": hex(trampoline.Find(input, linux.V5_0).Start),
	}, nil
}
