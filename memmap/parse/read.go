package parse

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Read reads the maps of r in the given form, or in the form that Sniff finds if
// form is "". The file is named in errors only.
//
// Entries that could not be read are problems of the document. The error is an
// *Error where r holds no map that could be read, and wraps the error of r where
// that failed. The memory needed is proportional to the maps, not to what stands
// around them, except for JSON, which may have 64 MiB.
func Read(file string, r io.Reader, form Form) (*Document, error) {
	if form.IsTree() {
		return nil, &Error{File: file, Reason: fmt.Sprintf("expected a directory: %s is a tree of files", form)}
	}
	if form != "" && !slices.Contains(Forms(), form) {
		return nil, &Error{File: file, Reason: fmt.Sprintf("%q is no form: expected one of %v", form, Forms())}
	}
	text := decoded(bufio.NewReaderSize(r, maxLine))
	head, err := text.Peek(maxLine)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	sniffed := form == ""
	if sniffed {
		if form, err = Sniff(head); err != nil {
			return nil, inFile(err, file)
		}
	}
	doc := &Document{Form: form, File: file}
	if err := readForm(doc, text, sniffed); err != nil {
		return nil, inFile(err, file)
	}
	return doc, doc.check()
}

// ReadLog reads a kernel log or a serial capture that need not hold a map: a boot may
// have ended before the kernel printed one. Otherwise it does what Read does.
func ReadLog(file string, r io.Reader) (*Document, error) {
	doc := &Document{Form: KernelLog, File: file}
	if err := readLog(doc, decoded(bufio.NewReaderSize(r, maxLine)), KernelLog); err != nil {
		return nil, inFile(err, file)
	}
	return doc, nil
}

// readForm calls the reader of doc.Form.
func readForm(doc *Document, r *bufio.Reader, sniffed bool) error {
	switch doc.Form {
	case JSON:
		return readJSON(doc, r)
	case Iomem:
		return readIomem(doc, r)
	case EFIBinary, E820Binary:
		return readBinary(doc, r)
	}
	if !sniffed {
		return readLog(doc, r, doc.Form)
	}
	// The head of a log need not show all that is in it.
	err := readLog(doc, r, KernelLog)
	if slices.ContainsFunc(doc.Maps, isKernelMap) {
		doc.Form = KernelLog
	}
	return err
}

// check reports a document without a map as an error.
func (d *Document) check() error {
	switch {
	case len(d.Maps) > 0:
		return nil
	case len(d.Problems) == 1:
		return d.Problems[0]
	case len(d.Problems) > 1:
		return fmt.Errorf("%w (and %d more unreadable entries)", d.Problems[0], len(d.Problems)-1)
	}
	return &Error{File: d.File, Reason: "no memory map found: expected " + hints[d.Form]}
}

// hints say what a map looks like in each form.
var hints = map[Form]string{
	KernelLog:     `lines with "BIOS-e820:" or "efi: mem00:" (the latter need efi=debug on the kernel's command line), or what the UEFI Shell's memmap prints`,
	EFIShell:      `the UEFI Shell's table of Type, Start, End, # Pages and Attributes`,
	EFIShellSFO:   `lines that begin with MemoryMap, as "memmap -sfo" prints them`,
	SysfsMemmap:   `directories 0, 1, 2 … with the files start, end and type`,
	EFIRuntimeMap: `directories 0, 1, 2 … with the files type, phys_addr, virt_addr, num_pages and attribute`,
	Iomem:         `lines such as "00100000-bfffffff : System RAM"`,
	EFIBinary:     `an array of EFI_MEMORY_DESCRIPTOR`,
	E820Binary:    `20 bytes for each entry`,
	JSON:          `an object with "maps" that have "kind" and "entries"`,
}

// inFile names the file in an error that knows its place only.
func inFile(err error, file string) error {
	var e *Error
	if errors.As(err, &e) {
		if e.File == "" {
			e.File = file
		}
		return err
	}
	return fmt.Errorf("%s: %w", file, err)
}
