package parse

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
)

const wbAll = memmap.EFIWB | memmap.EFIWT | memmap.EFIWC | memmap.EFIUC

// shellMap is what every form of the UEFI Shell's memmap below states.
var shellMap = []memmap.EFIDescriptor{
	{Type: memmap.EFIBootServicesCode, Phys: 0, Pages: 1, Attr: wbAll},
	{Type: memmap.EFIConventional, Phys: 0x1000, Pages: 0x9f, Attr: wbAll},
	{Type: memmap.EFIRuntimeServicesData, Phys: 0x7eaa0000, Pages: 0x102, Attr: memmap.EFIRuntime | wbAll},
	{Type: memmap.EFIMMIO, Phys: 0xffc00000, Pages: 0x400, Attr: memmap.EFIRuntime | memmap.EFIUC},
}

const shellTable = `Type       Start            End              # Pages          Attributes
BS_Code    0000000000000000-0000000000000FFF 0000000000000001 000000000000000F
Available  0000000000001000-000000000009FFFF 000000000000009F 000000000000000F
RT_Data    000000007EAA0000-000000007EBA1FFF 0000000000000102 800000000000000F
MMIO       00000000FFC00000-00000000FFFFFFFF 0000000000000400 8000000000000001
`

const shellValues = `ShellCommand,"memmap"
MemoryMap,"BootServiceCode","0","FFF","1","F"
MemoryMap,"Available","1000","9FFFF","9F","F"
MemoryMap,"RuntimeData","7EAA0000","7EBA1FFF","102","800000000000000F"
MemoryMap,"MemoryMappedIO","FFC00000","FFFFFFFF","400","8000000000000001"
MemoryMapSummary,"4096","0","4096"
`

