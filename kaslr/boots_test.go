package kaslr

import (
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/linux"
	"bootplan/memmap"
)

// slotCase is one run of the real decompressor of a Debian kernel under QEMU,
// stopped after it had drawn its random numbers.
type slotCase struct {
	Name    string
	Kernel  string
	CPU     string
	E820    []struct{ Addr, Size, Type num }
	Command string `json:"command_line"`
	Ramdisk struct{ Image, Size num }
	Params  num `json:"boot_params_address"`
	Cmdline num `json:"cmd_line_ptr"`
	Setup   []struct {
		Addr, Type, Len num
		Indirect        struct{ Type, Len, Addr num }
	} `json:"setup_data"`
	SRAT []struct {
		Base, Length num
		Hotpluggable bool
	}
	EFI []struct {
		Type                   string
		Start, End, Attributes num
	} `json:"efi_memmap"`
	Decompressor struct {
		Output   num `json:"output_initial"`
		Base     num `json:"relocated_base"`
		InitSize num `json:"init_size"`
		Needed   num `json:"needed_size"`
	}
	Limit   num                         `json:"mem_limit"`
	Avoid   []struct{ Start, Size num } `json:"mem_avoid"`
	Areas   []struct{ Addr, Slots num } `json:"slot_areas"`
	Slots   num                         `json:"slot_max"`
	Random  num                         `json:"random_physical"`
	Chosen  num                         `json:"physical_chosen"`
	RandomV *num                        `json:"random_virtual"`
	SlotsV  num                         `json:"virtual_slots"`
	OffsetV num                         `json:"virtual_chosen_offset"`
}

// payloadOffset is the same in the headers of all kernels that were run.
const payloadOffset = 0x2cc

func (c *slotCase) input(t *testing.T) *Input {
	version, err := linux.ParseVersion(strings.TrimPrefix(c.Kernel, "vmlinuz-"))
	if err != nil {
		t.Fatal(err)
	}
	in := &Input{
		Config: Config{
			Version:          version,
			PhysicalAlign:    2 * memmap.MiB,
			UnacceptedMemory: version >= linux.V6_5,
			SoftReserve:      true,
		},
		LA57:       !strings.Contains(c.CPU, "la57=off"),
		Payload:    uint64(c.Decompressor.Base) + payloadOffset,
		Output:     uint64(c.Decompressor.Output),
		InitSize:   uint64(c.Decompressor.InitSize),
		NeededSize: uint64(c.Decompressor.Needed),
		BootParams: uint64(c.Params),
		CmdlinePtr: uint64(c.Cmdline),
		Cmdline:    c.Command,
		Initrd:     Extent{uint64(c.Ramdisk.Image), uint64(c.Ramdisk.Size)},
	}
	for _, e := range c.E820 {
		in.E820 = append(in.E820, memmap.E820Entry{Addr: uint64(e.Addr), Size: uint64(e.Size), Type: memmap.E820Type(e.Type)})
	}
	for _, n := range c.Setup {
		in.SetupData = append(in.SetupData, SetupData{
			Addr: uint64(n.Addr), Type: uint32(n.Type), Len: uint32(n.Len),
			Indirect: Indirect{uint32(n.Indirect.Type), uint64(n.Indirect.Addr), uint64(n.Indirect.Len)},
		})
	}
	for _, s := range c.SRAT {
		if !s.Hotpluggable {
			in.Immovable = append(in.Immovable, Extent{uint64(s.Base), uint64(s.Length)})
		}
	}
	c.efi(t, in)
	return in
}

// efi states the EFI map, which the case gives with inclusive ends.
func (c *slotCase) efi(t *testing.T, in *Input) {
	for _, d := range c.EFI {
		kind := memmap.EFIType(0)
		for ; kind.String() != d.Type; kind++ {
			if kind > memmap.EFIUnaccepted {
				t.Fatalf("%s: unknown type %q", c.Name, d.Type)
			}
		}
		in.EFI.Descs = append(in.EFI.Descs, memmap.EFIDescriptor{
			Type: kind, Phys: uint64(d.Start), Pages: uint64(d.End+1-d.Start) / memmap.PageSize, Attr: memmap.EFIAttr(d.Attributes),
		})
		in.EFI.Signature, in.EFI.DescSize = "EL64", 48
		in.EFI.MapSize += 48
	}
}

// outcome is what a case tells about the result.
type outcome struct {
	Limit    uint64
	Avoid    map[Extent]bool
	Areas    []Area
	Slots    uint64
	Physical uint64
	Virtual  uint64 // 0 where the case was not stopped after the virtual draw
}

func (c *slotCase) want() outcome {
	w := outcome{Limit: uint64(c.Limit), Avoid: map[Extent]bool{}, Slots: uint64(c.Slots), Physical: uint64(c.Chosen)}
	if c.Chosen == 0 {
		w.Physical = uint64(c.Decompressor.Output)
	}
	if c.RandomV != nil {
		w.Virtual = LoadPhysicalAddr + uint64(c.OffsetV)
	}
	for _, a := range c.Avoid {
		w.Avoid[Extent{uint64(a.Start), uint64(a.Size)}] = true
	}
	for _, a := range c.Areas {
		w.Areas = append(w.Areas, Area{uint64(a.Addr), uint64(a.Slots)})
	}
	return w
}

func (c *slotCase) got(t *testing.T) outcome {
	var p Plan
	if err := p.Make(c.input(t)); err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	random := fixed{physical: uint64(c.Random)}
	if c.RandomV != nil {
		random.virtual = uint64(*c.RandomV)
	}
	choice := p.Choose(random)
	o := outcome{Limit: p.Limit, Avoid: map[Extent]bool{}, Slots: p.Slots, Physical: choice.Phys}
	if c.RandomV != nil {
		o.Virtual = choice.Virt
	}
	o.Areas = append(o.Areas, p.Areas...)
	for _, a := range p.Avoid {
		if a.What != "setup_data" && a.What != "setup_indirect" { // in no list of the code's
			o.Avoid[a.Extent] = true
		}
	}
	return o
}

func TestRunsOfTheRealDecompressor(t *testing.T) {
	file, err := os.Open("testdata/kaslr_slot_cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cases := 0
	for d := json.NewDecoder(file); ; cases++ {
		var c slotCase
		if err := d.Decode(&c); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want(), c.got(t)); diff != "" {
			t.Errorf("%s (%s): %s", c.Name, c.Kernel, diff)
		}
	}
	if cases != 330 {
		t.Errorf("%d cases, want 330", cases)
	}
}
