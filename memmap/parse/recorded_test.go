package parse

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
)

// Recorded material that is too large for the repository.
const (
	corpusDir = "../../../shared/corpus"
	bootsDir  = "../../../shared/boots"
)

func filesOf(t *testing.T, dir, pattern string) []string {
	t.Helper()
	names, _ := filepath.Glob(filepath.Join(dir, pattern))
	if len(names) == 0 {
		t.Skipf("no %s in %s: the recorded logs are not part of the repository", pattern, dir)
	}
	return names
}

func readFile(t *testing.T, name string) (*Document, error) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return Read(name, f, "")
}

// mapLines count the map lines of a log by regular expressions, which share nothing
// with the readers. Each has the label as a group, or stands for one label.
var mapLines = []struct {
	label string
	line  *regexp.Regexp
}{
	{"", regexp.MustCompile(`(?m)\b(BIOS-e820|user|modified|extended|reserve setup_data|Xen): *(?:\[mem 0x[0-9a-f]{16}-0x[0-9a-f]{16}\]|[0-9a-f]{16} - [0-9a-f]{16}) `)},
	{"efi*", regexp.MustCompile(`(?mi)efi: mem\d+: .*range=\[0x`)},
	{"efi*", regexp.MustCompile(`(?m)efi:   0x[0-9a-f]{12,}-0x[0-9a-f]{12,} \[`)},
	{"efi-shell", regexp.MustCompile(`(?m)^\w+ +[0-9A-F]{16}-[0-9A-F]{16} [0-9A-F]{16} [0-9A-F]{16}`)},
}

func countedLines(text []byte) map[string]int {
	counts := map[string]int{}
	for _, kind := range mapLines {
		for _, match := range kind.line.FindAllSubmatch(text, -1) {
			label := kind.label
			if label == "" {
				label = string(match[1])
			}
			counts[label]++
		}
	}
	return counts
}

// labelCounts adds up the entries that were read. The kernel's EFI maps, which lines
// do not tell apart, share "efi*".
func labelCounts(doc *Document) map[string]int {
	counts := map[string]int{}
	for _, m := range doc.Maps {
		label := m.Label
		if label == labelEFI || label == labelRuntime {
			label = "efi*"
		}
		counts[label] += m.Len()
	}
	return counts
}

