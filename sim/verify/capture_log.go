package verify

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"bootplan/memmap"
	"bootplan/memmap/parse"
)

// stamp is the time in front of a line of a kernel's log, after whatever a program put
// before it, with the caller that CONFIG_PRINTK_CALLER adds: "[    0.000000][    T0] ".
var stamp = regexp.MustCompile(`^.*?\[ *\d+\.\d+\](\[ *[CT]\d+\])? `)

// readLogCapture takes from a serial or kernel log what a recording in JSON states.
func readLogCapture(file string, text []byte) (*Capture, error) {
	doc, err := parse.ReadLog(file, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := &Capture{Name: nameOf(file)}
	boot := doc.Log.Boot
	if doc.Log.Release == "" && len(boot.Stub)+len(boot.Decompressor)+len(boot.Values) == 0 {
		return nil, fmt.Errorf("%s: %w", file, ErrNoCapture)
	}
	c.Kernel.Release, c.Append = doc.Log.Release, doc.Log.CommandLine
	c.Console = boot
	if len(boot.Stub) > 0 {
		c.Firmware.Kind = "EFI"
	}
	if len(doc.Problems) > 0 {
		c.Lacks = append(c.Lacks, "maps left out, part of which cannot be read: "+doc.Problems[0].Error())
	} else {
		c.takeMaps(doc)
	}
	c.takeKernelLines(kernelLines(text))
	c.guessLoader(text)
	c.listGaps()
	return c, nil
}

// kernelLines are the lines of a kernel's log, without time stamps, and those of
// /proc/iomem where somebody printed it.
func kernelLines(text []byte) []string {
	var list []string
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		at := stamp.FindIndex(line)
		switch {
		case at != nil:
			list = append(list, string(line[at[1]:]))
		case resourceLine.Match(line):
			list = append(list, string(line))
		}
	}
	return list
}

// resourceLine is a line of /proc/iomem.
var resourceLine = regexp.MustCompile(`^ *([0-9a-f]+)-([0-9a-f]+) : (.*)$`)

// guessLoader tells by what loaders print, and do, who loaded the kernel. A GRUB that
// ended boot services by itself calls runtime code "type 20" in the map.
func (c *Capture) guessLoader(text []byte) {
	const runtimeCode = 20
	grubMap := slices.ContainsFunc(c.E820, func(e printedEntry) bool { return e.Type == runtimeCode })
	console, _, _ := bytes.Cut(text, []byte("Linux version "))
	switch {
	case c.isEFI() && !grubMap:
	case grubMap, strings.Contains(c.Append, "BOOT_IMAGE="):
		c.Firmware.Loader = "GRUB"
	case bytes.Contains(console, []byte("iPXE")):
		c.Firmware.Loader = "iPXE"
	case bytes.Contains(console, []byte("Booting from ROM...")):
		c.Firmware.Loader = "QEMU"
	}
}

// listGaps tells what the log does not hold, and what would make a kernel print it.
func (c *Capture) listGaps() {
	for _, gap := range []struct {
		missing bool
		text    string
	}{
		{c.isEFI() && len(c.After) == 0, "no EFI map in the log: efi=debug makes the kernel print it"},
		{len(c.Reserved) == 0, "nothing of memblock in the log: memblock=debug makes the kernel print it"},
		{len(c.IOMem) == 0, "nothing of /proc/iomem in the log: without it the kernel's place is not known"},
	} {
		if gap.missing {
			c.Lacks = append(c.Lacks, gap.text)
		}
	}
}

// takeMaps takes the firmware's maps, each the first of its kind.
func (c *Capture) takeMaps(doc *parse.Document) {
	for _, m := range doc.Maps {
		switch {
		case m.Label == "efi-shell" && c.Before == nil:
			c.Before = efiEntries(m)
		case m.Label == "efi" && c.After == nil:
			c.After = efiEntries(m)
		case m.Label == "BIOS-e820" && c.E820 == nil:
			c.E820 = e820Printed(m)
		case m.Label == "user" && c.E820User == nil:
			c.E820User = e820Printed(m)
		case m.Label == "reserve setup_data" && c.E820SetupData == nil:
			c.E820SetupData = e820Printed(m)
		}
	}
}

func efiEntries(m memmap.Map) []efiPrinted {
	list := []efiPrinted{}
	for _, d := range m.Descriptors {
		list = append(list, efiPrinted(d))
	}
	return list
}

func e820Printed(m memmap.Map) []printedEntry {
	list := []printedEntry{}
	for _, e := range m.Entries {
		list = append(list, printedEntry(e))
	}
	return list
}

// takeKernelLines takes what the kernel itself says.
func (c *Capture) takeKernelLines(list []string) {
	log := readKernelLog(list)
	c.E820Changes, c.Reserved, c.Memblock = log.changes, log.reserved, log.memblock
	if !log.ramdisk.Empty() {
		c.Ramdisk = &recordedRamdisk{Printed: lastRange{log.ramdisk}, Moved: lastRange{log.moved}}
	}
	for _, line := range list {
		c.takeLine(line)
	}
}

func (c *Capture) takeLine(line string) {
	if strings.Contains(line, "SRAT: Node ") {
		c.SRAT = append(c.SRAT, line)
	}
	if text, found := strings.CutPrefix(line, "efi: "); found && strings.Contains(text, "MEMATTR=") {
		c.EFITables = text
	}
	if text, found := strings.CutPrefix(line, "last_pfn = "); found && c.Paging.FiveLevel == nil {
		five := 0
		if strings.Contains(text, "max_arch_pfn = 0x10000000000") { // 2^52 bytes in pages
			five = 1
		}
		c.Paging.FiveLevel = &five
	}
	if strings.HasPrefix(line, "Using GB pages") {
		c.GBPages = true
	}
	m := resourceLine.FindStringSubmatch(line)
	if m == nil {
		return
	}
	c.IOMem = append(c.IOMem, line)
	part := inclusiveRange("0x"+m[1], "0x"+m[2])
	for name, into := range map[string]*lastRange{
		"Kernel code": &c.KernelPhysical.Code, "Kernel rodata": &c.KernelPhysical.Rodata,
		"Kernel data": &c.KernelPhysical.Data, "Kernel bss": &c.KernelPhysical.BSS,
	} {
		if m[3] == name && into.Empty() {
			into.Range = part
		}
	}
}
