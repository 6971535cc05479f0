package parse

import (
	"bytes"
	"errors"
	"math/bits"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/memmap"
)

var anyAddress = rapid.OneOf(rapid.Uint64(), rapid.SampledFrom([]uint64{0, 1, 0x9fc00, 1 << 32, 1<<63 - 1, 1 << 63, ^uint64(0)}))

var e820Entry = rapid.Custom(func(t *rapid.T) memmap.E820Entry {
	kind := rapid.OneOf(rapid.Uint32(), rapid.SampledFrom([]uint32{0, 1, 2, 3, 4, 5, 6, 7, 12, 20, 128, 0xefffffff}))
	return memmap.E820Entry{Addr: anyAddress.Draw(t, "addr"), Size: anyAddress.Draw(t, "size"), Type: memmap.E820Type(kind.Draw(t, "type"))}
})

var efiDescriptor = rapid.Custom(func(t *rapid.T) memmap.EFIDescriptor {
	kind := rapid.OneOf(rapid.Uint32(), rapid.Uint32Range(0, 15))
	attr := rapid.OneOf(rapid.Uint64(), rapid.Map(rapid.Uint64(), func(a uint64) uint64 { return a & uint64(memmap.NamedEFIAttrs) }))
	return memmap.EFIDescriptor{
		Type: memmap.EFIType(kind.Draw(t, "type")), Phys: anyAddress.Draw(t, "phys"), Virt: anyAddress.Draw(t, "virt"),
		Pages: anyAddress.Draw(t, "pages"), Attr: memmap.EFIAttr(attr.Draw(t, "attr")),
	}
})

// anyMap makes maps of either kind that may state any nonsense.
func anyMap(kind memmap.Kind) *rapid.Generator[memmap.Map] {
	return rapid.Custom(func(t *rapid.T) memmap.Map {
		if kind == memmap.EFI {
			label := rapid.SampledFrom([]string{labelEFI, labelRuntime}).Draw(t, "label")
			return memmap.Map{Kind: kind, Label: label, Descriptors: rapid.SliceOfN(efiDescriptor, 1, 20).Draw(t, "descriptors")}
		}
		label := rapid.SampledFrom([]string{"BIOS-e820", "user", "modified", "extended", "reserve setup_data"}).Draw(t, "label")
		return memmap.Map{Kind: kind, Label: label, Entries: rapid.SliceOfN(e820Entry, 1, 20).Draw(t, "entries")}
	})
}

// losses change a map into what a form can hold of it.
var losses = map[Form]func(m *memmap.Map){
	KernelLog: func(m *memmap.Map) {
		for i := range m.Descriptors {
			m.Descriptors[i].Virt = 0
		}
		for i := range m.Entries {
			if m.Entries[i].Type == memmap.E820ReservedKern {
				m.Entries[i].Type = memmap.E820RAM
			}
		}
	},
	EFIShell: func(m *memmap.Map) {
		m.Label = labelShell
		for i := range m.Descriptors {
			m.Descriptors[i].Virt = 0
		}
	},
	EFIShellSFO: func(m *memmap.Map) {
		m.Label = labelShell
		for i := range m.Descriptors {
			m.Descriptors[i].Virt = 0
		}
	},
	E820Binary:    func(m *memmap.Map) { m.Label = string(E820Binary) },
	EFIRuntimeMap: func(m *memmap.Map) { m.Label = string(EFIRuntimeMap) },
	JSON:          func(*memmap.Map) {},
	SysfsMemmap: func(m *memmap.Map) {
		m.Label = string(SysfsMemmap)
		for i, e := range m.Entries {
			if resourceName(e.Type) == unknownName {
				m.Entries[i].Type = unknownType
			}
			if e.Type == memmap.E820ReservedKern {
				m.Entries[i].Type = memmap.E820RAM
			}
		}
	},
}