func TestShell(t *testing.T) {
	old := strings.NewReplacer("Available ", "available ", "BS_Code", "BS_code", " 0000000000000102", "   0000000000000102").Replace(shellTable)
	console := "\x1b[2J\x1b[01;01H" + strings.ReplaceAll(shellTable, "\n", "\r\r\n")
	for name, c := range map[string]struct {
		text  string
		form  Form
		lines []int
	}{
		"table":             {shellTable, EFIShell, []int{2, 3, 4, 5}},
		"first EFI Shell":   {old, EFIShell, []int{2, 3, 4, 5}},
		"console":           {console, EFIShell, []int{2, 3, 4, 5}},
		"carriage returns":  {strings.ReplaceAll(shellTable, "\n", "\r"), EFIShell, []int{2, 3, 4, 5}},
		"quoted":            {"> " + strings.ReplaceAll(shellTable, "\n", "\n> "), EFIShell, []int{2, 3, 4, 5}},
		"values":            {shellValues, EFIShellSFO, []int{2, 3, 4, 5}},
		"UTF-16":            {string(utf16LE(shellTable)), EFIShell, []int{2, 3, 4, 5}},
		"byte order mark":   {"\xef\xbb\xbf" + shellValues, EFIShellSFO, []int{2, 3, 4, 5}},
		"behind other text": {"Shell> memmap\n" + shellTable, EFIShell, []int{3, 4, 5, 6}},
	} {
		doc, err := Read(name, strings.NewReader(c.text), "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := []memmap.Map{{Kind: memmap.EFI, Label: labelShell, Descriptors: shellMap, Lines: c.lines}}
		if diff := cmp.Diff(want, doc.Maps); diff != "" || doc.Form != c.form || len(doc.Problems) > 0 {
			t.Errorf("%s: form %s, problems %v (-want +got):\n%s", name, doc.Form, doc.Problems, diff)
		}
	}
}

func utf16LE(text string) []byte {
	b := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return b
}

// Types that only OEMs and loaders know have their number as name.
func TestShellTypeWithoutName(t *testing.T) {
	doc := readText(t, "80000001   0000000000001000-0000000000001FFF 0000000000000001 000000000000000F\n")
	if d := doc.Maps[0].Descriptors[0]; d.Type != 0x80000001 || d.Phys != 0x1000 {
		t.Errorf("%+v", d)
	}
}

func TestShellRowsThatContradictThemselves(t *testing.T) {
	for line, want := range map[string]string{
		"BS_Code    0000000000000000-0000000000001FFF 0000000000000001 000000000000000F": "log:2:1: expected an end that agrees with the start and the number of pages",
		"BS_Kode    0000000000000000-0000000000000FFF 0000000000000001 000000000000000F": "log:2:1: expected the Shell's name of an EFI memory type such as BS_Code",
		"BS_Code    0000000000000000-0000000000000FFF 00000000000":                       "log:2:57: expected start-end, number of pages and attributes in hexadecimal",
		`MemoryMap,"BootServiceCode","0","FFF","1"`:                                      `log:2:42: expected start, end, number of pages and attributes, each as in "FFF"`,
		`MemoryMap,"Boot","0","FFF","1","F"`:                                             "log:2:12: expected the Shell's name of an EFI memory type such as BootServiceCode",
	} {
		doc := readText(t, shellTable[:strings.Index(shellTable, "\n")+1]+line+"\n"+shellTable)
		if len(doc.Problems) != 1 || !strings.HasPrefix(doc.Problems[0].Error(), want) || doc.Maps[0].Len() != len(shellMap) {
			t.Errorf("%q: %v, %d entries; want %s", line, doc.Problems, doc.Maps[0].Len(), want)
		}
	}
}

// A serial capture holds the Shell's map and the kernel's; each form can be asked for.
func TestShellInsideOfAKernelLog(t *testing.T) {
	const kernel = "BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\n"
	text := strings.Repeat("firmware noise\n", 10) + shellTable + shellValues + kernel
	for form, want := range map[Form][]string{
		"":          {labelShell, labelShell, "BIOS-e820"},
		KernelLog:   {labelShell, labelShell, "BIOS-e820"},
		EFIShell:    {labelShell},
		EFIShellSFO: {labelShell},
	} {
		doc, err := Read("log", strings.NewReader(text), form)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range doc.Maps {
			got = append(got, m.Label)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("form %q: maps (-want +got):\n%s", form, diff)
		}
		if form == "" && doc.Form != KernelLog {
			t.Errorf("sniffed %s, want %s", doc.Form, KernelLog)
		}
	}
}

func TestIomem(t *testing.T) {
	const text = `00000000-00000fff : Reserved
00001000-0009fbff : System RAM
  00001000-00001fff : Reserved
000a0000-000bffff : PCI Bus 0000:00
000f0000-000fffff : Reserved
  000f0000-000fffff : System ROM
00100000-7fffffff : System RAM
  01000000-01ffffff : Kernel code
80000000-afffffff : PCI Bus 0000:00
  80000000-80000fff : Reserved
  80002000-80002fff : Reserved
    80002000-80002fff : Reserved
b0000000-bfffffff : PCI ECAM 0000 [bus 00-ff]
  b0000000-bfffffff : Reserved
    b0000000-bfffffff : pnp 00:01
bffe0000-bfffffff : RAM buffer
100000000-17fffffff : Persistent Memory (legacy)
180000000-1ffffffff : Soft Reserved
200000000-20fffffff : Unknown E820 type
`
	doc := readText(t, text)
	want := []memmap.E820Entry{
		{Addr: 0, Size: 0x1000, Type: memmap.E820Reserved},
		{Addr: 0x1000, Size: 0x9ec00, Type: memmap.E820RAM},
		{Addr: 0xf0000, Size: 0x10000, Type: memmap.E820Reserved},
		{Addr: 0x100000, Size: 0x7ff00000, Type: memmap.E820RAM},
		{Addr: 0x80000000, Size: 0x1000, Type: memmap.E820Reserved},
		{Addr: 0x80002000, Size: 0x1000, Type: memmap.E820Reserved},
		{Addr: 0xb0000000, Size: 0x10000000, Type: memmap.E820Reserved},
		{Addr: 0x100000000, Size: 0x80000000, Type: memmap.E820PRAM},
		{Addr: 0x180000000, Size: 0x80000000, Type: memmap.E820SoftReserved},
		{Addr: 0x200000000, Size: 0x10000000, Type: unknownType},
	}
	if diff := cmp.Diff(want, doc.Maps[0].Entries); diff != "" || doc.Form != Iomem {
		t.Errorf("form %s (-want +got):\n%s", doc.Form, diff)
	}
	if diff := cmp.Diff([]int{1, 2, 5, 7, 10, 11, 14, 17, 18, 19}, doc.Maps[0].Lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestIomemOfAnOrdinaryUser(t *testing.T) {
	_, err := Read("iomem", strings.NewReader("00000000-00000000 : Reserved\n00000000-00000000 : System RAM\n"), "")
	if err == nil || !strings.HasPrefix(err.Error(), "iomem: all addresses are 0") {
		t.Errorf("error %v", err)
	}
}

// testMap is an e820 map of three entries and its bytes as boot_params holds them.
var testMap = []memmap.E820Entry{
	{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM},
	{Addr: 0x9fc00, Size: 0x400, Type: memmap.E820Reserved},
	{Addr: 0x100000000, Size: 0x80000000, Type: memmap.E820PMEM},
}

const testMapBytes = "\x00\x00\x00\x00\x00\x00\x00\x00" + "\x00\xfc\x09\x00\x00\x00\x00\x00" + "\x01\x00\x00\x00" +
	"\x00\xfc\x09\x00\x00\x00\x00\x00" + "\x00\x04\x00\x00\x00\x00\x00\x00" + "\x02\x00\x00\x00" +
	"\x00\x00\x00\x00\x01\x00\x00\x00" + "\x00\x00\x00\x80\x00\x00\x00\x00" + "\x07\x00\x00\x00"

func TestE820Binary(t *testing.T) {
	doc := readText(t, testMapBytes)
	if diff := cmp.Diff(testMap, doc.Maps[0].Entries); diff != "" || doc.Form != E820Binary {
		t.Errorf("form %s (-want +got):\n%s", doc.Form, diff)
	}
	_, err := Read("table", strings.NewReader(testMapBytes[:50]), E820Binary)
	if err == nil || err.Error() != "table: expected a multiple of 20 bytes, found 50" {
		t.Errorf("error %v", err)
	}
}

// The size of descriptors is found from the content, whatever firmware adds to them.
func TestEFIBinaryWithAnyDescriptorSize(t *testing.T) {
	for stride := 40; stride <= 256; stride += 8 {
		for _, n := range []int{1, 2, 4} {
			var data []byte
			for _, d := range shellMap[:n] {
				b := make([]byte, stride)
				for i, field := range []uint64{uint64(d.Type), d.Phys, d.Virt, d.Pages, uint64(d.Attr)} {
					binary.LittleEndian.PutUint64(b[8*i:], field)
				}
				data = append(data, b...)
			}
			doc, err := Read("map", bytes.NewReader(data), "")
			if err != nil {
				t.Errorf("%d descriptors of %d bytes: %v", n, stride, err)
				continue
			}
			// One descriptor alone may be several sizes with nothing behind; the first is what it states.
			if diff := cmp.Diff(shellMap[:n], doc.Maps[0].Descriptors); doc.Form != EFIBinary || n > 1 && diff != "" {
				t.Errorf("%d descriptors of %d bytes: form %s (-want +got):\n%s", n, stride, doc.Form, diff)
			}
		}
	}
}

func TestWhatIsNoMap(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "file: empty: expected a memory map",
		" \r\n\n":                    "file: empty: expected a memory map",
		"hello\n":                    `file: no memory map found: expected lines with "BIOS-e820:"`,
		"\x7fELF\x02\x01\x01\x00abc": "file: binary data that is no memory map",
		string(make([]byte, 4800)):   "file: binary data that is no memory map",
		"{}":                         `file: no memory map found: expected an object with "maps"`,
		"{":                          "file:1: expected more JSON",
		"BIOS-e820: [mem 0x0\n":      "file:1:20: expected a dash and the end of the range",
		"BIOS-e820: [mem 0x0\nBIOS-e820: [mem 0x0": `file:1:20: expected a dash and the end of the range: "BIOS-e820: [mem 0x0" (and 1 more`,
	} {
		_, err := Read("file", strings.NewReader(text), "")
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60q:\n got %v\nwant %s", text, err, want)
		}
	}
	if _, err := Read("file", strings.NewReader("x"), "xml"); err == nil || !strings.Contains(err.Error(), `"xml" is no form`) {
		t.Errorf("unknown form: %v", err)
	}
	if _, err := Read("file", strings.NewReader("x"), SysfsMemmap); err == nil || !strings.Contains(err.Error(), "expected a directory") {
		t.Errorf("tree as a file: %v", err)
	}
}

type brokenReader struct{ io.Reader }

var errBroken = errors.New("device on fire")

func (b brokenReader) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = errBroken
	}
	return n, err
}

