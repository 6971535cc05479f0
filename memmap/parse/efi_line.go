package parse

import (
	"bytes"
	"strconv"
	"strings"

	"bootplan/memmap"
)

// efiNames are the words for EFI memory types in kernel logs before they were
// shortened to the ones of memmap.EFIType.String.
// Source: drivers/firmware/efi/efi.c:memory_type_name (v3.17 to v6.1).
var efiNames = map[string]memmap.EFIType{
	"Conventional Memory": memmap.EFIConventional,
	"Unusable Memory":     memmap.EFIUnusable,
	"ACPI Reclaim Memory": memmap.EFIACPIReclaim,
	"ACPI Memory NVS":     memmap.EFIACPINVS,
	"Memory Mapped I/O":   memmap.EFIMMIO,
	"MMIO Port Space":     memmap.EFIMMIOPort,
	"Persistent Memory":   memmap.EFIPersistent,
}

// efiLine is one descriptor as a kernel log states it.
type efiLine struct {
	memmap.EFIDescriptor
	index   int  // -1 where the notation has none
	invalid bool // the kernel says that it drops the descriptor
}

// efiAt finds an EFI descriptor behind whatever stands in front of it: "mem" and
// its index on x86, the range itself elsewhere, at line[at:]. Other lines of the
// EFI code ("efi: memattr:", "efi: Remove mem30:") are none.
func efiAt(line []byte) (at int, found bool) {
	for _, prefix := range []string{"efi: ", "EFI: "} {
		i := bytes.Index(line, []byte(prefix))
		if i < 0 {
			continue
		}
		rest := bytes.TrimLeft(line[i+len(prefix):], " ")
		number, isMem := bytes.CutPrefix(rest, []byte("mem"))
		if isMem && len(number) > 0 && isDigit(number[0]) || bytes.HasPrefix(rest, []byte("0x")) && bytes.IndexByte(rest, '[') > 0 {
			return len(line) - len(rest), true
		}
	}
	return 0, false
}

// parseEFI reads a descriptor in one of these notations, with any set of attribute
// columns; ends closed by ")" are exclusive, ends closed by "]" inclusive:
//
//	mem00: type=7, attr=0xf, range=[0x0000000000000000-0x000000000009f000) (0MB)
//	mem00: [Boot Code   |   |  |WB|WT|WC|UC] range=[0x0000000000000000-0x0000000000000fff] (0MB)
//	mem00: [Reserved    |attr=0x8000000000000000] range=[…] (invalid)
//	0x000040000000-0x0000411f6fff [Conventional|   |WB|  |  |  ]
//
// Source: arch/x86/platform/efi/efi.c:efi_print_memmap, efi_memmap_entry_valid;
// drivers/firmware/efi/efi.c:efi_md_typeattr_format; efi-init.c:reserve_regions (v6.12).
func parseEFI(c *cursor) (efiLine, *Error) {
	if !c.skip("mem") {
		return parseEFIRangeFirst(c)
	}
	d := efiLine{}
	index, ok := c.decimal()
	if !ok || !c.skip(": ") {
		return d, c.expected("an index and a colon, as in mem00:")
	}
	d.index = int(index)
	var err *Error
	if c.skip("type=") {
		err = d.parseNumbers(c)
	} else {
		err = d.parseColumns(c, " range=[")
	}
	if err == nil {
		err = d.parseRange(c)
	}
	return d, err
}

func parseEFIRangeFirst(c *cursor) (efiLine, *Error) {
	d := efiLine{index: -1}
	start, ok1 := c.hex()
	dash := c.skip("-")
	end, ok2 := c.hex()
	if !ok1 || !dash || !ok2 || !c.skip(" ") {
		return d, c.expected("a range such as 0x000040000000-0x0000411f6fff")
	}
	if err := d.parseColumns(c, "]"); err != nil {
		return d, err
	}
	return d, d.setRange(c, start, end+1-start)
}

// parseNumbers reads "7, attr=0xf, range=[" behind "type=".
func (d *efiLine) parseNumbers(c *cursor) *Error {
	t, ok := c.decimal()
	if !ok || t > 1<<32-1 || !c.skip(", attr=") {
		return c.expected("the number of an EFI memory type and its attr=")
	}
	attr, ok := c.hex()
	if !ok || !c.skip(", range=[") {
		return c.expected("the attributes as a hexadecimal number and a range=[")
	}
	d.Type, d.Attr = memmap.EFIType(t), memmap.EFIAttr(attr)
	return nil
}

