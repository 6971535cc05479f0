package parse

import (
	"fmt"
	"io"

	"bootplan/memmap"
)

// stamp is what kernels print before the messages of early boot.
const stamp = "[    0.000000] "

// e820Headings are the lines with which kernels announce their e820 tables.
var e820Headings = map[string]string{
	"BIOS-e820":          "BIOS-provided physical RAM map:",
	"user":               "user-defined physical RAM map:",
	"modified":           "modified physical RAM map:",
	"extended":           "extended physical RAM map:",
	"reserve setup_data": "extended physical RAM map:",
}

// writeLog writes m as Linux 6.12 prints it.
func writeLog(w io.Writer, m *memmap.Map) {
	if m.Kind == memmap.EFI {
		writeEFILog(w, m)
		return
	}
	owner := m.Label
	if e820Headings[owner] == "" {
		owner = "BIOS-e820"
	}
	fmt.Fprintf(w, "%s%s\n", stamp, e820Headings[owner])
	for _, e := range m.Entries {
		fmt.Fprintf(w, "%s%s: [mem 0x%016x-0x%016x] %v\n", stamp, owner, e.Addr, e.Addr+e.Size-1, e.Type)
	}
}

func writeEFILog(w io.Writer, m *memmap.Map) {
	if m.Label == labelRuntime {
		fmt.Fprintf(w, "%sefi: EFI runtime memory map:\n", stamp)
	}
	for i, d := range m.Descriptors {
		fmt.Fprintf(w, "%s%s\n", stamp, d.LogLine(i))
	}
}