// back writes m in a form and reads what was written, without being told the form
// where that can be told.
func back(t *rapid.T, form Form, m *memmap.Map) *Document {
	if form.IsTree() {
		files, err := Files(form, m)
		if err != nil {
			t.Fatal(err)
		}
		fsys := fstest.MapFS{}
		for name, text := range files {
			fsys[name] = &fstest.MapFile{Data: []byte(text)}
		}
		doc, err := Tree(fsys)
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	var text bytes.Buffer
	if err := Write(&text, form, m); err != nil {
		t.Fatal(err)
	}
	told := Form("")
	if form == E820Binary || form == EFIBinary {
		told = form // no sniffing of nonsense
	}
	doc, err := Read("written", &text, told)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestWhatIsWrittenReadsBack(t *testing.T) {
	for form, lose := range losses {
		for _, kind := range []memmap.Kind{memmap.E820, memmap.EFI} {
			if form.Kind() != 0 && form.Kind() != kind {
				continue
			}
			t.Run(string(form)+"/"+kind.String(), rapid.MakeCheck(func(t *rapid.T) {
				m := anyMap(kind).Draw(t, "map")
				if form == EFIShellSFO {
					for i := range m.Descriptors {
						m.Descriptors[i].Type %= 16
					}
				}
				doc := back(t, form, &m)
				if doc.Form != form || len(doc.Problems) > 0 || len(doc.Maps) != 1 {
					t.Fatalf("form %s, problems %v, %d maps", doc.Form, doc.Problems, len(doc.Maps))
				}
				lose(&m)
				doc.Maps[0].Lines = nil
				if diff := cmp.Diff(m, doc.Maps[0]); diff != "" {
					t.Fatalf("(-written +read):\n%s", diff)
				}
			}))
		}
	}
}

// Binary descriptors carry no form and no size: both are told from maps that could
// be true.
func TestBinaryReadsBackUntold(t *testing.T) {
	page := rapid.Uint64Range(0, 1<<39)
	descriptor := rapid.Custom(func(t *rapid.T) memmap.EFIDescriptor {
		return memmap.EFIDescriptor{
			Type:  memmap.EFIType(rapid.Uint32Range(0, 15).Draw(t, "type")),
			Phys:  page.Draw(t, "page") * memmap.PageSize,
			Pages: rapid.Uint64Range(1, 1<<39).Draw(t, "pages"),
			Attr:  memmap.EFIAttr(rapid.Uint64().Draw(t, "attr")) & memmap.NamedEFIAttrs,
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		m := memmap.Map{Kind: memmap.EFI, Label: string(EFIBinary), Descriptors: rapid.SliceOfN(descriptor, 3, 60).Draw(t, "descriptors")}
		var data bytes.Buffer
		if err := Write(&data, EFIBinary, &m); err != nil {
			t.Fatal(err)
		}
		doc, err := Read("written", &data, "")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]memmap.Map{m}, doc.Maps); diff != "" {
			t.Fatalf("(-written +read):\n%s", diff)
		}
	})
}

// What is written is what the kernel and the Shell print, to the letter.
func TestWrittenText(t *testing.T) {
	e820 := memmap.Map{Kind: memmap.E820, Label: "user", Entries: testMap}
	efi := memmap.Map{Kind: memmap.EFI, Descriptors: append(shellMap[:1:1], memmap.EFIDescriptor{Type: 1 << 31, Phys: 0x1000, Pages: 0x300, Attr: 1 << 40})}
	shell := memmap.Map{Kind: memmap.EFI, Descriptors: shellMap}
	for _, c := range []struct {
		form Form
		m    *memmap.Map
		want string
	}{
		{KernelLog, &e820, `[    0.000000] user-defined physical RAM map:
[    0.000000] user: [mem 0x0000000000000000-0x000000000009fbff] usable
[    0.000000] user: [mem 0x000000000009fc00-0x000000000009ffff] reserved
[    0.000000] user: [mem 0x0000000100000000-0x000000017fffffff] persistent (type 7)
`},
		{KernelLog, &efi, `[    0.000000] efi: mem00: [Boot Code   |   |  |  |  |  |  |  |  |  |  |   |WB|WT|WC|UC] range=[0x0000000000000000-0x0000000000000fff] (0MB)
[    0.000000] efi: mem01: [type=2147483648|attr=0x0000010000000000] range=[0x0000000000001000-0x0000000000300fff] (3MB)
`},
		{EFIShell, &shell, shellTable},
		{EFIShellSFO, &shell, shellValues[:strings.Index(shellValues, "MemoryMapSummary")]},
		{E820Binary, &e820, testMapBytes},
		{JSON, &memmap.Map{Kind: memmap.EFI, Label: "efi", Lines: []int{7}, Descriptors: []memmap.EFIDescriptor{
			{Type: memmap.EFIConventional, Phys: 0x1000, Pages: 1 << 52, Virt: 0x2000, Attr: memmap.EFIWB | 1<<40}}}, `{
  "schema": "bootplan/1",
  "maps": [
    {
      "schema": "bootplan/1",
      "source": {
        "form": "json",
        "file": ""
      },
      "label": "efi",
      "kind": "efi",
      "entries": [
        {
          "start": "0x1000",
          "end": "0x10000000000001000",
          "type": "Conventional",
          "type_code": 7,
          "attributes": [
            "WB",
            "0x10000000000"
          ],
          "virtual": "0x2000",
          "line": 7
        }
      ],
      "findings": []
    }
  ]
}
`},
	} {
		var text bytes.Buffer
		if err := Write(&text, c.form, c.m); err != nil {
			t.Errorf("%s: %v", c.form, err)
		}
		if diff := cmp.Diff(c.want, text.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.form, diff)
		}
	}
}