// parseColumns reads "[Boot Code   |   |…|UC]" and what follows up to stop. The
// closing bracket is missing where the kernel's buffer is too short for it.
func (d *efiLine) parseColumns(c *cursor, stop string) *Error {
	if !c.skip("[") {
		return c.expected("[ and an EFI memory type")
	}
	start := c.at
	text, found := c.until(stop)
	if !found {
		return c.expected("the columns of the attributes and" + stop)
	}
	name, columns, found := strings.Cut(strings.TrimSuffix(text, "]"), "|")
	t, known := parseEFIType(strings.TrimSpace(name))
	if !known {
		c.at = start
		return c.expected("an EFI memory type such as Boot Data or type=20")
	}
	attr, known := parseEFIColumns(columns)
	if !found || !known {
		c.at = start + len(name)
		return c.expected("columns of attributes such as |RUN|WB|WT|WC|UC, or |attr=0xf")
	}
	d.Type, d.Attr = t, attr
	return nil
}

func parseEFIType(name string) (memmap.EFIType, bool) {
	if t, found := efiNames[name]; found {
		return t, true
	}
	for t := memmap.EFIReserved; t <= memmap.EFIUnaccepted; t++ {
		if t.String() == name {
			return t, true
		}
	}
	for _, prefix := range []string{"type=", "type "} {
		if digits, found := strings.CutPrefix(name, prefix); found {
			n, err := strconv.ParseUint(digits, 10, 32)
			return memmap.EFIType(n), err == nil
		}
	}
	return 0, false
}

func parseEFIColumns(columns string) (memmap.EFIAttr, bool) {
	if word, found := strings.CutPrefix(columns, "attr=0x"); found {
		n, err := strconv.ParseUint(word, 16, 64)
		return memmap.EFIAttr(n), err == nil
	}
	var attr memmap.EFIAttr
	for column := range strings.SplitSeq(columns, "|") {
		name := strings.TrimSpace(column)
		bit, known := memmap.ParseEFIAttr(name)
		if !known && name != "" {
			return 0, false
		}
		attr |= bit
	}
	return attr, true
}

// parseRange reads "0x…-0x…] (15MB)" behind "range=[". The kernel prints ends
// modulo 2^64; the size in MiB, or more than 16 digits in a descriptor that it
// drops, show the upper bits of the page count.
func (d *efiLine) parseRange(c *cursor) *Error {
	start, ok := c.hex()
	if !ok || !c.skip("-0x") {
		return c.expected("a range such as [0x0000000000000000-0x000000000009ffff]")
	}
	digits := c.rest()[:hexDigits(c.rest())]
	end, ok := parseWide(digits)
	if !ok || digits == "" {
		return c.expected("the end of the range as a hexadecimal number")
	}
	c.at += len(digits)
	size := end.lo - start
	if !c.skip(")") {
		if !c.skip("]") {
			return c.expected("] or ) after the range")
		}
		size++
	}
	d.invalid = c.skip(" (invalid)")
	if (d.invalid && end == wide{}) {
		size = 0 // a descriptor without pages has its end printed as 0
	}
	if err := d.setRange(c, start, size); err != nil {
		return err
	}
	if d.invalid {
		d.Pages |= d.upperPages(end) << 52
	} else if c.skip(" (") {
		d.addUpperPages(c)
	}
	return nil
}

func (d *efiLine) setRange(c *cursor, start, size uint64) *Error {
	if size%memmap.PageSize != 0 {
		return c.expected("a range of whole pages of 4096 bytes")
	}
	d.Phys, d.Pages = start, size/memmap.PageSize
	return nil
}

// upperPages undoes how the kernel makes the upper digits of an end.
// Source: arch/x86/platform/efi/efi.c:efi_memmap_entry_valid (v6.12).
func (d *efiLine) upperPages(end wide) uint64 {
	const highBit = 1 << 63
	if d.Phys&highBit != 0 && end.lo&highBit == 0 && end.hi > 0 {
		return end.hi - 1
	}
	return end.hi
}

// addUpperPages takes the upper bits of the page count from "15MB)", if the lower
// bits agree.
func (d *efiLine) addUpperPages(c *cursor) {
	mib, ok := c.decimal()
	if ok && c.skip("MB)") && mib<<20>>20 == d.Pages>>8 {
		d.Pages |= mib >> 44 << 52
	}
}
