package parse

import (
	"encoding/json"
	"fmt"
	"io"

	"bootplan/memmap"
)

// Schema names the version of the JSON form.
const Schema = "bootplan/1"

// Stated is one map in the JSON form. Ends are exclusive and may lie beyond 2^64.
type Stated struct {
	Schema   string        `json:"schema"`
	Source   StatedSource  `json:"source"`
	Label    string        `json:"label"`
	Kind     string        `json:"kind"` // "e820" or "efi"
	Entries  []StatedEntry `json:"entries"`
	Findings []any         `json:"findings"` // what package lint finds; never nil, not read back
}

// StatedSource says where a map comes from.
type StatedSource struct {
	Form Form   `json:"form"`
	File string `json:"file"`
}

// StatedEntry is one entry in the JSON form.
type StatedEntry struct {
	Start      string   `json:"start"` // "0x…"
	End        string   `json:"end"`   // "0x…", exclusive
	Type       string   `json:"type"`  // as a kernel log names it
	Code       *uint32  `json:"type_code,omitempty"`
	Attributes []string `json:"attributes"`        // EFI: names, then bits without a name as "0x…"; never nil
	Virtual    string   `json:"virtual,omitempty"` // EFI: VirtualStart, if it is not 0
	Line       int      `json:"line,omitempty"`    // in the source
}

// State returns m in the JSON form, without findings.
func State(m *memmap.Map, form Form, file string) Stated {
	s := Stated{
		Schema: Schema, Source: StatedSource{form, file}, Label: m.Label, Kind: m.Kind.String(),
		Entries: make([]StatedEntry, m.Len()), Findings: []any{},
	}
	for i := range s.Entries {
		if m.Kind == memmap.EFI {
			s.Entries[i] = stateEFI(m.Descriptors[i])
		} else {
			s.Entries[i] = stateE820(m.Entries[i])
		}
		s.Entries[i].Line = m.Line(i)
	}
	return s
}

func stateE820(e memmap.E820Entry) StatedEntry {
	code := uint32(e.Type)
	end := wide{0, e.Addr}.plus(wide{0, e.Size})
	return StatedEntry{Start: hexString(e.Addr), End: end.String(), Type: e.Type.String(), Code: &code, Attributes: []string{}}
}

func stateEFI(d memmap.EFIDescriptor) StatedEntry {
	code := uint32(d.Type)
	end := wide{0, d.Phys}.plus(pageBytes(d.Pages))
	e := StatedEntry{Start: hexString(d.Phys), End: end.String(), Type: d.Type.String(), Code: &code, Attributes: append([]string{}, d.Attr.Names()...)}
	if d.Virt != 0 {
		e.Virtual = hexString(d.Virt)
	}
	return e
}

func hexString(n uint64) string { return fmt.Sprintf("%#x", n) }

// writeJSON writes m as a document of one map.
func writeJSON(w io.Writer, m *memmap.Map) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Schema string   `json:"schema"`
		Maps   []Stated `json:"maps"`
	}{Schema, []Stated{State(m, JSON, "")}})
}
