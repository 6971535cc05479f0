package verify

import (
	"encoding/json"

	"bootplan/alloc"
	"bootplan/linux"
)

// biosInput are the words of the BIOS data area.
type biosInput struct {
	EBDASegment hex    `json:"ebda_segment"`
	BaseMemKiB  uint16 `json:"base_mem_kib"`
}

func (in biosInput) words() linux.BIOSWords {
	return linux.BIOSWords{EBDASegment: uint16(in.EBDASegment), BaseKiB: in.BaseMemKiB}
}

func runBIOSRegions(in json.RawMessage) (any, error) {
	var c struct {
		biosInput
		Wanted bool `json:"reserve_bios_regions"`
	}
	if err := json.Unmarshal(in, &c); err != nil {
		return nil, err
	}
	m := alloc.NewMemblock(linux.V6_12)
	if c.Wanted {
		if err := m.ReserveBIOS(c.words()); err != nil {
			return nil, err
		}
	}
	return struct {
		Reserved []region `json:"reserved"`
	}{regionsOf(&m.Reserved)}, nil
}
