package memmap

import (
	"fmt"

	"bootplan/linux"
)

// Lines states the table as the kernel prints it, each line beginning with who, such
// as "BIOS-e820": "BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable".
// Kernels since 7.2 print the gaps too.
// Source: arch/x86/kernel/e820.c:e820__print_table (v6.12); 7.2 from recorded logs.
func (t *E820Table) Lines(who string) []string {
	var lines []string
	var end uint64
	for _, e := range t.entries {
		if t.Version >= linux.V7_2 && e.Addr > end {
			lines = append(lines, fmt.Sprintf("%s: [gap 0x%016x-0x%016x]", who, end, e.Addr-1))
		}
		end = e.Addr + e.Size
		lines = append(lines, fmt.Sprintf("%s: [mem 0x%016x-0x%016x] %s", who, e.Addr, end-1, t.column(e.Type)))
	}
	return lines
}

// column is how a table line names a type; the names of 7.2 bring a space along.
func (t *E820Table) column(typ E820Type) string {
	if t.Version >= linux.V7_2 {
		return " " + t.name(typ)
	}
	return t.name(typ)
}

// name is how the table's version names a type.
// Source: arch/x86/kernel/e820.c:e820_print_type (v6.12); 7.2 from recorded logs.
func (t *E820Table) name(typ E820Type) string {
	switch {
	case t.Version < linux.V7_2:
	case typ == E820RAM:
		return "System RAM"
	case typ == E820Reserved:
		return "device reserved"
	}
	return typ.String()
}

// print logs a heading and the table.
func (t *E820Table) print(heading, who string) {
	if t.Log == nil {
		return
	}
	t.Log(heading)
	for _, line := range t.Lines(who) {
		t.Log(line)
	}
}

func (t *E820Table) logDropped(start, size uint64) {
	if t.Log != nil {
		t.Log(fmt.Sprintf("too many entries; ignoring [mem 0x%08x-0x%08x]", start, start+size-1))
	}
}

func (t *E820Table) logUpdate(start, end uint64, from, to E820Type) {
	if t.Log != nil {
		t.Log(fmt.Sprintf("e820: update [mem 0x%08x-0x%08x] %s ==> %s", start, end-1, t.name(from), t.name(to)))
	}
}

func (t *E820Table) logRemove(start, end uint64, typ E820Type, checkType bool) {
	if t.Log == nil {
		return
	}
	line := fmt.Sprintf("e820: remove [mem 0x%08x-0x%08x] ", start, end-1)
	if checkType {
		line += t.name(typ)
	}
	t.Log(line)
}
