package console

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"bootplan/tools/capture/internal/record"
)

// kernelLines keeps what the kernel said beside its maps.
func (l *log) kernelLines() {
	f := &l.facts
	f.E820Changes = keep(l.kernel, func(line string) bool {
		return strings.HasPrefix(line, "e820: update [") || strings.HasPrefix(line, "e820: remove [")
	})
	f.KASLR.Messages = keep(slices.Concat(l.before, l.kernel), func(line string) bool {
		return strings.Contains(line, "KASLR")
	})
	f.SRAT = keep(l.kernel, func(line string) bool { return strings.HasPrefix(line, "ACPI: SRAT: Node") })
	f.EFITables = efiTables(l.kernel)
	f.MemblockReserve = memblockCalls(l.kernel)
	f.MemblockDump = memblockDump(l.kernel)
	f.Ramdisk = l.ramdisk()
}

// keep are the lines that wanted accepts; the list is never nil.
func keep(lines []string, wanted func(string) bool) []string {
	kept := []string{}
	for _, line := range lines {
		if wanted(line) {
			kept = append(kept, line)
		}
	}
	return kept
}

// efiTables is what stands behind "efi: " in the line with the tables' addresses.
func efiTables(lines []string) string {
	for _, line := range lines {
		if tables, found := strings.CutPrefix(line, "efi: "); found && strings.Contains(tables, "=0x") {
			return strings.TrimSpace(tables)
		}
	}
	return ""
}

// memblockCalls reads the lines that memblock=debug prints for reservations:
//
//	memblock_reserve: [0x0000000038e00000-0x0000000038e10fff] setup_arch+0x792/0xd40
//
// Between range and caller 7.2 prints node and flags.
func memblockCalls(lines []string) []record.MemblockCall {
	var calls []record.MemblockCall
	for _, line := range lines {
		_, rest, found := strings.Cut(line, "memblock_reserve: ")
		if !found {
			continue
		}
		if r, ok := inclusive(rest); ok {
			words := strings.Fields(rest)
			calls = append(calls, record.MemblockCall{Range: r, Caller: words[len(words)-1]})
		}
	}
	return calls
}

// memblockDump are the regions of every dump, in order.
func memblockDump(lines []string) []string {
	var dump []string
	for _, line := range lines {
		if strings.HasPrefix(line, " memory[0x") || strings.HasPrefix(line, " reserved[0x") {
			dump = append(dump, strings.ReplaceAll(line[1:], "\t", " "))
		}
	}
	return dump
}

// ramdisk is where the kernel found the initial ramdisk, nil if it had none.
func (l *log) ramdisk() *record.Ramdisk {
	printed, found := l.rangeBehind("RAMDISK: ")
	if !found {
		return nil
	}
	r := &record.Ramdisk{Printed: record.Ends{printed.Start, printed.End}}
	for _, line := range l.kernel {
		if _, to, found := strings.Cut(line, "Move RAMDISK from "); found {
			_, to, _ = strings.Cut(to, " to ")
			if moved, ok := inclusive(to); ok {
				r.MovedTo = &record.Ends{moved.Start, moved.End}
			}
		}
	}
	return r
}

// Immovable are the ranges of the SRAT's lines that memory hotplug cannot take away.
func Immovable(srat []string) []record.Range {
	var list []record.Range
	for _, line := range srat {
		if r, ok := inclusive(line); ok && !strings.HasSuffix(line, " hotplug") {
			list = append(list, r)
		}
	}
	return list
}

// rangeBehind is the range in the first line that begins with words.
func (l *log) rangeBehind(words string) (record.Range, bool) {
	for _, line := range l.kernel {
		if rest, found := strings.CutPrefix(line, words); found {
			return inclusive(rest)
		}
	}
	return record.Range{}, false
}

var rangePattern = regexp.MustCompile(`\[(?:mem )?(0x[0-9a-f]+)-(0x[0-9a-f]+)\]`)

// inclusive reads the first "[mem 0x1000-0x1fff]" or "[0x1000-0x1fff]" of text.
func inclusive(text string) (r record.Range, ok bool) {
	m := rangePattern.FindStringSubmatch(text)
	if m == nil {
		return r, false
	}
	start, err1 := strconv.ParseUint(m[1], 0, 64)
	end, err2 := strconv.ParseUint(m[2], 0, 64)
	return record.Range{Start: record.Hex(start), End: record.Hex(end)}, err1 == nil && err2 == nil
}

// Release is the kernel's, such as "6.12.117+deb12-amd64"; empty if no kernel spoke.
func Release(text []byte) string {
	if m := releasePattern.FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return ""
}

var releasePattern = regexp.MustCompile(`Linux version (\S+)`)

// FirmwareVersion is what firmware says of itself: SeaBIOS in its first line, UEFI
// firmware through the BIOS version that the kernel prints; empty if neither is there.
func FirmwareVersion(text []byte) string {
	if m := firmwarePattern.FindSubmatch(text); m != nil {
		return string(m[1]) + string(m[2])
	}
	return ""
}

var firmwarePattern = regexp.MustCompile(`SeaBIOS \(version ([^)]*)\)|DMI: .*, BIOS (.*)`)