func TestEveryMapLineOfRecordedLogsIsRead(t *testing.T) {
	logs := append(filesOf(t, bootsDir, "*.log"), filesOf(t, corpusDir, "*.txt")...)
	for _, name := range logs {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want := countedLines(text)
		doc, err := readFile(t, name)
		if len(want) == 0 {
			if err == nil {
				t.Errorf("%s: no map lines, but no error either", name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(doc.Problems) > 0 {
			t.Errorf("%s: %v", name, doc.Problems[0])
		}
		if diff := cmp.Diff(want, labelCounts(doc)); diff != "" {
			t.Errorf("%s: entries of each label (-lines +read):\n%s", name, diff)
		}
	}
}

func TestCorpusIndexAgrees(t *testing.T) {
	var index []struct {
		File        string
		RAM         uint64 `json:"ram_bytes"`
		Kernel      *string
		E820Entries int `json:"e820_entries"`
		EFIEntries  int `json:"efi_entries"`
	}
	readJSONFile(t, filesOf(t, corpusDir, "index.json")[0], &index)
	for _, want := range index {
		doc, err := readFile(t, filepath.Join(corpusDir, want.File))
		if err != nil {
			t.Errorf("%s: %v", want.File, err)
			continue
		}
		e820 := mapLabelled(doc, "BIOS-e820", "Xen")
		if e820 == nil || e820.Len() != want.E820Entries || e820.RAM().Bytes() != want.RAM {
			t.Errorf("%s: e820 map %v: want %d entries with %d bytes of RAM", want.File, e820, want.E820Entries, want.RAM)
		}
		if n := labelCounts(doc)["efi*"]; n != want.EFIEntries {
			t.Errorf("%s: %d EFI entries, want %d", want.File, n, want.EFIEntries)
		}
		if want.Kernel != nil && doc.Log.Release != *want.Kernel {
			t.Errorf("%s: release %q, want %q", want.File, doc.Log.Release, *want.Kernel)
		}
	}
}

func mapLabelled(doc *Document, labels ...string) *memmap.Map {
	for i := range doc.Maps {
		for _, label := range labels {
			if doc.Maps[i].Label == label {
				return &doc.Maps[i]
			}
		}
	}
	return nil
}

func readJSONFile(t *testing.T, name string, v any) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// recordedBoot is what another reader found in a boot's log. Ends are inclusive.
type recordedBoot struct {
	E820     []recordedEntry `json:"e820"`
	User     []recordedEntry `json:"e820_user"`
	Extended []recordedEntry `json:"e820_with_setup_data"`
	Before   []recordedEntry `json:"efi_map_before"`
	After    []recordedEntry `json:"efi_map_after"`
	AfterBy  string          `json:"efi_map_after_source"` // set where it is not from the log
	Sysfs    []recordedEntry `json:"firmware_memmap_sysfs"`
	Iomem    []string        `json:"iomem"`
	Changes  []string        `json:"e820_changes"`
	Ramdisk  struct {
		Printed []string `json:"range_printed"`
	}
	Cmdline string `json:"kernel_cmdline_seen"`
	Kernel  struct{ Version string }
}

type recordedEntry struct {
	Start, End string
	Type       string
	Attributes any // names, or a number in hexadecimal
}

var recordedE820Types = map[string]uint32{
	"usable": 1, "System RAM": 1, "reserved": 2, "device reserved": 2, "ACPI data": 3, "ACPI NVS": 4, "type 20": 20,
}

// stated is one entry in terms that no type of this package has a part in.
func (e recordedEntry) stated() string {
	kind := e.Type
	if code, found := recordedE820Types[e.Type]; found {
		kind = fmt.Sprint(code)
	}
	attributes := ""
	switch a := e.Attributes.(type) {
	case string:
		attributes = a
	case []any:
		attributes = fmt.Sprint(a...)
	}
	return fmt.Sprintf("%s-%s %s %s", e.Start, e.End, kind, attributes)
}

func stateEntries(m *memmap.Map, numeric bool) []string {
	var all []string
	for i := range m.Len() {
		if m.Kind == memmap.E820 {
			e := m.Entries[i]
			all = append(all, fmt.Sprintf("%#x-%#x %d ", e.Addr, e.Addr+e.Size-1, e.Type))
			continue
		}
		d := m.Descriptors[i]
		kind, attributes := d.Type.String(), fmt.Sprint(toAny(d.Attr.Names())...)
		if numeric {
			kind, attributes = recordedShellNames[d.Type], fmt.Sprintf("%#x", uint64(d.Attr))
		}
		all = append(all, fmt.Sprintf("%#x-%#x %s %s", d.Phys, d.Phys+d.Pages*4096-1, kind, attributes))
	}
	return all
}

var recordedShellNames = map[memmap.EFIType]string{
	0: "Reserved", 1: "LoaderCode", 2: "LoaderData", 3: "BS_Code", 4: "BS_Data", 5: "RT_Code", 6: "RT_Data",
	7: "Available", 9: "ACPI_Recl", 10: "ACPI_NVS", 11: "MMIO", 14: "Persistent",
}

func toAny(names []string) []any {
	all := make([]any, len(names))
	for i, n := range names {
		all[i] = n
	}
	return all
}

func TestRecordedBootsAgreeEntryByEntry(t *testing.T) {
	for _, name := range filesOf(t, bootsDir, "*.log") {
		var want recordedBoot
		readJSONFile(t, strings.TrimSuffix(name, ".log")+".json", &want)
		doc, err := readFile(t, name)
		if err != nil {
			continue // a log without a map, which another test accepts only if it has no map lines
		}
		if want.AfterBy != "" {
			want.After = nil
		}
		for _, c := range []struct {
			label   string
			entries []recordedEntry
		}{
			{"BIOS-e820", want.E820}, {"user", want.User}, {"reserve setup_data", want.Extended},
			{labelShell, want.Before}, {labelEFI, want.After},
		} {
			var entries, got []string
			for _, e := range c.entries {
				entries = append(entries, e.stated())
			}
			if m := mapLabelled(doc, c.label); m != nil {
				got = stateEntries(m, c.label == labelShell)
			}
			if diff := cmp.Diff(entries, got); diff != "" {
				t.Errorf("%s: map %s (-recorded +read):\n%s", name, c.label, diff)
			}
		}
		if want.Kernel.Version != "" && mapLabelled(doc, "BIOS-e820") != nil && doc.Log.Release != want.Kernel.Version {
			t.Errorf("%s: release %q, want %q", name, doc.Log.Release, want.Kernel.Version)
		}
		if want.Cmdline != "" && strings.TrimSpace(doc.Log.CommandLine) != strings.TrimSpace(want.Cmdline) {
			t.Errorf("%s: command line %q, want %q", name, doc.Log.CommandLine, want.Cmdline)
		}
		if p := want.Ramdisk.Printed; len(p) == 2 {
			first, _ := strconv.ParseUint(p[0], 0, 64)
			last, _ := strconv.ParseUint(p[1], 0, 64)
			if doc.Log.Ramdisk != (memmap.Range{Start: first, End: last + 1}) {
				t.Errorf("%s: ramdisk %v, want %v", name, doc.Log.Ramdisk, p)
			}
		}
	}
}
