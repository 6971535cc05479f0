package image

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"bootplan/memmap"
)

const (
	tinySetup    = 0x1000 // bytes of the real-mode part
	tinyPayload  = 0x400  // payload_offset
	tinyUnpacked = 2578556
	tinySHA256   = "371ade83aa36281e5a1e9ca467f2d00a7c34ec0f16a61cfd2c6150ca01e35f5f"
)

// tinyLayout follows from testdata/kernel.s: 1+400·5 bytes of text, 30000·16 of
// read-only data, 8 of data, 0x234 of init text, 0x3000 of BSS, 0x1234 of brk.
var tinyLayout = Layout{
	TextEnd: 2001, RodataStart: 0x200000, RodataEnd: 0x276000, DataStart: 0x400000, DataEnd: 0x400008,
	InitText: 0x401000, InitTextEnd: 0x401234,
	BSSStart: 0x402000, BSSEnd: 0x405000, BrkStart: 0x405000, End: 0x407000,
}

// tiny is a bzImage for tests: real headers, a payload that real tools made, and of
// the decompressor only the instructions that name its symbols.
type tiny struct {
	setup     SetupHeader
	sections  []Section
	dll       uint16
	subsystem uint16
	layout    Decompressor
	constants []uint64 // kernel_total_size and its neighbours
	template  string
	payload   []byte
	trailing  []byte
}

// newTiny returns the parts of a good image around a payload from testdata.
func newTiny(t testing.TB, payload string) *tiny {
	t.Helper()
	data, err := os.ReadFile("testdata/payload." + payload)
	if err != nil {
		t.Fatal(err)
	}
	relocated := memmap.AlignUp(tinyPayload+uint64(len(data)), 64)
	bss := memmap.AlignUp(relocated+0x400, memmap.PageSize)
	heap := map[string]uint64{"bz2": 0x400000, "zst": 0x30000}[payload]
	if heap == 0 {
		heap = 0x10000
	}
	layout := Decompressor{
		Relocated: relocated, Trampoline: relocated + 0x300, BSS: bss, BootStackEnd: bss + 0x4000,
		BootHeap: bss + 0x5040, HeapSize: heap, TrampSave: bss + 0x6c80 + heap, EBSS: bss + 0x9078 + heap,
		PgTable: bss + 0xa000 + heap, TopPgTable: bss + 0x2a000 + heap, End: bss + 0x2b000 + heap,
	}
	size := uint32(bss)
	return &tiny{
		setup: SetupHeader{
			SetupSects: tinySetup/512 - 1, SysSize: size / 16, BootFlag: 0xaa55, Jump: 0x6aeb, Header: 0x53726448,
			Version: 0x20f, KernelVersion: 0x600, LoadFlags: 1, Code32Start: 0x100000, KernelAlignment: 0x200000,
			Relocatable: 1, MinAlignment: 21, XLoadFlags: 0x7f, CmdlineSize: 2047, PayloadOffset: tinyPayload,
			PayloadLength: uint32(len(data)), PrefAddress: 0x1000000, InitSize: 0x1000000, KernelInfoOffset: uint32(relocated) + 0x3c0,
		},
		sections: []Section{
			{".setup", 0x200, 0xd00, 0x200, 0xd00, 0x42000040},
			{".compat", 0xf00, 0x20, 0xf00, 0x20, 0x42000040},
			{".text", tinySetup, size, tinySetup, size, 0x60000020},
			{".data", tinySetup + size, uint32(layout.End) - size, tinySetup + size, 0, 0xc0000040},
		},
		dll: 0x100, subsystem: 10, layout: layout, payload: data,
		constants: []uint64{0x407000, 0x200000},
		template:  "415741564155415455534889e348c1eb20",
	}
}

// bytes puts the image together.
func (x *tiny) bytes() []byte {
	image := make([]byte, tinySetup+int(x.setup.SysSize)*16)
	copy(image, "MZ")
	put(image, 0x38, uint32(0x818223cd), uint32(0x40))
	x.putPE(image[0x40:])
	put(image, setupHeaderStart, x.setup)
	copy(image[0x800:], "6.12.1-tiny (someone@somewhere) #1 SMP\x00garbage")
	put(image, 0xf00, CompatEntry{Type: 1, Size: 8, Machine: 0x14c, EntryRVA: 0x1234})
	x.putCode(image[tinySetup:])
	copy(image[tinySetup+tinyPayload:], x.payload)
	return append(image, x.trailing...)
}

