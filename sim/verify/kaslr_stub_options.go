package verify

import (
	"encoding/json"

	"bootplan/linux"
)

// runEFIOptions drives parse_options() of the EFI stub.
func runEFIOptions(raw json.RawMessage) (any, error) {
	var in struct {
		Cmdline byteString `json:"cmdline"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, err
	}
	o := linux.ParseStubOptions(string(in.Cmdline))
	out := map[string]any{
		"nokaslr":         o.NoKASLR,
		"nochunk":         o.NoChunk,
		"novamap":         o.NoVAMap,
		"no5lvl":          o.No5Level,
		"loglevel":        o.LogLevel,
		"mem_encrypt":     o.MemEncrypt,
		"soft_reserve":    !o.NoSoftReserve,
		"memmap_override": nil,
	}
	if override := linux.StubMemoryOverride(string(in.Cmdline), linux.V6_12); override != "" {
		out["memmap_override"] = override
	}
	return out, nil
}
