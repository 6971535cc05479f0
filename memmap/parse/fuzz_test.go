package parse

import (
	"bytes"
	"errors"
	"os"
	"testing"
)

// fuzzRead reads whatever comes along. Nothing may panic, every document keeps its
// promises, and what was read can be written and reads back the same.
func fuzzRead(f *testing.F, form Form, seeds ...string) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := Read("fuzz", bytes.NewReader(data), form)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.File != "fuzz" || e.Reason == "" {
				t.Fatalf("error %#v does not say where and why", err)
			}
			return
		}
		if len(doc.Maps) == 0 {
			t.Fatal("no map and no error")
		}
		for i := range doc.Maps {
			m := &doc.Maps[i]
			if m.Len() == 0 || len(m.Entries)*len(m.Descriptors) != 0 || m.Lines != nil && len(m.Lines) != m.Len() {
				t.Fatalf("map %d: %+v", i, m)
			}
			var text bytes.Buffer
			if err := Write(&text, JSON, m); err != nil {
				t.Fatal(err)
			}
			again, err := Read("again", &text, JSON)
			if err != nil || len(again.Problems) > 0 || again.Maps[0].Len() != m.Len() {
				t.Fatalf("map %d does not read back: %v %+v", i, err, again)
			}
		}
	})
}

func seedFile(f *testing.F, name string) string {
	data, err := os.ReadFile(name)
	if err != nil {
		f.Fatal(err)
	}
	return string(data)
}

func FuzzKernelLog(f *testing.F) {
	fuzzRead(f, KernelLog, seedFile(f, "testdata/bios-q35-4g-612-memmap-add.log"),
		"EFI: mem00: type=7, attr=0xf, range=[0x0000000000000000-0x000000000009f000) (0MB)\n",
		"efi: mem00: [Boot Code   |   |  |WB|WT|WC|UC] range=[0x0000000000001000-0x30000000000001fff] (invalid)\r\n",
		"efi:   0x000040000000-0x0000411f6fff [Conventional|   |WB|  |  |  ]\n",
		" BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)\n\x1b[1mRAMDISK: 37d0b000 - 37ff0000\n")
}

func FuzzShell(f *testing.F)     { fuzzRead(f, EFIShell, shellTable) }
func FuzzShellSFO(f *testing.F)  { fuzzRead(f, EFIShellSFO, shellValues) }
func FuzzEFIBinary(f *testing.F) { fuzzRead(f, EFIBinary, string(make([]byte, 96))) }

func FuzzE820Binary(f *testing.F) { fuzzRead(f, E820Binary, testMapBytes) }

func FuzzIomem(f *testing.F) {
	fuzzRead(f, Iomem, "00001000-0009fbff : System RAM\n000a0000-000bffff : PCI Bus 0000:00\n  000a0000-000affff : Reserved\n")
}

func FuzzJSON(f *testing.F) {
	fuzzRead(f, JSON, `{"maps":[{"kind":"efi","entries":[{"start":"0x0","end":"0x1000","type":"Boot Code","attributes":["WB"],"virtual":"0x1"}]}]}`,
		`{"kind":"e820","entries":[{"start":"0x0","end":"0x10000000000000000","type":"type 20","type_code":20}]}`)
}

func FuzzSniffed(f *testing.F) {
	fuzzRead(f, "", shellTable, shellValues, testMapBytes, string(utf16LE(shellTable)), "{}", "0-1 : Reserved\n")
}
