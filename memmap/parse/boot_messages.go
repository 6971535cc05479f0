package parse

import (
	"bytes"
	"slices"
	"strings"
)

// BootMessages is what the code that runs before the kernel prints on a console: the
// EFI stub and the bare-metal decompressor. Each list is in the order of the log.
type BootMessages struct {
	Stub         []string    // what follows "EFI stub: "
	Decompressor []string    // whole lines: warnings, and what randomness comes from
	Values       []BootValue // what kernels built with CONFIG_X86_VERBOSE_BOOTUP tell of their addresses
}

// BootValue is one address or size that the decompressor prints.
type BootValue struct {
	Name  string // "input_data", "output_len" …
	Value uint64
}

// Value returns the value called name; ok is false if none was printed.
func (m *BootMessages) Value(name string) (value uint64, ok bool) {
	i := slices.IndexFunc(m.Values, func(v BootValue) bool { return v.Name == name })
	if i < 0 {
		return 0, false
	}
	return m.Values[i].Value, true
}

// decompressorWords are how the decompressor's own lines begin.
// Source: arch/x86/boot/compressed/kaslr.c, misc.c, acpi.c, arch/x86/lib/kaslr.c (v6.12).
var decompressorWords = []string{
	"KASLR disabled:",
	"Physical KASLR",
	"Virtual KASLR",
	"Invalid physical address chosen!",
	"Repeatedly set hugeTLB page size",
	"Aborted memory entries scan",
	"Aborted e820/efi memmap scan",
	"acpi_rsdp= value too long",
	"Destination ",
}

// decompressorValues are the values it prints, by the words before ": 0x".
// Source: arch/x86/boot/compressed/misc.c:extract_kernel (v6.12).
var decompressorValues = map[string]string{
	"input_data": "input_data", "input_len": "input_len", "output": "output", "output_len": "output_len",
	"kernel_total_size": "kernel_total_size", "needed_size": "needed_size", "trampoline_32bit": "trampoline_32bit",
	"Booting the kernel (entry_offset": "entry_offset",
}

// read keeps line if the stub or the decompressor printed it.
func (m *BootMessages) read(line []byte) {
	if text, found := after(line, "EFI stub: "); found {
		m.Stub = append(m.Stub, strings.TrimSpace(text))
		return
	}
	line = bytes.TrimSpace(line)
	for _, words := range decompressorWords {
		if bytes.HasPrefix(line, []byte(words)) {
			m.Decompressor = append(m.Decompressor, string(line))
			return
		}
	}
	words, digits, found := bytes.Cut(line, []byte(": 0x"))
	name, known := decompressorValues[string(words)]
	if !found || !known {
		return
	}
	c := cursor{line: string(digits)}
	if value, ok := c.hex(); ok {
		m.Values = append(m.Values, BootValue{name, value})
	}
}
