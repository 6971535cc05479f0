package parse

import (
	"bytes"
	"fmt"
	"slices"

	"bootplan/memmap"
)

// Sniff tells the form from the first bytes of a source: all of it, or at least a
// few KiB. Text in which it finds no map is taken for a kernel log, whose map may
// follow later. The error says that the source is empty or binary data of an
// unknown kind.
func Sniff(head []byte) (Form, error) {
	if len(bytes.TrimSpace(head)) == 0 {
		return "", &Error{Reason: "empty: expected a memory map"}
	}
	if form, found := sniffText(head); found {
		return form, nil
	}
	if bytes.IndexByte(head, 0) < 0 {
		return KernelLog, nil
	}
	if b := guessBinary(head); b.share > sureShare {
		return b.form, nil
	}
	return "", &Error{Reason: "binary data that is no memory map: expected text, EFI memory descriptors or e820 entries"}
}

// sniffText looks for lines that only one form has. Kernel logs win over the
// others, because they may contain them; /proc/iomem must be most of the text.
func sniffText(head []byte) (form Form, found bool) {
	if bytes.TrimSpace(head)[0] == '{' {
		return JSON, true
	}
	resources, others := 0, 0
	for line := range bytes.Lines(head) {
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case len(line) == 0:
		case isKernelLine(line):
			return KernelLog, true
		case isIomem(line):
			resources++
		default:
			others++
		}
		if form == "" {
			form = sniffShell(line)
		}
	}
	if form == "" && resources > others {
		form = Iomem
	}
	return form, form != ""
}

func isKernelLine(line []byte) bool {
	owner, _ := e820At(line)
	_, isEFI := efiAt(line)
	return owner != "" || isEFI
}

func sniffShell(line []byte) Form {
	if _, isRow := shellAt(line); isRow || bytes.Contains(line, []byte("# Pages")) {
		return EFIShell
	}
	if _, isRow := sfoAt(line); isRow {
		return EFIShellSFO
	}
	return ""
}

// isKernelMap reports whether a map comes from kernel messages.
func isKernelMap(m memmap.Map) bool {
	return slices.Contains(e820Owners[:], m.Label) || isEFILabel(m.Label)
}

// ParseForm returns the form with this name, or an error that lists them all.
func ParseForm(name string) (Form, error) {
	if form := Form(name); slices.Contains(Forms(), form) {
		return form, nil
	}
	return "", fmt.Errorf("form %q: expected one of %v", name, Forms())
}
