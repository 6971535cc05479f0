package verify

import (
	"encoding/json"
	"fmt"
	"strconv"

	"bootplan/memmap"
	"bootplan/memmap/parse"
)

// lastRange is a pair of addresses of which the second is that of the last byte. An
// empty list is no range.
type lastRange struct{ memmap.Range }

func (r *lastRange) UnmarshalJSON(text []byte) error {
	var list []hex
	if err := json.Unmarshal(text, &list); err != nil || len(list) == 0 {
		return err
	}
	if len(list) != 2 {
		return fmt.Errorf("%s: expected the first and the last address of a range", text)
	}
	var err error
	r.Range, err = upTo(list[0], list[1])
	return err
}

// upTo is the range from first to last, inclusive.
func upTo(first, last hex) (memmap.Range, error) {
	if last == ^hex(0) {
		return memmap.Range{}, fmt.Errorf("%#x to %#x: expected a range that ends below 2^64", uint64(first), uint64(last))
	}
	return memmap.NewRange(uint64(first), uint64(last)+1)
}

// printedEntry is an e820 entry as a kernel prints it: with the last address, and the
// name of the type.
type printedEntry memmap.E820Entry

func (e *printedEntry) UnmarshalJSON(text []byte) error {
	var in struct {
		Start hex    `json:"start"`
		Last  hex    `json:"end"`
		Type  string `json:"type"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	t, known := parse.E820Type(in.Type)
	if !known {
		return fmt.Errorf("%q: expected an e820 type such as usable or type 20", in.Type)
	}
	*e = printedEntry{Addr: uint64(in.Start), Size: uint64(in.Last - in.Start + 1), Type: t}
	return nil
}

// sizeEntry is an e820 entry as boot_params holds it.
type sizeEntry memmap.E820Entry

func (e *sizeEntry) UnmarshalJSON(text []byte) error {
	var in struct {
		Addr hex             `json:"addr"`
		Size hex             `json:"size"`
		Type memmap.E820Type `json:"type"`
	}
	err := json.Unmarshal(text, &in)
	*e = sizeEntry{uint64(in.Addr), uint64(in.Size), in.Type}
	return err
}

// efiPrinted is a descriptor of an EFI map with the last address, the name of the type
// as the kernel, the UEFI Shell or a person writes it, and the attributes as a number
// or a list of names.
type efiPrinted memmap.EFIDescriptor

func (d *efiPrinted) UnmarshalJSON(text []byte) error {
	var in struct {
		Start      hex        `json:"start"`
		Last       hex        `json:"end"`
		Type       string     `json:"type"`
		Attributes attributes `json:"attributes"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	t, known := parse.EFIType(in.Type)
	if !known {
		return fmt.Errorf("%q: expected an EFI memory type such as Boot Data", in.Type)
	}
	size := uint64(in.Last - in.Start + 1)
	if size%memmap.PageSize != 0 {
		return fmt.Errorf("%#x to %#x: expected whole pages of 4096 bytes", uint64(in.Start), uint64(in.Last))
	}
	*d = efiPrinted{Type: t, Phys: uint64(in.Start), Pages: size / memmap.PageSize, Attr: memmap.EFIAttr(in.Attributes)}
	return nil
}

// attributes is an attribute word.
type attributes memmap.EFIAttr

func (a *attributes) UnmarshalJSON(text []byte) error {
	var word hex
	if text[0] == '"' {
		err := json.Unmarshal(text, &word)
		*a = attributes(word)
		return err
	}
	var names []string
	if err := json.Unmarshal(text, &names); err != nil {
		return err
	}
	for _, name := range names {
		bit, known := memmap.ParseEFIAttr(name)
		if n, err := strconv.ParseUint(name, 0, 64); !known && err == nil {
			bit, known = memmap.EFIAttr(n), true
		}
		if !known {
			return fmt.Errorf("%q: expected an EFI memory attribute such as WB", name)
		}
		*a |= attributes(bit)
	}
	return nil
}

// sizedRange is a place and a size in bytes; the end may wrap around.
type sizedRange struct {
	What  string `json:"what"`
	Start hex    `json:"start"`
	Size  hex    `json:"size"`
}

// slotsAt is a row of slots.
type slotsAt struct {
	Start hex    `json:"addr"`
	Slots uint64 `json:"slots"`
}

// reservation is a line that memblock=debug prints.
type reservation struct {
	Range  memmap.Range
	Caller string // the function, without the place in it
}

func (r *reservation) UnmarshalJSON(text []byte) error {
	var in struct {
		Start  hex    `json:"start"`
		Last   hex    `json:"end"`
		Caller string `json:"caller"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	var err error
	r.Range, err = upTo(in.Start, in.Last)
	r.Caller = functionOf(in.Caller)
	return err
}