func TestWriteRefusesWhatAFormCannotHold(t *testing.T) {
	e820 := &memmap.Map{Kind: memmap.E820, Entries: testMap}
	efi := &memmap.Map{Kind: memmap.EFI, Descriptors: shellMap}
	oem := &memmap.Map{Kind: memmap.EFI, Descriptors: []memmap.EFIDescriptor{{Type: 1 << 31}}}
	for _, c := range []struct {
		form Form
		m    *memmap.Map
	}{
		{EFIShell, e820}, {EFIShellSFO, e820}, {EFIBinary, e820}, {E820Binary, efi}, {Iomem, e820},
		{SysfsMemmap, e820}, {EFIRuntimeMap, efi}, {EFIShellSFO, oem}, {KernelLog, &memmap.Map{Kind: memmap.E820}},
	} {
		var text bytes.Buffer
		if err := Write(&text, c.form, c.m); !errors.Is(err, ErrCannotHold) || text.Len() > 0 {
			t.Errorf("%s, %v map: error %v, %d bytes", c.form, c.m.Kind, err, text.Len())
		}
	}
	for form, m := range map[Form]*memmap.Map{SysfsMemmap: efi, EFIRuntimeMap: e820, JSON: e820} {
		if _, err := Files(form, m); !errors.Is(err, ErrCannotHold) {
			t.Errorf("files of %s, %v map: error %v", form, m.Kind, err)
		}
	}
	if err := Write(&bytes.Buffer{}, "xml", e820); err == nil || errors.Is(err, ErrCannotHold) {
		t.Errorf("unknown form: %v", err)
	}
}

// wide against math/bits and against itself.
func TestWide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyAddress.Draw(t, "a"), anyAddress.Draw(t, "b")
		hi, lo := bits.Mul64(a, memmap.PageSize)
		if got := pageBytes(a); got != (wide{hi, lo}) {
			t.Fatalf("%#x pages are %v", a, got)
		}
		if n, ok := pageBytes(a).pages(); !ok || n != a {
			t.Fatalf("%#x pages are %#x", a, n)
		}
		sum := pageBytes(a).plus(wide{0, b})
		if sum.minus(wide{0, b}) != pageBytes(a) {
			t.Fatalf("%v - %#x", sum, b)
		}
		if parsed, ok := parseWide(strings.TrimPrefix(sum.String(), "0x")); !ok || parsed != sum {
			t.Fatalf("%v reads as %v", sum, parsed)
		}
	})
}
