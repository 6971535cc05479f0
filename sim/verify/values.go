package verify

import (
	"encoding/json"
	"fmt"
	"strconv"

	"bootplan/memmap"
)

// hex is a 64-bit value as vectors write it: a lower-case hex string.
type hex uint64

func (h hex) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%#x", uint64(h)), nil }

func (h *hex) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 0, 64)
	if err != nil {
		return fmt.Errorf("%q: expected a 64-bit number such as 0x1000", text)
	}
	*h = hex(v)
	return nil
}

// tuple decodes the JSON list text into the given values, one element each.
func tuple(text []byte, into ...any) error {
	var list []json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil {
		return err
	}
	if len(list) != len(into) {
		return fmt.Errorf("%s: expected a list of %d elements", text, len(into))
	}
	for i := range list {
		if err := json.Unmarshal(list[i], into[i]); err != nil {
			return err
		}
	}
	return nil
}

// e820Entry is [addr, size, type].
type e820Entry memmap.E820Entry

func (e *e820Entry) UnmarshalJSON(text []byte) error {
	var addr, size hex
	var t uint32
	if err := tuple(text, &addr, &size, &t); err != nil {
		return err
	}
	*e = e820Entry{uint64(addr), uint64(size), memmap.E820Type(t)}
	return nil
}

func (e e820Entry) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{hex(e.Addr), hex(e.Size), uint32(e.Type)})
}

// efiDesc is [type, phys_addr, num_pages, attribute].
type efiDesc memmap.EFIDescriptor

func (d *efiDesc) UnmarshalJSON(text []byte) error {
	var t uint32
	var phys, pages, attr hex
	if err := tuple(text, &t, &phys, &pages, &attr); err != nil {
		return err
	}
	*d = efiDesc{Type: memmap.EFIType(t), Phys: uint64(phys), Pages: uint64(pages), Attr: memmap.EFIAttr(attr)}
	return nil
}

func (d efiDesc) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{uint32(d.Type), hex(d.Phys), hex(d.Pages), hex(d.Attr)})
}

// span is a pair of addresses or of address and size: [a, b].
type span [2]uint64

func (s *span) UnmarshalJSON(text []byte) error {
	var a, b hex
	if err := tuple(text, &a, &b); err != nil {
		return err
	}
	*s = span{uint64(a), uint64(b)}
	return nil
}

func (s span) MarshalJSON() ([]byte, error) { return json.Marshal([]any{hex(s[0]), hex(s[1])}) }

// byteString is a command line: each code point of the JSON string is one byte.
type byteString string

func (s *byteString) UnmarshalJSON(text []byte) error {
	var chars string
	if err := json.Unmarshal(text, &chars); err != nil {
		return err
	}
	var raw []byte
	for _, c := range chars {
		if c > 0xff {
			return fmt.Errorf("%q in a command line: expected code points up to U+00FF", c)
		}
		raw = append(raw, byte(c))
	}
	*s = byteString(raw)
	return nil
}
