package parse

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
)

// JSON that people write by hand has only what is needed.
func TestJSONByHand(t *testing.T) {
	doc := readText(t, `{"kind": "e820", "comment": {"nested": [1, 2, {}]}, "entries": [
		{"start": "0x0", "end": "0x9fc00", "type": "usable"},
		{"start": "9fc00", "end": "0xa0000", "type": "type 20"}]}`)
	want := []memmap.Map{{Kind: memmap.E820, Lines: []int{2, 3}, Entries: []memmap.E820Entry{
		{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM},
		{Addr: 0x9fc00, Size: 0x400, Type: 20},
	}}}
	if diff := cmp.Diff(want, doc.Maps); diff != "" || doc.Form != JSON {
		t.Errorf("form %s (-want +got):\n%s", doc.Form, diff)
	}
}

// The kind may come behind the entries, and several maps may come together.
func TestJSONWithSeveralMaps(t *testing.T) {
	doc := readText(t, `{"maps": [
  {"entries": [{"start":"0x1000","end":"0x2000","type":"Boot Data","attributes":["WB","0x10000000000"]}], "kind": "efi", "label": "efi"},
  {"kind": "e820", "label": "user", "entries": [{"start":"0x0","end":"0x1000","type":"usable","type_code":128}]}
]}`)
	want := []memmap.Map{
		{Kind: memmap.EFI, Label: "efi", Lines: []int{2}, Descriptors: []memmap.EFIDescriptor{
			{Type: memmap.EFIBootServicesData, Phys: 0x1000, Pages: 1, Attr: memmap.EFIWB | 1<<40}}},
		{Kind: memmap.E820, Label: "user", Lines: []int{3}, Entries: []memmap.E820Entry{{Size: 0x1000, Type: memmap.E820ReservedKern}}},
	}
	if diff := cmp.Diff(want, doc.Maps); diff != "" {
		t.Errorf("maps (-want +got):\n%s", diff)
	}
}

func TestJSONEntriesThatCannotBeRead(t *testing.T) {
	const good = `{"start":"0x0","end":"0x1000","type":`
	for entry, want := range map[string]string{
		`{"start":"zero","end":"0x1000","type":"usable"}`:              `f:2: expected an address such as "0x9fc00" as start: "zero"`,
		`{"start":"0x1000","end":"0xfff","type":"usable"}`:             `f:2: expected an address such as "0xa0000", not below start, as end: "0xfff"`,
		`{"start":"0x1000","type":"usable"}`:                           `f:2: expected an address such as "0xa0000", not below start, as end`,
		`{"start":"0x0","end":"0x10000000000000000","type":"usable"}`:  `f:2: expected less than 2^64 bytes from start to end: "0x10000000000000000"`,
		`{"start":"0x0","end":"0x1000","type":"useless"}`:              `f:2: expected an e820 type such as usable, reserved or type 20, and a type_code that agrees: "useless"`,
		`{"start":"0x0","end":"0x1000","type":"usable","type_code":2}`: `f:2: expected an e820 type such as usable, reserved or type 20, and a type_code that agrees: "usable"`,
		`{"start":0,"end":"0x1000","type":"usable"}`:                   `f:2: expected a string as start: "number"`,
		`[]`: `f:2: expected an object with start, end and type: "array"`,
	} {
		doc, err := Read("f", strings.NewReader(`{"kind":"e820","entries":[`+"\n"+entry+",\n"+good+`"usable"}]}`), "")
		if err != nil || len(doc.Problems) != 1 || doc.Maps[0].Len() != 1 {
			t.Errorf("%s: %v, %+v", entry, err, doc)
			continue
		}
		if got := doc.Problems[0].Error(); got != want {
			t.Errorf("%s:\n got %s\nwant %s", entry, got, want)
		}
	}
	for entry, want := range map[string]string{
		`{"start":"0x0","end":"0x1001","type":"Boot Code"}`: `f:1: expected whole pages of 4096 bytes from start to end: "0x1001"`,
		good + `"usable"}`:                        `f:1: expected an EFI memory type such as Boot Data or type 20, and a type_code that agrees: "usable"`,
		good + `"Boot Code","attributes":["XX"]}`: `f:1: expected attributes such as "RUN", "WB" or "0x10": "XX"`,
		good + `"Boot Code","virtual":"here"}`:    `f:1: expected an address such as "0xfffffffeff000000" as virtual: "here"`,
	} {
		_, err := Read("f", strings.NewReader(`{"kind":"efi","entries":[`+entry+`]}`), "")
		if err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", entry, err, want)
		}
	}
}

func TestJSONThatIsNoMap(t *testing.T) {
	for text, want := range map[string]string{
		"{\n\"maps\": [{\"kind\": \"e820\"\n":       "f:3: expected more JSON: the text ends too early",
		"{\n\"maps\": [{\"kind\" \"e820\"}]}":       "f:2: expected JSON: expected colon after object key",
		"{\n\"maps\": {}}":                          "f:2: expected an array",
		"{\"maps\": [1]}":                           "f:1: expected an object",
		`{"kind":"ebda","entries":[]}`:              `f:1: expected "e820" or "efi" as kind: "ebda"`,
		`{"kind":7}`:                                "f:1: expected the JSON of a map: json: cannot unmarshal number",
		`{"entries":[{"start":"0x0","end":"0x1"}]}`: `f:1: expected "e820" or "efi" as kind`,
	} {
		_, err := Read("f", strings.NewReader(text), "")
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}
