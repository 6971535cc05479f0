package image

import (
	"bytes"
	"debug/elf"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/linux"
)

// tinySegments is what readelf -l says of the kernel in testdata.
var tinySegments = []Segment{
	{Type: "PT_LOAD", Perm: "r-x", Offset: 0xe8, Vaddr: 0xffffffff81000000, Paddr: 0x1000000, Filesz: 0x275300, Memsz: 0x275300, Align: 1},
	{Type: "PT_LOAD", Perm: "rw-", Offset: 0x2753e8, Vaddr: 0xffffffff81400000, Paddr: 0x1400000, Filesz: 8, Memsz: 8, Align: 1},
	{Type: "PT_LOAD", Perm: "rwx", Offset: 0x2753f0, Vaddr: 0xffffffff81401000, Paddr: 0x1401000, Filesz: 0x234, Memsz: 0x5234, Align: 1},
}

func TestReadBzImage(t *testing.T) {
	x := newTiny(t, "zst")
	relocated := x.layout.Relocated
	size := tinySetup + x.setup.SysSize*16
	want := &Kernel{
		Name: "tiny", Kind: BzImage, Release: "6.12.1-tiny", Version: linux.V6_12,
		Banner: "6.12.1-tiny (someone@somewhere) #1 SMP", FileSize: uint64(size),
		Setup:      &x.setup,
		KernelInfo: &KernelInfo{relocated + 0x3c0, 0x10, 0x10, 0x80000009},
		PE: &PE{
			HeaderOffset: 0x40, Machine: 0x8664, Characteristics: 0x206, Magic: 0x20b, SizeOfCode: x.setup.SysSize * 16,
			EntryRVA: 0x1010, BaseOfCode: 0x1000, SectionAlignment: 0x1000, FileAlignment: 0x200, MajorImageVersion: 3,
			SizeOfImage: tinySetup + uint32(x.layout.End), SizeOfHeaders: 0x200, Subsystem: 10, DLLCharacteristics: 0x100,
			LinuxMagic: 0x818223cd, Sections: x.sections, Compat: []CompatEntry{{1, 8, 0x14c, 0x1234}},
		},
		Payload: &Payload{
			Offset: 0x1400, Size: uint64(len(x.payload)), Compression: "zstd",
			Stated: tinyUnpacked, Uncompressed: tinyUnpacked, SHA256: tinySHA256,
		},
		ELF:          &ELF{Machine: 62, Entry: 0x1000000, PhOff: 64, FileEnd: 2578008 + 8*64, Segments: tinySegments},
		Relocs:       &Relocs{Offset: 2578520, Bytes: 36, Count32: 2, Inverse32: 1, Count64: 3},
		Decompressor: &x.layout,
		VO:           &VO{TotalSize: 0x407000, TextSize: 0x200000, BSSOffset: 0x402000, Layout: &tinyLayout},
	}
	if diff := cmp.Diff(want, mustRead(t, x.bytes(), Options{})); diff != "" {
		t.Fatal(diff)
	}
}