func TestReadErrorsAreNotTheEnd(t *testing.T) {
	for _, text := range []string{"", shellTable, strings.Repeat(shellTable, 1000), testMapBytes, "{", "0-1 : System RAM\n"} {
		if _, err := Read("file", brokenReader{strings.NewReader(text)}, ""); !errors.Is(err, errBroken) {
			t.Errorf("%.20q: error %v, want %v", text, err, errBroken)
		}
	}
}

// Long lines cost no memory; an entry in one is a problem, other text is not.
func TestLongLines(t *testing.T) {
	const entry = "BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable"
	long := strings.Repeat("x", 10*maxLine)
	doc := readText(t, long+"\n"+entry+"\n"+entry+" "+long+"\n"+long+entry+"\n"+entry)
	if doc.Maps[0].Len() != 2 || len(doc.Problems) != 1 || doc.Problems[0].Line != 3 {
		t.Errorf("%d entries, problems %v", doc.Maps[0].Len(), doc.Problems)
	}
	if diff := cmp.Diff([]int{2, 5}, doc.Maps[0].Lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestTooManyEntriesAndProblems(t *testing.T) {
	const entry = "BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\n"
	_, err := Read("log", strings.NewReader(strings.Repeat(entry, maxEntries+1)), "")
	if err == nil || err.Error() != "log:1048577: expected at most 1048576 entries" {
		t.Errorf("error %v", err)
	}
	_, err = Read("log", strings.NewReader(strings.Repeat("BIOS-e820: [mem\n", maxProblems+1)), "")
	if err == nil || !strings.Contains(err.Error(), "log:1001:") || !strings.Contains(err.Error(), "1000 unreadable entries before it") {
		t.Errorf("error %v", err)
	}
}

// The head of a log says enough to tell the form, and the map may come later.
func TestMapBehindTheHead(t *testing.T) {
	doc := readText(t, strings.Repeat("[    0.000000] noise\n", 2*maxLine/20)+shellTable)
	if doc.Form != EFIShell && doc.Form != KernelLog || doc.Maps[0].Len() != len(shellMap) {
		t.Errorf("form %s, maps %v", doc.Form, doc.Maps)
	}
}

func TestRecordedLogsInTestdata(t *testing.T) {
	for name, want := range map[string]map[string]int{
		"testdata/nxpol-shell-2g-510-nokaslr.log": {"efi-shell": 123}, // lines 28 to 150
		"testdata/bios-q35-4g-612-memmap-add.log": {"BIOS-e820": 10, "user": 10},
	} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		doc := readText(t, string(data))
		if diff := cmp.Diff(want, labelCounts(doc)); diff != "" || len(doc.Problems) > 0 {
			t.Errorf("%s: problems %v (-want +got):\n%s", name, doc.Problems, diff)
		}
	}
}