func (x *tiny) putPE(at []byte) {
	copy(at, "PE\x00\x00")
	put(at, 4, uint16(0x8664), uint16(len(x.sections)), [3]uint32{}, uint16(160), uint16(0x206))
	end := x.sections[len(x.sections)-1]
	put(at, 24, optionalHeader{
		Magic: 0x20b, SizeOfCode: x.setup.SysSize * 16, Entry: tinySetup + 0x10, BaseOfCode: tinySetup,
		SectionAlignment: 0x1000, FileAlignment: 0x200, MajorImageVersion: 3, SizeOfImage: end.VirtualAddress + end.VirtualSize,
		SizeOfHeaders: 0x200, Subsystem: x.subsystem, DLLCharacteristics: x.dll,
	})
	if len(x.trailing) > 0 {
		put(at, 24+112+signatureTable*8, uint32(tinySetup)+x.setup.SysSize*16, uint32(len(x.trailing)))
	}
	for i, s := range x.sections {
		header := at[184+40*i:]
		copy(header, s.Name)
		put(header, 8, s.VirtualSize, s.VirtualAddress, s.RawSize, s.RawOffset)
		put(header, 36, s.Characteristics)
	}
}

// putCode writes the instructions that name the symbols, as v6.12 has them.
func (x *tiny) putCode(code []byte) {
	d := x.layout
	extract, switcher := d.Relocated+0x100, d.Relocated+0x200
	assemble(code, 0x10, "8dbb.... 31c0 b900180000 f3ab", d.PgTable)
	assemble(code, 0x210, "8b9e60020000 81eb....", d.End)
	assemble(code, 0x220, "488da3....", d.BootStackEnd)
	assemble(code, 0x230, "488db3.... e8....", d.TopPgTable, switcher-0x23c)
	assemble(code, 0x240, "b9.... c1e903 fd f348a5", d.BSS)
	assemble(code, 0x250, "488d83.... ffe0", d.Relocated)
	assemble(code, d.Relocated, "31c0 488d3d.... 488d0d.... 4829f9 48c1e903 f348ab 4c89ff 4889ee e8....",
		d.BSS-d.Relocated-9, d.EBSS-d.Relocated-16, extract-d.Relocated-37)
	assemble(code, extract, "4c8d35.... 488d05....", d.BootHeap-extract-7, d.BootHeap+d.HeapSize-extract-14)
	assemble(code, switcher, "488d2d....", d.TrampSave-switcher-7)
	assemble(code, d.Trampoline, x.template)
	put(code, int(memmap.AlignUp(d.Relocated+0x380, 8)), x.constants)
	copy(code[d.Relocated+0x3c0:], "LToP")
	put(code, int(d.Relocated+0x3c4), uint32(0x10), uint32(0x10), uint32(0x80000009))
}

// put writes values at offset, little endian.
func put(at []byte, offset int, values ...any) {
	for _, v := range values {
		n, err := binary.Encode(at[offset:], binary.LittleEndian, v)
		if err != nil {
			panic(err)
		}
		offset += n
	}
}

// assemble writes instructions in hex, "...." being the next operand.
func assemble(code []byte, at uint64, text string, operands ...uint64) {
	text = strings.ReplaceAll(text, " ", "")
	for _, o := range operands {
		word := hex.EncodeToString(binary.LittleEndian.AppendUint32(nil, uint32(o)))
		text = strings.Replace(text, "....", word, 1)
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	copy(code[at:], raw)
}

// readBytes reads the image as a file called "tiny".
func readBytes(data []byte, opts Options) (*Kernel, error) {
	return Read("tiny", bytes.NewReader(data), int64(len(data)), opts)
}

// mustRead is readBytes for good images.
func mustRead(t testing.TB, data []byte, opts Options) *Kernel {
	t.Helper()
	k, err := readBytes(data, opts)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
