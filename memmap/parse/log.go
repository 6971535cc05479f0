package parse

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"

	"bootplan/memmap"
)

// Limits on what one source may hold, so that no input exhausts memory.
const (
	maxEntries  = 1 << 20
	maxProblems = 1000
)

// logReader collects the maps of a text in which they stand among other lines.
type logReader struct {
	doc     *Document
	only    Form           // the form that was asked for; a kernel log holds all of them
	open    map[string]int // the map of doc that takes entries with this label
	efi     string         // the label of the next EFI entries
	index   map[string]int // the index of the last EFI entry with this label
	entries int
	boots   int
	number  int // of the current line
}

// entry is what one line states.
type entry struct {
	label string
	kind  memmap.Kind
	index int // of an EFI descriptor; -1 if it has none
	e820  memmap.E820Entry
	efi   memmap.EFIDescriptor
}

// readLog reads kernel logs and what the UEFI Shell's memmap prints, also both in
// one serial capture, with anything in front of the lines.
func readLog(doc *Document, r *bufio.Reader, only Form) error {
	l := &logReader{doc: doc, only: only, efi: labelEFI, open: map[string]int{}, index: map[string]int{}}
	text := newLines(r)
	for text.next() {
		l.number = text.number
		l.heading(text.text)
		e, found, problem := l.parse(text.text)
		if found && text.cut {
			problem = &Error{Text: excerpt(string(text.text)), Reason: fmt.Sprintf("expected a line of at most %d bytes", maxLine)}
		}
		if err := l.take(e, found, problem); err != nil {
			return err
		}
	}
	return text.err
}

func (l *logReader) wants(form Form) bool { return l.only == KernelLog || l.only == form }

// parse reads the entry that a line states; found is false where it states none.
func (l *logReader) parse(line []byte) (e entry, found bool, problem *Error) {
	for _, n := range shellNotations {
		if at, ok := n.at(line); ok && l.wants(n.form) {
			e = entry{label: labelShell, kind: memmap.EFI, index: -1}
			e.efi, problem = n.parse(&cursor{string(line), at})
			return e, true, problem
		}
	}
	if !l.wants(KernelLog) {
		return e, false, nil
	}
	return l.parseKernel(line)
}

func (l *logReader) parseKernel(line []byte) (e entry, found bool, problem *Error) {
	if owner, at := e820At(line); owner != "" {
		var gap bool
		e = entry{label: owner, kind: memmap.E820}
		e.e820, gap, problem = parseE820(&cursor{string(line), at})
		return e, !gap, problem
	}
	at, found := efiAt(line)
	if !found {
		return e, false, nil
	}
	d, problem := parseEFI(&cursor{string(line), at})
	e = entry{label: l.efi, kind: memmap.EFI, index: d.index, efi: d.EFIDescriptor}
	if d.invalid {
		e.label = labelInvalid
	}
	return e, true, problem
}

// take stores what a line states.
func (l *logReader) take(e entry, found bool, problem *Error) error {
	switch {
	case problem != nil:
		problem.Line = l.number
		return l.doc.problem(problem)
	case !found:
		return nil
	case l.entries == maxEntries:
		return &Error{File: l.doc.File, Line: l.number, Reason: fmt.Sprintf("expected at most %d entries", maxEntries)}
	}
	l.entries++
	m := l.mapFor(e)
	m.Lines = append(m.Lines, l.number)
	if e.kind == memmap.EFI {
		m.Descriptors = append(m.Descriptors, e.efi)
	} else {
		m.Entries = append(m.Entries, e.e820)
	}
	return nil
}

// mapFor returns the map to which e belongs. An index that does not rise begins a
// new one.
func (l *logReader) mapFor(e entry) *memmap.Map {
	i, isOpen := l.open[e.label]
	if last, known := l.index[e.label]; known && e.index >= 0 && e.index <= last {
		isOpen = false
	}
	if e.kind == memmap.EFI && e.index >= 0 {
		l.index[e.label] = e.index
	}
	if !isOpen {
		i = len(l.doc.Maps)
		l.open[e.label] = i
		l.doc.Maps = append(l.doc.Maps, memmap.Map{Kind: e.kind, Label: e.label})
	}
	return &l.doc.Maps[i]
}

// heading looks at the lines around the maps: those that announce a map, so that
// what follows is a new one, and those that Log keeps.
func (l *logReader) heading(line []byte) {
	switch {
	case bytes.Contains(line, []byte("physical RAM map:")):
		l.close(func(label string) bool { return !isEFILabel(label) })
	case bytes.Contains(line, []byte("Type")) && bytes.Contains(line, []byte("# Pages")),
		bytes.Contains(line, []byte(`ShellCommand,"memmap"`)):
		l.close(func(label string) bool { return label == labelShell })
	case bytes.Contains(line, []byte("efi: EFI runtime memory map:")):
		l.efi = labelRuntime
		l.close(isEFILabel)
	case bytes.Contains(line, []byte("efi: Processing EFI memory map:")):
		l.close(isEFILabel)
	default:
		l.remark(line)
	}
}

func (l *logReader) close(which func(label string) bool) {
	for label := range l.open {
		if which(label) {
			delete(l.open, label)
			delete(l.index, label)
		}
	}
}

// remark keeps what the first boot of the log says beside its maps.
func (l *logReader) remark(line []byte) {
	if release, found := after(line, "Linux version "); found {
		l.boots++
		l.efi = labelEFI
		l.close(func(label string) bool { return label != labelShell })
		if l.boots == 1 {
			l.doc.Log.Release, _, _ = strings.Cut(release, " ")
		}
	}
	if l.boots == 0 {
		l.doc.Log.Boot.read(line)
	}
	if l.boots <= 1 {
		l.doc.Log.read(line)
	}
}
