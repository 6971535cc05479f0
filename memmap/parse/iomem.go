package parse

import (
	"bufio"
	"bytes"
	"fmt"

	"bootplan/memmap"
)

// resourceNames are the words for e820 types in sysfs and /proc/iomem.
// Source: arch/x86/kernel/e820.c:e820_type_to_string (v6.12).
var resourceNames = map[string]memmap.E820Type{
	"System RAM":                 memmap.E820RAM,
	"Reserved":                   memmap.E820Reserved,
	"reserved":                   memmap.E820Reserved, // before v4.10
	"ACPI Tables":                memmap.E820ACPI,
	"ACPI Non-volatile Storage":  memmap.E820NVS,
	"Unusable memory":            memmap.E820Unusable,
	"Persistent Memory":          memmap.E820PMEM,
	"Persistent Memory (legacy)": memmap.E820PRAM,
	"Soft Reserved":              memmap.E820SoftReserved,
	unknownName:                  unknownType,
}

// What sysfs and /proc/iomem say about a type that the kernel has no name for. They
// do not state its number; 0 stands for it, which no firmware uses.
const (
	unknownName                 = "Unknown E820 type"
	unknownType memmap.E820Type = 0
)

// resource is a line of /proc/iomem.
type resource struct {
	depth       int // nesting, in spaces
	start, last uint64
	name        string
}

func parseResource(c *cursor) (r resource, err *Error) {
	c.blanks()
	r.depth = c.at
	start, ok1 := c.hex()
	dash := c.skip("-")
	last, ok2 := c.hex()
	if !ok1 || !dash || !ok2 || !c.skip(" : ") {
		return r, c.expected("a resource such as 00100000-bfffffff : System RAM")
	}
	return resource{r.depth, start, last, c.rest()}, nil
}

// isIomem reports whether a line has the shape of /proc/iomem.
func isIomem(line []byte) bool {
	_, problem := parseResource(&cursor{line: string(line)})
	return problem == nil
}

// readIomem reads the e820 entries of /proc/iomem.
func readIomem(doc *Document, r *bufio.Reader) error {
	m := iomem{Map: memmap.Map{Kind: memmap.E820, Label: string(Iomem)}, inside: -1}
	text := newLines(r)
	for text.next() {
		line := bytes.TrimRight(text.text, " \t")
		if !bytes.Contains(line, []byte(" : ")) && bytes.IndexByte(line, '-') < 0 {
			continue
		}
		res, problem := parseResource(&cursor{line: string(line)})
		if problem != nil {
			problem.Line = text.number
			if err := doc.problem(problem); err != nil {
				return err
			}
			continue
		}
		m.take(res, text.number)
		if m.Len() > maxEntries {
			return &Error{Line: text.number, Reason: fmt.Sprintf("expected at most %d entries", maxEntries)}
		}
	}
	if m.Len() == 0 {
		return text.err
	}
	if !m.visible {
		return &Error{Reason: "all addresses are 0, because the kernel hides them from ordinary users: read /proc/iomem as root"}
	}
	doc.Maps = append(doc.Maps, m.Map)
	return text.err
}

// iomem is the map that the lines so far make.
type iomem struct {
	memmap.Map
	inside  int  // the depth of the e820 entry that encloses the next line, or -1
	visible bool // an address other than 0 has been seen
}

// take adds a resource that carries the name of an e820 type, at the top or inside
// of a resource that is no e820 entry, as reserved memory inside of a PCI window.
// What lies inside of an e820 entry is the kernel's own.
func (m *iomem) take(res resource, line int) {
	m.visible = m.visible || res.last != 0
	if m.inside >= 0 && res.depth > m.inside {
		return
	}
	m.inside = -1
	t, isE820 := resourceNames[res.name]
	if !isE820 {
		return
	}
	m.inside = res.depth
	m.Entries = append(m.Entries, memmap.E820Entry{Addr: res.start, Size: res.last - res.start + 1, Type: t})
	m.Lines = append(m.Lines, line)
}
