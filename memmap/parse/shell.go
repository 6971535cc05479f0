package parse

import (
	"bytes"
	"strconv"
	"strings"

	"bootplan/memmap"
)

// shellType is how the UEFI Shell's memmap names one EFI memory type: short in the
// table, long in comma-separated values.
// Source: EDK2, ShellPkg/Library/UefiShellDebug1CommandsLib/MemMap.c.
type shellType struct{ short, long string }

var shellTypes = [...]shellType{
	memmap.EFIReserved:            {"Reserved", "Reserved"},
	memmap.EFILoaderCode:          {"LoaderCode", "LoaderCode"},
	memmap.EFILoaderData:          {"LoaderData", "LoaderData"},
	memmap.EFIBootServicesCode:    {"BS_Code", "BootServiceCode"},
	memmap.EFIBootServicesData:    {"BS_Data", "BootServiceData"},
	memmap.EFIRuntimeServicesCode: {"RT_Code", "RuntimeCode"},
	memmap.EFIRuntimeServicesData: {"RT_Data", "RuntimeData"},
	memmap.EFIConventional:        {"Available", "Available"},
	memmap.EFIUnusable:            {"Unusable", "UnusableMemory"},
	memmap.EFIACPIReclaim:         {"ACPI_Recl", "ACPIReclaimMemory"},
	memmap.EFIACPINVS:             {"ACPI_NVS", "ACPIMemoryNVS"},
	memmap.EFIMMIO:                {"MMIO", "MemoryMappedIO"},
	memmap.EFIMMIOPort:            {"MMIO_Port", "MemoryMappedIOPortSpace"},
	memmap.EFIPalCode:             {"PalCode", "PalCode"},
	memmap.EFIPersistent:          {"Persistent", "Persistent"},
	memmap.EFIUnaccepted:          {"Unaccepted", "Unaccepted"},
}

// shellNotations are the two ways in which the Shell prints a map.
var shellNotations = [...]struct {
	form  Form
	at    func(line []byte) (at int, found bool)
	parse func(*cursor) (memmap.EFIDescriptor, *Error)
}{
	{EFIShell, shellAt, parseShellRow},
	{EFIShellSFO, sfoAt, parseSFORow},
}

// parseShellType reads a name in either length and any case (the first EFI Shells
// wrote "available" and "BS_code"), or the eight digits of a type without a name.
func parseShellType(name string) (memmap.EFIType, bool) {
	for t, names := range shellTypes {
		if strings.EqualFold(name, names.short) || strings.EqualFold(name, names.long) {
			return memmap.EFIType(t), true
		}
	}
	if len(name) != 8 {
		return 0, false
	}
	n, err := strconv.ParseUint(name, 16, 32)
	return memmap.EFIType(n), err == nil
}

// shellAt finds a row of the Shell's table: a name, and two addresses of 16 digits
// joined by a dash. The name begins at line[at:].
func shellAt(line []byte) (at int, found bool) {
	const digits = 16
	dash := 0
	for {
		i := bytes.IndexByte(line[dash:], '-')
		if i < 0 {
			return 0, false
		}
		dash += i + 1
		start := dash - 1 - digits
		if start <= 0 || hexDigits(line[start:]) != digits || hexDigits(line[dash:]) != digits {
			continue
		}
		name := bytes.TrimRight(line[:start], " \t")
		at = bytes.LastIndexAny(name, " \t") + 1
		if len(name) < start && at < len(name) {
			return at, beginsShellRow(string(name[at:]), line[dash+digits:])
		}
	}
}

// beginsShellRow reports whether what follows a name and a range is the Shell's. A
// row that is damaged counts, if the name is right. GRUB's lsefimmap, which has
// some names in common, prints 8 digits there.
func beginsShellRow(name string, rest []byte) bool {
	_, known := parseShellType(name)
	digits := hexDigits(bytes.TrimLeft(rest, " \t"))
	return digits == 16 || known && digits != 8
}

// parseShellRow reads a row of the table:
//
//	Available  0000000000001000-000000000009FFFF 000000000000009F 000000000000000F
func parseShellRow(c *cursor) (memmap.EFIDescriptor, *Error) {
	start := c.at
	name := strings.Fields(c.rest())[0]
	t, known := parseShellType(name)
	if !known {
		return memmap.EFIDescriptor{}, c.expected("the Shell's name of an EFI memory type such as BS_Code")
	}
	c.at += len(name)
	var numbers [4]uint64
	for i, separator := range []string{" ", "-", " ", " "} {
		ok := c.skip(separator)
		c.blanks()
		if numbers[i], ok = hexAfter(c, ok); !ok {
			return memmap.EFIDescriptor{}, c.expected("start-end, number of pages and attributes in hexadecimal")
		}
	}
	return shellDescriptor(c, start, t, numbers)
}

func hexAfter(c *cursor, ok bool) (uint64, bool) {
	if !ok {
		return 0, false
	}
	return c.hex()
}

// shellDescriptor checks that the end, which the Shell computes, agrees.
func shellDescriptor(c *cursor, at int, t memmap.EFIType, n [4]uint64) (memmap.EFIDescriptor, *Error) {
	d := memmap.EFIDescriptor{Type: t, Phys: n[0], Pages: n[2], Attr: memmap.EFIAttr(n[3])}
	if n[1] != d.Phys+d.Pages*memmap.PageSize-1 {
		c.at = at
		return d, c.expected("an end that agrees with the start and the number of pages")
	}
	return d, nil
}

var sfoRow = []byte(`MemoryMap,"`)

// sfoAt finds a row of "memmap -sfo".
func sfoAt(line []byte) (at int, found bool) {
	i := bytes.Index(line, sfoRow)
	return i, i >= 0
}

// parseSFORow reads a row of comma-separated values:
//
//	MemoryMap,"BootServiceCode","0","FFF","1","F"
func parseSFORow(c *cursor) (memmap.EFIDescriptor, *Error) {
	start := c.at
	c.skip(string(sfoRow))
	nameAt := c.at
	name, closed := c.until(`"`)
	t, known := parseShellType(name)
	if !closed || !known {
		c.at = nameAt
		return memmap.EFIDescriptor{}, c.expected("the Shell's name of an EFI memory type such as BootServiceCode")
	}
	var numbers [4]uint64
	for i := range numbers {
		ok := c.skip(`,"`)
		numbers[i], ok = hexAfter(c, ok)
		if !ok || !c.skip(`"`) {
			return memmap.EFIDescriptor{}, c.expected("start, end, number of pages and attributes, each as in \"FFF\"")
		}
	}
	return shellDescriptor(c, start, t, numbers)
}
