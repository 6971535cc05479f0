package kernel

import (
	"math/bits"
	"slices"
	"strings"

	"bootplan/linux"
	"bootplan/memmap"
)

// params is what early options said, apart from what they did to the map at once.
type params struct {
	efiDebug      bool // efi=debug
	noRuntime     bool // noefi, efi=noruntime
	noSoftReserve bool // efi=nosoftreserve
	addEFIMap     bool // add_efi_memmap
	noGBPages     bool // nogbpages
	logBuffer     uint64
}

// parseParams reads the options that take effect early, in their order.
// Source: init/main.c:parse_early_param, do_early_param (v6.12).
func (k *Setup) parseParams() error {
	var arg linux.Arg
	for rest := linux.SkipSpaces(k.in.Cmdline); rest != ""; {
		arg, rest = linux.NextArg(rest)
		if arg.Name == "--" && !arg.HasValue {
			return nil
		}
		wellFormed, err := k.param(arg)
		if err != nil {
			return err
		}
		if !wellFormed {
			k.printf("Malformed early option '%s'", arg.Name)
		}
	}
	return nil
}

// param lets one option take effect; what is no early option, or has nothing to do
// with memory, is well formed.
func (k *Setup) param(arg linux.Arg) (wellFormed bool, err error) {
	switch arg.Name = strings.ReplaceAll(arg.Name, "-", "_"); arg.Name { // the two are the same in names
	case "mem":
		return arg.HasValue && k.E820.ParseMem(arg.Value), nil
	case "memmap":
		if arg.HasValue {
			err = k.E820.ParseMemmap(arg.Value)
		}
		return true, err
	case "memblock":
		if strings.Contains(arg.Value, "debug") {
			k.Memblock.Log = k.in.Log
		}
	case "movable_node":
		k.Memblock.MovableNode = true
		k.Memblock.BottomUp = true
	case "kernelcore":
		k.Memblock.KernelcoreMirror = k.Memblock.KernelcoreMirror || arg.Value == "mirror"
	case "log_buf_len":
		k.setLogBuffer(arg.Value)
		return arg.HasValue, nil
	case "rodata":
		k.setRodata(arg.Value)
	default:
		k.params.flag(arg)
	}
	return true, nil
}

// flag notes an option that only says something for later.
// Source: drivers/firmware/efi/efi.c:parse_efi_cmdline, setup_noefi; arch/x86/mm/init.c (v6.12).
func (p *params) flag(arg linux.Arg) {
	switch arg.Name {
	case "efi":
		words := strings.Split(arg.Value, ",")
		p.efiDebug = p.efiDebug || slices.Contains(words, "debug")
		p.noSoftReserve = p.noSoftReserve || slices.Contains(words, "nosoftreserve")
		if slices.Contains(words, "noruntime") {
			p.noRuntime = true
		}
		if slices.Contains(words, "runtime") {
			p.noRuntime = false
		}
	case "noefi":
		p.noRuntime = true
	case "add_efi_memmap":
		p.addEFIMap = true
	case "gbpages", "nogbpages":
		p.noGBPages = arg.Name == "nogbpages"
	}
}

// setLogBuffer notes how large a log buffer is wanted: a power of two, if that is
// more than the kernel has (CONFIG_LOG_BUF_SHIFT=17), and at most 2 GiB.
// Source: kernel/printk/printk.c:log_buf_len_setup, log_buf_len_update (v6.12).
func (k *Setup) setLogBuffer(text string) {
	const own, most = 128 * memmap.KiB, 2 * memmap.GiB
	size, _ := linux.Memparse(text, k.in.Version)
	if size > most {
		size = most
		k.print("printk: log_buf over 2G is not supported.")
	}
	if size > own {
		k.params.logBuffer = 1 << bits.Len64(size-1)
	}
}
