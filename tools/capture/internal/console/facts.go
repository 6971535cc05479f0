package console

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"bootplan/memmap"
	"bootplan/memmap/parse"
	"bootplan/tools/capture/internal/record"
)

// log is a console in pieces.
type log struct {
	before   []string            // lines before the kernel's first
	kernel   []string            // the kernel's own, without timestamps
	sections map[string][]string // of the report, by title
	maps     *parse.Document     // nil where no map was printed
	facts    record.Facts
}

// Facts reads a console that Clean has cleaned; name is the file that errors name.
// The error tells of a memory map with lines that cannot be read.
func Facts(name string, text []byte) (*record.Facts, error) {
	l, err := split(name, text)
	if err != nil {
		return nil, err
	}
	l.facts.BootMessages = messages(l.before)
	l.memoryMaps(strings.Split(string(text), "\n"))
	l.kernelLines()
	l.report()
	return &l.facts, nil
}

// UserspaceReached reports whether the report of the initial ramdisk is complete.
func UserspaceReached(text []byte) bool { return bytes.Contains(text, []byte(reportEnd)) }

const (
	reportBegin = "=== REPORT ==="
	reportEnd   = "=== END ==="
)

func split(name string, text []byte) (*log, error) {
	l := &log{sections: map[string][]string{}}
	lines := strings.Split(string(text), "\n")
	if i := slices.Index(lines, reportBegin); i >= 0 {
		l.sections = sections(lines[i+1:])
		lines = lines[:i]
	}
	start := slices.IndexFunc(lines, func(s string) bool { return strings.Contains(s, "Linux version ") })
	if start < 0 {
		start = len(lines)
	}
	l.before = lines[:start]
	for _, line := range lines[start:] {
		l.kernel = append(l.kernel, withoutTime(line))
	}
	return l, l.readMaps(name, text)
}

// readMaps reads the memory maps of the log, of which a boot that failed early has none.
func (l *log) readMaps(name string, text []byte) error {
	doc, err := parse.Read(name, bytes.NewReader(text), parse.KernelLog)
	var none *parse.Error
	switch {
	case errors.As(err, &none) && none.Line == 0:
		return nil
	case err != nil:
		return err
	case len(doc.Problems) > 0:
		return fmt.Errorf("a line of a memory map was damaged on its way; capture again: %w", doc.Problems[0])
	}
	l.maps = doc
	return nil
}

// sections are the lines behind each "=== TITLE ===", without those of the kernel that
// came between them.
func sections(lines []string) map[string][]string {
	s, title := map[string][]string{}, ""
	for _, line := range lines {
		switch {
		case line == reportEnd:
			return s
		case strings.HasPrefix(line, "=== ") && strings.HasSuffix(line, " ==="):
			title = strings.Trim(line, "= ")
			s[title] = []string{}
		case !timestamp.MatchString(line):
			s[title] = append(s[title], line)
		}
	}
	return s
}

// timestamp begins a line of the kernel: "[    0.000000] ", with CONFIG_PRINTK_CALLER
// also "[    0.000000][    T0] ".
var timestamp = regexp.MustCompile(`^\[ *\d+\.\d{6}\](\[ *[CT]\d+\])? ?`)

func withoutTime(line string) string { return line[len(timestamp.FindString(line)):] }

// messages are the lines in which firmware, stub and decompressor say what went wrong
// or what they did.
func messages(lines []string) []string {
	told := []string{}
	for _, line := range lines {
		if slices.ContainsFunc(telling, func(words string) bool { return strings.Contains(line, words) }) {
			told = append(told, line)
		}
	}
	return told
}

// telling are words of lines that messages keeps.
var telling = []string{
	"EFI stub: ", "KASLR", "BdsDxe: failed", "error:", "ERROR", "Exception", // UEFI firmware's are "!!!! X64 Exception Type"
	"Invalid physical address", "System halted", "Decompressing Linux", "Failed to",
}

func (l *log) memoryMaps(lines []string) {
	f := &l.facts
	f.E820 = []record.E820{}
	if l.maps == nil {
		return
	}
	if bios := l.e820("BIOS-e820", lines); bios != nil {
		f.E820 = bios
	}
	f.E820WithSetupData = l.e820("reserve setup_data", lines)
	f.E820User = l.e820("user", lines)
	if m := l.mapOf("efi"); m != nil {
		f.EFIMapAfter = printed(m)
		f.LoaderData = joined(m, memmap.EFILoaderData)
		f.LoaderCode = joined(m, memmap.EFILoaderCode)
	}
	if m := l.mapOf(string(parse.EFIShell)); m != nil {
		f.EFIMapBefore = shell(m, lines)
	}
}

// mapOf is the first map with that label, nil if there is none.
func (l *log) mapOf(label string) *memmap.Map {
	i := slices.IndexFunc(l.maps.Maps, func(m memmap.Map) bool { return m.Label == label })
	if i < 0 {
		return nil
	}
	return &l.maps.Maps[i]
}

// e820 is the map with that label; the types are stated as the kernel printed them,
// which changed with 7.0.
func (l *log) e820(label string, lines []string) []record.E820 {
	m := l.mapOf(label)
	if m == nil {
		return nil
	}
	entries := make([]record.E820, len(m.Entries))
	for i, e := range m.Entries {
		_, printed, _ := strings.Cut(lines[m.Lines[i]-1], "[mem ")
		_, printed, _ = strings.Cut(printed, "] ")
		entries[i] = record.E820{Range: ends(e.Addr, e.Size), Type: strings.TrimSpace(printed)}
	}
	return entries
}

// ends states size bytes from start on; firmware may state a range that wraps.
func ends(start, size uint64) record.Range {
	return record.Range{Start: record.Hex(start), End: record.Hex(start + size - 1)}
}

func printed(m *memmap.Map) []record.EFIPrinted {
	list := make([]record.EFIPrinted, len(m.Descriptors))
	for i, d := range m.Descriptors {
		list[i] = record.EFIPrinted{
			Index: i, Type: d.Type.String(), Attributes: append([]string{}, d.Attr.Names()...),
			Range: ends(d.Phys, d.Pages*memmap.PageSize),
		}
	}
	return list
}

// shell states the UEFI Shell's map with the names of types that its lines begin with.
func shell(m *memmap.Map, lines []string) []record.EFIShell {
	list := make([]record.EFIShell, len(m.Descriptors))
	for i, d := range m.Descriptors {
		list[i] = record.EFIShell{
			Type:  strings.Fields(lines[m.Lines[i]-1])[0],
			Range: ends(d.Phys, d.Pages*memmap.PageSize),
			Pages: d.Pages, Attributes: record.Hex(d.Attr),
		}
	}
	return list
}

// joined are the ranges of one type, those that touch as one.
func joined(m *memmap.Map, t memmap.EFIType) []record.Range {
	var list []record.Range
	for _, d := range m.Descriptors {
		r := ends(d.Phys, d.Pages*memmap.PageSize)
		switch last := len(list) - 1; {
		case d.Type != t:
		case last >= 0 && list[last].End+1 == r.Start:
			list[last].End = r.End
		default:
			list = append(list, r)
		}
	}
	return list
}
