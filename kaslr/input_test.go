package kaslr

import (
	"bufio"
	"encoding/json"
	"os"
	"strconv"
	"testing"

	"bootplan/linux"
	"bootplan/memmap"
)

// plain is a small machine without EFI, 4 GiB of RAM with a hole below 4 GiB.
func plain() *Input {
	return &Input{
		Config:      Config{Version: linux.V6_12, PhysicalAlign: 2 * memmap.MiB, SoftReserve: true, UnacceptedMemory: true},
		Payload:     0x3800000,
		Output:      0x1000000,
		InitSize:    0x3400000,
		NeededSize:  0x2e00000,
		VirtInitial: 0x1000000,
		BootParams:  0x13d00,
		CmdlinePtr:  0x20000,
		Cmdline:     "quiet",
		E820: []memmap.E820Entry{
			{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM},
			{Addr: 0x9fc00, Size: 0x400, Type: memmap.E820Reserved},
			{Addr: 0x100000, Size: 0x7ff00000, Type: memmap.E820RAM},
			{Addr: 0x100000000, Size: 0x80000000, Type: memmap.E820RAM},
		},
	}
}

// benchInputs reads testdata/bench_kaslr.jsonl.
func benchInputs(tb testing.TB) map[string]*Input {
	tb.Helper()
	file, err := os.Open("testdata/bench_kaslr.jsonl")
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	inputs := map[string]*Input{}
	for d := json.NewDecoder(bufio.NewReader(file)); d.More(); {
		var c struct {
			Name string
			In   benchInput
		}
		if err := d.Decode(&c); err != nil {
			tb.Fatal(err)
		}
		inputs[c.Name] = c.In.input()
	}
	return inputs
}

// benchInput is what the inputs of bench_kaslr.jsonl hold.
type benchInput struct {
	LA57        bool
	BootParams  num `json:"boot_params"`
	CmdlinePtr  num `json:"cmdline_ptr"`
	Cmdline     string
	InitSize    num `json:"init_size"`
	Input       num
	Output      num
	OutputSize  num `json:"output_size"`
	VirtInitial num `json:"virt_initial"`
	Initrd      struct{ Start, Size num }
	SetupData   []struct{ Addr, Type, Len num } `json:"setup_data"`
	E820        [][]num
	EFI         struct {
		Signature string
		DescSize  uint32 `json:"desc_size"`
		MapSize   uint32 `json:"map_size"`
		Descs     [][]num
	}
}

func (b *benchInput) input() *Input {
	in := &Input{
		Config:      Config{Version: linux.V6_12, PhysicalAlign: 2 * memmap.MiB, SoftReserve: true, UnacceptedMemory: true},
		LA57:        b.LA57,
		Payload:     uint64(b.Input),
		Output:      uint64(b.Output),
		InitSize:    uint64(b.InitSize),
		NeededSize:  uint64(b.OutputSize),
		VirtInitial: uint64(b.VirtInitial),
		BootParams:  uint64(b.BootParams),
		CmdlinePtr:  uint64(b.CmdlinePtr),
		Cmdline:     b.Cmdline,
		Initrd:      Extent{uint64(b.Initrd.Start), uint64(b.Initrd.Size)},
		EFI:         EFIInfo{Signature: b.EFI.Signature, DescSize: b.EFI.DescSize, MapSize: b.EFI.MapSize},
	}
	for _, n := range b.SetupData {
		in.SetupData = append(in.SetupData, SetupData{Addr: uint64(n.Addr), Type: uint32(n.Type), Len: uint32(n.Len)})
	}
	for _, e := range b.E820 {
		in.E820 = append(in.E820, memmap.E820Entry{Addr: uint64(e[0]), Size: uint64(e[1]), Type: memmap.E820Type(e[2])})
	}
	for _, d := range b.EFI.Descs {
		in.EFI.Descs = append(in.EFI.Descs, memmap.EFIDescriptor{
			Type: memmap.EFIType(d[0]), Phys: uint64(d[1]), Pages: uint64(d[2]), Attr: memmap.EFIAttr(d[3]),
		})
	}
	return in
}

// num is a JSON number, or a string that holds one in hex; null is 0.
type num uint64

func (n *num) UnmarshalJSON(text []byte) error {
	s := string(text)
	if s == "null" {
		return nil
	}
	if unquoted, err := strconv.Unquote(s); err == nil {
		s = unquoted
	}
	v, err := strconv.ParseUint(s, 0, 64)
	*n = num(v)
	return err
}
