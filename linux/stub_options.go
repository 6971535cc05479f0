package linux

import "strings"

// MaxCommandLine is how many bytes of a command line the boot code parses
// (COMMAND_LINE_SIZE without the terminating NUL).
const MaxCommandLine = 2047

// Console log levels of the EFI stub.
// Source: include/linux/printk.h (v6.12).
const (
	LogLevelQuiet   = 4
	LogLevelDefault = 7
	LogLevelDebug   = 10
)

// StubOptions are the command-line options that the EFI stub obeys.
// Source: drivers/firmware/efi/libstub/efi-stub-helper.c (v6.12).
type StubOptions struct {
	NoKASLR       bool // nokaslr
	NoInitrd      bool // noinitrd
	No5Level      bool // no5lvl
	NoChunk       bool // efi=nochunk
	NoVAMap       bool // efi=novamap
	NoSoftReserve bool // efi=nosoftreserve
	DisablePCIDMA bool // efi=disable_early_pci_dma
	MemEncrypt    int  // mem_encrypt=: 1 on, -1 off, 0 not stated
	LogLevel      int
	Graphics      string // video=efifb:, the text behind it
}

// ParseStubOptions returns what the EFI stub makes of one command line.
func ParseStubOptions(cmdline string) StubOptions {
	o := StubOptions{LogLevel: LogLevelDefault}
	o.Parse(cmdline)
	return o
}

// Parse applies another command line on top of o, as the stub does with a built-in
// command line and then the one that is passed to it. Words are those of NextArg,
// up to a bare "--", among the first 2047 bytes; names must match exactly.
// Source: drivers/firmware/efi/libstub/efi-stub-helper.c:efi_parse_options (v6.12).
func (o *StubOptions) Parse(cmdline string) {
	text := SkipSpaces(cmdline[:min(len(cmdline), MaxCommandLine)])
	for text != "" {
		var arg Arg
		arg, text = NextArg(text)
		if arg.Name == "--" && !arg.HasValue {
			return
		}
		o.apply(arg)
	}
}

func (o *StubOptions) apply(arg Arg) {
	switch arg.Name {
	case "nokaslr":
		o.NoKASLR = true
	case "quiet":
		o.LogLevel = LogLevelQuiet
	case "noinitrd":
		o.NoInitrd = true
	case "no5lvl":
		o.No5Level = true
	case "mem_encrypt":
		if listHas(arg.Value, "on") {
			o.MemEncrypt = 1
		} else if listHas(arg.Value, "off") {
			o.MemEncrypt = -1
		}
	case "efi":
		if arg.HasValue {
			o.applyEFI(arg.Value)
		}
	case "video":
		if mode, ok := strings.CutPrefix(arg.Value, "efifb:"); ok {
			o.Graphics = mode
		}
	}
}

// applyEFI applies the list of one efi= option: the last one decides about nochunk
// and nosoftreserve, the others stay in force once given.
func (o *StubOptions) applyEFI(list string) {
	o.NoChunk = listHas(list, "nochunk")
	o.NoSoftReserve = listHas(list, "nosoftreserve")
	o.NoVAMap = o.NoVAMap || listHas(list, "novamap")
	if listHas(list, "disable_early_pci_dma") {
		o.DisablePCIDMA = true
	}
	if listHas(list, "no_disable_early_pci_dma") {
		o.DisablePCIDMA = false
	}
	if listHas(list, "debug") {
		o.LogLevel = LogLevelDebug
	}
}

// StubMemoryOverride returns which of "mem=", "memmap=", "efi_fake_mem=" (before 6.11)
// and "hugepages=", tried in this order, makes the EFI stub of version v place the
// kernel without randomness; "" if none. It is a search in the bare text: only the
// first occurrence of each counts, at the beginning or behind white space, inside
// quotation marks or behind "--" as well.
// Source: drivers/firmware/efi/libstub/x86-stub.c:parse_options (v6.10, v6.12).
func StubMemoryOverride(cmdline string, v Version) string {
	for _, option := range [...]string{"mem=", "memmap=", "efi_fake_mem=", "hugepages="} {
		if option == "efi_fake_mem=" && v >= V6_11 {
			continue
		}
		i := strings.Index(cmdline, option)
		if i == 0 || i > 0 && isSpace(cmdline[i-1]) {
			return option
		}
	}
	return ""
}