// Each file was made by the tool that the kernel's build uses.
func TestEveryCompression(t *testing.T) {
	for file, name := range map[string]string{
		"gz": "gzip", "bz2": "bzip2", "lzma": "lzma", "xz": "xz", "lzo": "lzo", "lz4": "lz4", "zst": "zstd",
	} {
		x := newTiny(t, file)
		k := mustRead(t, x.bytes(), Options{})
		want := &Payload{
			Offset: 0x1400, Size: uint64(len(x.payload)), Compression: name,
			Stated: tinyUnpacked, Uncompressed: tinyUnpacked, SHA256: tinySHA256,
		}
		if diff := cmp.Diff(want, k.Payload); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if diff := cmp.Diff(&x.layout, k.Decompressor); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// kernel_inittext_size counts what the linker puts behind the section.
func TestInitTextIsKnownWhereTheDecompressorKnowsIt(t *testing.T) {
	x := newTiny(t, "zst")
	x.constants = []uint64{0x407000, 0x1000, 0x401000, 0x200000}
	want := &VO{TotalSize: 0x407000, TextSize: 0x200000, BSSOffset: 0x402000, InitTextOffset: 0x401000, InitTextSize: 0x1000, Layout: &tinyLayout}
	if diff := cmp.Diff(want, mustRead(t, x.bytes(), Options{}).VO); diff != "" {
		t.Fatal(diff)
	}
}

func TestWhatCannotBeFoundIsNoted(t *testing.T) {
	x := newTiny(t, "zst")
	x.template = ""
	x.constants = nil
	k := mustRead(t, x.bytes(), Options{})
	want := []string{
		"trampoline_32bit_src was not found in the decompressor's code",
		"kernel_total_size is 0x407000 by the headers of the kernel inside, but the decompressor holds no such constant",
	}
	if diff := cmp.Diff(want, k.Notes); diff != "" {
		t.Fatal(diff)
	}
	if k.Decompressor.Trampoline != 0 || k.VO.TotalSize != 0x407000 || k.VO.TextSize != 0 {
		t.Fatalf("%+v %+v", k.Decompressor, k.VO)
	}
}

// The header of protocol 2.05 ends before payload_offset.
func TestOlderHeadersHaveFewerFields(t *testing.T) {
	x := newTiny(t, "zst")
	x.setup.Version = 0x205
	x.setup.Jump = 0x37eb // ends at 0x202 + 0x37, behind min_alignment and xloadflags
	k := mustRead(t, x.bytes(), Options{})
	want := x.setup
	want.CmdlineSize, want.PayloadOffset, want.PayloadLength, want.PrefAddress, want.InitSize, want.KernelInfoOffset = 0, 0, 0, 0, 0, 0
	want.CmdlineSize = 0xff // one byte of it lies inside
	if diff := cmp.Diff(&want, k.Setup); diff != "" {
		t.Fatal(diff)
	}
	notes := []string{
		"boot protocol 2.05 does not tell where the payload is",
		"without a payload the decompressor is not looked for",
	}
	if diff := cmp.Diff(notes, k.Notes); diff != "" {
		t.Fatal(diff)
	}
}

func TestReadVmlinux(t *testing.T) {
	k := mustRead(t, tinyVmlinux(t), Options{})
	want := &Kernel{
		Name: "tiny", Kind: Vmlinux, FileSize: tinyUnpacked - 36,
		ELF:   &ELF{Machine: 62, Entry: 0x1000000, PhOff: 64, FileEnd: 2578520, Segments: tinySegments},
		VO:    &VO{TotalSize: 0x407000, TextSize: 0x200000, BSSOffset: 0x402000, InitTextOffset: 0x401000, InitTextSize: 0x234, Layout: &tinyLayout},
		Notes: []string{`no text "Linux version …" in the image: its release is unknown`},
	}
	if diff := cmp.Diff(want, k); diff != "" {
		t.Fatal(diff)
	}
}

// tinyVmlinux is the ELF file in testdata, unpacked.
func tinyVmlinux(t testing.TB) []byte {
	x := newTiny(t, "zst")
	s := &source{"zst", bytes.NewReader(x.payload), uint64(len(x.payload))}
	out, err := s.unpack(&Payload{Compression: "zstd", Stated: tinyUnpacked}, s.size-4, tinyUnpacked)
	if err != nil {
		t.Fatal(err)
	}
	return out[:2578520]
}

// plainImage is an Image with the magic of one architecture at 0x38, and the text
// "Linux version" placed so that two reads share it.
func plainImage(magic string) []byte {
	const at = 1<<20 - 5
	data := make([]byte, at+200)
	put(data, 8, uint64(0x80000), uint64(0x2f00000), uint64(0xa))
	copy(data[0x38:], magic)
	copy(data[0x2000:], "Linux version %s (%s)\n")
	copy(data[at:], "Linux version 6.12.3-test (a@b) (gcc) #1 SMP\nmore")
	return data
}

func TestReadPlainImages(t *testing.T) {
	for magic, kind := range map[string]Kind{"ARM\x64": Arm64, "RSC\x05": RISCV} {
		want := &Kernel{
			Name: "tiny", Kind: kind, Release: "6.12.3-test", Version: linux.V6_12,
			Banner: "6.12.3-test (a@b) (gcc) #1 SMP", FileSize: 1<<20 + 195,
			ImageHeader: &ImageHeader{TextOffset: 0x80000, ImageSize: 0x2f00000, Flags: 0xa},
		}
		if diff := cmp.Diff(want, mustRead(t, plainImage(magic), Options{})); diff != "" {
			t.Errorf("%s:\n%s", kind, diff)
		}
	}
}

// A LoongArch kernel is told by the machine type in its PE header.
func TestReadLoongArchImage(t *testing.T) {
	data := plainImage("")
	copy(data, "MZ")
	put(data, 0x38, uint32(0x818223cd), uint32(0x40))
	copy(data[0x40:], "PE\x00\x00")
	put(data, 0x44, uint16(0x6264), uint16(0), [3]uint32{}, uint16(160), uint16(0x206))
	put(data, 0x58, optionalHeader{Magic: 0x20b, Subsystem: 10})
	k := mustRead(t, data, Options{})
	want := &PE{HeaderOffset: 0x40, Machine: 0x6264, Characteristics: 0x206, Magic: 0x20b, Subsystem: 10, LinuxMagic: 0x818223cd}
	if diff := cmp.Diff(want, k.PE); diff != "" || k.Kind != LoongArch || k.Version != linux.V6_12 {
		t.Fatalf("kind %s, version %v\n%s", k.Kind, k.Version, diff)
	}
}

// counter counts the bytes that are read.
type counter struct {
	io.ReaderAt
	read int
}

func (c *counter) ReadAt(p []byte, at int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, at)
	c.read += n
	return n, err
}

func TestNoPayloadReadsHeadersOnly(t *testing.T) {
	x := newTiny(t, "lz4")
	for i := range x.payload[4 : len(x.payload)-4] {
		x.payload[4+i] ^= 0xff // nobody may look
	}
	data := x.bytes()
	c := &counter{ReaderAt: bytes.NewReader(data)}
	k, err := Read("tiny", c, int64(len(data)), Options{NoPayload: true})
	if err != nil {
		t.Fatal(err)
	}
	if c.read > 2500 {
		t.Errorf("read %d of %d bytes; the headers have fewer than 2,500", c.read, len(data))
	}
	want := &Payload{Offset: 0x1400, Size: uint64(len(x.payload)), Compression: "lz4", Stated: tinyUnpacked, Uncompressed: tinyUnpacked}
	if diff := cmp.Diff(want, k.Payload); diff != "" {
		t.Error(diff)
	}
	if k.ELF != nil || k.Decompressor != nil || k.KernelInfo == nil || k.PE == nil || k.Release != "6.12.1-tiny" {
		t.Errorf("%+v", k)
	}
}

// Programs of 32-bit kernels are widened.
func TestReadVmlinuxOf32Bits(t *testing.T) {
	data := make([]byte, 0x100)
	copy(data, "\x7fELF\x01\x01\x01")
	put(data, 0, elf.Header32{
		Ident: [16]byte(data[:16]), Type: 2, Machine: 3, Entry: 0x1000000, Phoff: 0x34,
		Ehsize: 52, Phentsize: 32, Phnum: 1,
	})
	put(data, 0x34, elf.Prog32{Type: 1, Off: 0x80, Vaddr: 0xc1000000, Paddr: 0x1000000, Filesz: 0x70, Memsz: 0x5000, Flags: 5, Align: 0x1000})
	want := &Kernel{
		Name: "tiny", Kind: Vmlinux, FileSize: 0x100,
		ELF: &ELF{Machine: 3, Entry: 0x1000000, PhOff: 0x34, FileEnd: 0xf0, Segments: []Segment{
			{Type: "PT_LOAD", Perm: "r-x", Offset: 0x80, Vaddr: 0xc1000000, Paddr: 0x1000000, Filesz: 0x70, Memsz: 0x5000, Align: 0x1000},
		}},
		VO: &VO{TotalSize: 0x5000}, // without section headers: the segments' size
	}
	if diff := cmp.Diff(want, mustRead(t, data, Options{NoPayload: true})); diff != "" {
		t.Fatal(diff)
	}
}

func TestRelocationLists(t *testing.T) {
	words := func(list ...uint32) []byte {
		table := make([]byte, 4*len(list))
		put(table, 0, list)
		return table
	}
	for _, c := range []struct {
		what  string
		table []byte
		want  *Relocs
		notes int
	}{
		{"none", nil, nil, 0},
		{"32-bit kernel", words(0, 5, 6), &Relocs{Offset: 7, Bytes: 12, Count32: 2}, 0},
		{"since v6.15", words(0, 1, 2, 3, 0, 4), &Relocs{Offset: 7, Bytes: 24, Count64: 3, Count32: 1}, 0},
		{"until v6.14", words(0, 1, 0, 2, 3, 0, 4), &Relocs{Offset: 7, Bytes: 28, Count64: 1, Inverse32: 2, Count32: 1}, 0},
		{"empty lists", words(0, 0, 0), &Relocs{Offset: 7, Bytes: 12}, 0},
		{"not in words", append(words(0, 1), 0), nil, 1},
		{"no zero before", words(1, 0, 1), nil, 1},
		{"four lists", words(0, 1, 0, 0, 0), nil, 1},
	} {
		k := &Kernel{ELF: &ELF{FileEnd: 7}}
		k.readRelocs(c.table)
		if diff := cmp.Diff(c.want, k.Relocs); diff != "" || len(k.Notes) != c.notes {
			t.Errorf("%s: notes %v\n%s", c.what, k.Notes, diff)
		}
	}
}
