package trampoline

import (
	"encoding/json"
	"os"
	"strconv"
	"testing"

	"bootplan/linux"
	"bootplan/memmap"
)

type number uint64

func (n *number) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 0, 64)
	*n = number(v)
	return err
}

// testdata/trampoline_cases.json was recorded with real kernels in QEMU: boot_params
// and the BIOS words were changed before the decompressor read them.
func TestRecordedPlacements(t *testing.T) {
	text, err := os.ReadFile("testdata/trampoline_cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, Kernel string
		E820         []struct {
			Addr, Size number
			Type       memmap.E820Type
		}
		BaseKiB   uint16 `json:"bda_base_memory_kb_413"`
		EBDA      number `json:"bda_ebda_segment_40e"`
		Signature string `json:"efi_loader_signature"`
		Base      number `json:"trampoline_base"`
		Code      number `json:"trampoline_code"`
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 88 {
		t.Errorf("%d cases, expected 88", len(cases))
	}
	for _, c := range cases {
		v, err := linux.ParseVersion(c.Kernel[len("vmlinuz-"):])
		if err != nil {
			t.Fatal(err)
		}
		in := &Input{BIOS: linux.BIOSWords{BaseKiB: c.BaseKiB, EBDASegment: uint16(c.EBDA)}, EFI: c.Signature != ""}
		for _, e := range c.E820 {
			in.Table = append(in.Table, memmap.E820Entry{Addr: uint64(e.Addr), Size: uint64(e.Size), Type: e.Type})
		}
		p := Find(in, v)
		if p.PageTable() != uint64(c.Base) || p.Code() != uint64(c.Code) {
			t.Errorf("%s on %v: got %#x, recorded %#x", c.Name, v, p.Start, uint64(c.Base))
		}
	}
}

// Measured on QEMU; the words are those of the firmware, the sizes those of the kernels.
func TestRecordedRealMode(t *testing.T) {
	entry := func(start, end uint64, kind memmap.E820Type) memmap.E820Entry {
		return memmap.E820Entry{Addr: start, Size: end - start, Type: kind}
	}
	rom := entry(0xf0000, 0x100000, memmap.E820Reserved)
	high := entry(0x100000, 0x20000000, memmap.E820RAM)
	bios := []memmap.E820Entry{entry(0, 0x9fc00, memmap.E820RAM), entry(0x9fc00, 0xa0000, memmap.E820Reserved), rom, high}
	seaBIOS := linux.BIOSWords{BaseKiB: 639, EBDASegment: 0x9fc0}
	for _, c := range []struct {
		name  string
		words linux.BIOSWords
		table []memmap.E820Entry
		v     linux.Version
		want  uint64
	}{
		{"SeaBIOS", seaBIOS, bios, linux.V6_12, 0x98000},
		{"SeaBIOS, v5.10", seaBIOS, bios, linux.V5_10, 0x99000},
		{"OVMF", linux.BIOSWords{}, []memmap.E820Entry{entry(0, 0xa0000, memmap.E820RAM), high}, linux.V6_12, 0x98000},
		{"memmap=64K$0x90000", seaBIOS, append(bios, entry(0x90000, 0xa0000, memmap.E820Reserved)), linux.V6_12, 0x89000},
		{"iPXE keeps base memory", linux.BIOSWords{BaseKiB: 625, EBDASegment: 0x9fc0}, bios, linux.V6_1, 0x95000},
		{"base memory of 512 KiB", linux.BIOSWords{BaseKiB: 512, EBDASegment: 0}, []memmap.E820Entry{entry(0, 0x80000, memmap.E820RAM), rom, high}, linux.V6_1, 0x79000},
	} {
		r, err := FindRealMode(&RealModeInput{BIOS: c.words, Table: c.table, Size: RealModeSize(c.v)})
		if err != nil || r.Start != c.want || r.Len() != RealModeSize(c.v) {
			t.Errorf("%s: got %v, %v; measured %#x", c.name, r, err, c.want)
		}
	}
}
