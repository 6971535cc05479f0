package parse

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"

	"bootplan/memmap"
)

// ErrCannotHold is the reason why a map is not written: the form has no room for
// its kind, or for one of its entries.
var ErrCannotHold = errors.New("cannot hold this map")

func cannotHold(form Form, why string) error {
	return fmt.Errorf("%s %w: %s", form, ErrCannotHold, why)
}

// Kind returns the kind of map that form holds; 0 if it holds both.
func (f Form) Kind() memmap.Kind {
	switch f {
	case EFIShell, EFIShellSFO, EFIRuntimeMap, EFIBinary:
		return memmap.EFI
	case SysfsMemmap, Iomem, E820Binary:
		return memmap.E820
	}
	return 0
}

// Write writes m in the given form. What reads back is m, except for what the form
// cannot say: source lines; labels, outside of kernel logs and JSON; virtual
// addresses, outside of binary maps, runtime maps and JSON; and in kernel logs the
// difference between e820 RAM and RAM with setup_data, both of which are "usable".
//
// It returns ErrCannotHold where the form has no room for m, and writes nothing
// then: trees (see Files), /proc/iomem, an empty map, the wrong kind, a type
// without a name in comma-separated values.
func Write(w io.Writer, form Form, m *memmap.Map) error {
	if err := checkWritable(form, m); err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	switch form {
	case KernelLog:
		writeLog(b, m)
	case EFIShell:
		writeShell(b, m)
	case EFIShellSFO:
		writeSFO(b, m)
	case EFIBinary:
		writeEFIBinary(b, m)
	case E820Binary:
		writeE820Binary(b, m)
	case JSON:
		if err := writeJSON(b, m); err != nil {
			return err
		}
	}
	return b.Flush()
}

func checkWritable(form Form, m *memmap.Map) error {
	if _, err := ParseForm(string(form)); err != nil {
		return err
	}
	switch kind := form.Kind(); {
	case form.IsTree():
		return cannotHold(form, "it is a tree of files")
	case form == Iomem:
		return cannotHold(form, "the kernel makes it from a map; choose the form of a map")
	case kind != 0 && kind != m.Kind:
		return cannotHold(form, fmt.Sprintf("it is for %s maps", kind))
	case m.Len() == 0:
		return cannotHold(form, "the map has no entries")
	case form == EFIShellSFO:
		for i, d := range m.Descriptors {
			if int(d.Type) >= len(shellTypes) {
				return cannotHold(form, fmt.Sprintf("entry %d has %v, for which the Shell has no name", i, d.Type))
			}
		}
	}
	return nil
}

// writeShell writes the table of the UEFI Shell.
func writeShell(w io.Writer, m *memmap.Map) {
	fmt.Fprint(w, "Type       Start            End              # Pages          Attributes\n")
	for _, d := range m.Descriptors {
		name := fmt.Sprintf("%08x", uint32(d.Type))
		if int(d.Type) < len(shellTypes) {
			name = shellTypes[d.Type].short
		}
		fmt.Fprintf(w, "%-10s %016X-%016X %016X %016X\n", name, d.Phys, shellEnd(d), d.Pages, uint64(d.Attr))
	}
}

// writeSFO writes comma-separated values as the UEFI Shell does.
func writeSFO(w io.Writer, m *memmap.Map) {
	fmt.Fprint(w, "ShellCommand,\"memmap\"\n")
	for _, d := range m.Descriptors {
		fmt.Fprintf(w, "MemoryMap,\"%s\",\"%X\",\"%X\",\"%X\",\"%X\"\n",
			shellTypes[d.Type].long, d.Phys, shellEnd(d), d.Pages, uint64(d.Attr))
	}
}

// shellEnd is the last byte of d, which wraps around as in the Shell.
func shellEnd(d memmap.EFIDescriptor) uint64 { return d.Phys + d.Pages*memmap.PageSize - 1 }

// writeEFIBinary writes descriptors of the size that EDK2 uses.
func writeEFIBinary(w io.Writer, m *memmap.Map) {
	for _, d := range m.Descriptors {
		b := make([]byte, 0, efiUsual)
		for _, field := range []uint64{uint64(d.Type), d.Phys, d.Virt, d.Pages, uint64(d.Attr)} {
			b = binary.LittleEndian.AppendUint64(b, field)
		}
		_, _ = w.Write(b[:efiUsual]) // w keeps its first error
	}
}

func writeE820Binary(w io.Writer, m *memmap.Map) {
	for _, e := range m.Entries {
		b := binary.LittleEndian.AppendUint64(make([]byte, 0, e820Stride), e.Addr)
		b = binary.LittleEndian.AppendUint64(b, e.Size)
		_, _ = w.Write(binary.LittleEndian.AppendUint32(b, uint32(e.Type)))
	}
}

// Files returns the files of a tree, by their path below its directory. It returns
// ErrCannotHold for forms that are no tree, an empty map or one of the wrong kind.
// A sysfs-memmap tree has one word for all e820 types without a name, and none for
// RAM with setup_data.
func Files(form Form, m *memmap.Map) (map[string]string, error) {
	switch {
	case !form.IsTree():
		return nil, cannotHold(form, "it is no tree of files")
	case form.Kind() != m.Kind:
		return nil, cannotHold(form, fmt.Sprintf("it is for %s maps", form.Kind()))
	case m.Len() == 0:
		return nil, cannotHold(form, "the map has no entries")
	}
	files := map[string]string{}
	for i := range m.Len() {
		put := func(name, text string) { files[strconv.Itoa(i)+"/"+name] = text + "\n" }
		if form == SysfsMemmap {
			e := m.Entries[i]
			put("start", hexString(e.Addr))
			put("end", hexString(e.Addr+e.Size-1))
			put("type", resourceName(e.Type))
			continue
		}
		d := m.Descriptors[i]
		put("type", hexString(uint64(d.Type)))
		put("phys_addr", hexString(d.Phys))
		put("virt_addr", hexString(d.Virt))
		put("num_pages", hexString(d.Pages))
		put("attribute", hexString(uint64(d.Attr)))
	}
	return files, nil
}

// resourceName is the word for t in sysfs.
// Source: arch/x86/kernel/e820.c:e820_type_to_string (v6.12).
func resourceName(t memmap.E820Type) string {
	switch t {
	case memmap.E820RAM, memmap.E820ReservedKern:
		return "System RAM"
	case memmap.E820Reserved:
		return "Reserved"
	case memmap.E820ACPI:
		return "ACPI Tables"
	case memmap.E820NVS:
		return "ACPI Non-volatile Storage"
	case memmap.E820Unusable:
		return "Unusable memory"
	case memmap.E820PMEM:
		return "Persistent Memory"
	case memmap.E820PRAM:
		return "Persistent Memory (legacy)"
	case memmap.E820SoftReserved:
		return "Soft Reserved"
	}
	return unknownName
}
