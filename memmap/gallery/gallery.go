// Package gallery holds firmware memory maps that come with bootplan.
package gallery

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"

	"bootplan/memmap"
)

//go:embed ovmf-2g.json
var ovmf2G []byte

// OVMF2G is the EFI map of QEMU's q35 machine with 2 GiB and OVMF 2022.11 (Debian
// 2022.11-6+deb12u2, the 4 MiB build), as the UEFI Shell's memmap showed it before
// a kernel was loaded. It is the machine that bootplan shows when it is not given one.
func OVMF2G() *memmap.Map {
	m := &memmap.Map{Kind: memmap.EFI, Label: "ovmf-2g"}
	var rows [][4]any
	if err := json.Unmarshal(ovmf2G, &rows); err != nil {
		panic(fmt.Sprintf("embedded map ovmf-2g.json: %v", err)) // a test reads it
	}
	for _, row := range rows {
		m.Descriptors = append(m.Descriptors, memmap.EFIDescriptor{
			Type: memmap.EFIType(row[0].(float64)), Phys: number(row[1]), Pages: number(row[2]), Attr: memmap.EFIAttr(number(row[3])),
		})
	}
	return m
}

// number reads a hex string of an embedded map.
func number(v any) uint64 {
	n, err := strconv.ParseUint(v.(string), 0, 64)
	if err != nil {
		panic(fmt.Sprintf("embedded map: %v", err)) // a test reads it
	}
	return n
}
