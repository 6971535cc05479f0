package parse

import (
	"fmt"
	"strings"

	"bootplan/memmap"
)

// Form names the way in which a map is written down.
type Form string

// The forms of a memory map.
const (
	KernelLog     Form = "kernel-log"      // e820 and EFI maps as Linux prints them
	EFIShell      Form = "efi-shell"       // the table of the UEFI Shell's memmap
	EFIShellSFO   Form = "efi-shell-sfo"   // the same as comma-separated values: memmap -sfo
	SysfsMemmap   Form = "sysfs-memmap"    // a /sys/firmware/memmap tree
	EFIRuntimeMap Form = "efi-runtime-map" // a /sys/firmware/efi/runtime-map tree
	Iomem         Form = "iomem"           // /proc/iomem
	EFIBinary     Form = "efi-binary"      // an array of EFI_MEMORY_DESCRIPTOR
	E820Binary    Form = "e820-binary"     // an array of struct boot_e820_entry
	JSON          Form = "json"            // what "bootplan map show --json" prints
)

// Forms lists every form.
func Forms() []Form {
	return []Form{KernelLog, EFIShell, EFIShellSFO, SysfsMemmap, EFIRuntimeMap, Iomem, EFIBinary, E820Binary, JSON}
}

// IsTree reports whether a map in this form is a directory and not a file.
func (f Form) IsTree() bool { return f == SysfsMemmap || f == EFIRuntimeMap }

// Labels of EFI maps in logs. An e820 map has the name that the kernel prints
// before its entries as label: "BIOS-e820", "user", "modified", "extended",
// "reserve setup_data", "Xen". A map in another form has the form as label; JSON
// states labels itself.
const (
	labelEFI     = "efi"         // the map at ExitBootServices
	labelRuntime = "efi-runtime" // what remains of it for runtime services
	labelInvalid = "efi-invalid" // descriptors that the kernel refused
	labelShell   = "efi-shell"   // the map while firmware was still in charge
)

func isEFILabel(label string) bool {
	return label == labelEFI || label == labelRuntime || label == labelInvalid
}

// Document is what one source says.
type Document struct {
	Form     Form
	File     string
	Maps     []memmap.Map // at least one, none of them empty, in the order of the source
	Problems []*Error     // entries that could not be read, in the order of the source
	Log      Log
}

// Error says what could not be read, where, and why.
type Error struct {
	File         string
	Line, Column int    // from 1; 0 where the source has none. Columns count bytes.
	Text         string // the offending text, may be empty
	Reason       string // what was expected
}

// Error is "file:line:column: reason: text", without the parts that are missing.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	if e.Line > 0 && e.Column > 0 {
		fmt.Fprintf(&b, ":%d", e.Column)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(e.Reason)
	if e.Text != "" {
		fmt.Fprintf(&b, ": %q", e.Text)
	}
	return b.String()
}

// problem notes an entry that could not be read. It fails when there are so many
// of them that the source can't be what it was taken for.
func (d *Document) problem(p *Error) error {
	if p.File == "" {
		p.File = d.File
	}
	if len(d.Problems) == maxProblems {
		return fmt.Errorf("%w (and %d unreadable entries before it)", p, maxProblems)
	}
	d.Problems = append(d.Problems, p)
	return nil
}
