package console

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"

	"bootplan/memmap"
	"bootplan/tools/capture/internal/record"
)

// zeroPageBytes is the size of struct boot_params.
const zeroPageBytes = 4096

// bootParams reads the hex dump of boot_params, nil if there is none. A line holds an
// offset and 32 bytes; lines of zeros are left out.
func bootParams(lines []string) *record.BootParams {
	page, found := make([]byte, zeroPageBytes), false
	for _, line := range lines {
		offset, digits, isDump := strings.Cut(line, ": ")
		at, err1 := strconv.ParseUint(offset, 16, 16)
		data, err2 := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		if isDump && err1 == nil && err2 == nil && int(at)+len(data) <= len(page) {
			copy(page[at:], data)
			found = true
		}
	}
	if !found {
		return nil
	}
	return ZeroPage(page)
}

// ZeroPage reads fields of struct boot_params; page has 4096 bytes.
// Source: Documentation/arch/x86/zero-page.rst, boot.rst (v6.12).
func ZeroPage(page []byte) *record.BootParams {
	le := binary.LittleEndian
	word := func(at int) record.Hex { return record.Hex(le.Uint32(page[at:])) }
	half := func(at int) record.Hex { return record.Hex(le.Uint16(page[at:])) }
	long := func(at int) record.Hex { return record.Hex(le.Uint64(page[at:])) }
	p := &record.BootParams{
		RamdiskImage: word(0x218) | word(0x0c0)<<32, RamdiskSize: word(0x21c) | word(0x0c4)<<32,
		CmdLinePtr: word(0x228) | word(0x0c8)<<32, InitrdAddrMax: word(0x22c),
		SetupData: long(0x250), TypeOfLoader: record.Hex(page[0x210]),
		LoadFlags: record.Hex(page[0x211]), KASLRFlag: page[0x211]&2 != 0,
		Code32Start: word(0x214), RSDP: long(0x070), E820Entries: int(page[0x1e8]), AltMemK: le.Uint32(page[0x1e0:]),
		EFISystab: word(0x1c4) | word(0x1d8)<<32, EFIDescSize: le.Uint32(page[0x1c8:]),
		EFIMap: word(0x1d0) | word(0x1dc)<<32, EFIMapSize: le.Uint32(page[0x1d4:]),
		EFISignature: strings.TrimRight(string(page[0x1c0:0x1c4]), "\x00"),
		HeapEndPtr:   half(0x224), VidMode: half(0x1fa), SecureBoot: page[0x1ec],
		E820: E820Table(page),
	}
	for i, e := range p.E820 {
		p.E820[i].TypeName = strings.TrimPrefix(memmap.E820Type(e.Type).String(), "type ")
	}
	return p
}

// E820Table is the table in struct boot_params.
func E820Table(page []byte) []record.E820Params {
	table := make([]record.E820Params, min(int(page[0x1e8]), memmap.MaxE820Table))
	for i := range table {
		e := page[0x2d0+20*i:]
		table[i] = record.E820Params{
			Addr: record.Hex(binary.LittleEndian.Uint64(e)),
			Size: record.Hex(binary.LittleEndian.Uint64(e[8:])),
			Type: binary.LittleEndian.Uint32(e[16:]),
		}
	}
	return table
}
