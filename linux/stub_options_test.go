package linux

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseStubOptions(t *testing.T) {
	options := func(change func(*StubOptions)) StubOptions {
		o := StubOptions{LogLevel: LogLevelDefault}
		change(&o)
		return o
	}
	none := options(func(*StubOptions) {})
	for text, want := range map[string]StubOptions{
		"":                          none,
		"nokaslr=x":                 options(func(o *StubOptions) { o.NoKASLR = true }),
		`"nokaslr"`:                 options(func(o *StubOptions) { o.NoKASLR = true }),
		"no nokaslr":                options(func(o *StubOptions) { o.NoKASLR = true }),
		"-- nokaslr":                none,
		"--=x nokaslr":              options(func(o *StubOptions) { o.NoKASLR = true }),
		"noKASLR":                   none,
		"quiet efi=debug":           options(func(o *StubOptions) { o.LogLevel = LogLevelDebug }),
		"efi=debug quiet":           options(func(o *StubOptions) { o.LogLevel = LogLevelQuiet }),
		"efi":                       none,
		"efi=nosoftreserve efi":     options(func(o *StubOptions) { o.NoSoftReserve = true }),
		"efi=nosoftreserve efi=":    none,
		"efi=novamap,nochunk efi=x": options(func(o *StubOptions) { o.NoVAMap = true }),
		"efi=novamap2":              none,
		"efi=disable_early_pci_dma": options(func(o *StubOptions) { o.DisablePCIDMA = true }),
		"efi=disable_early_pci_dma,no_disable_early_pci_dma": none,
		"mem_encrypt=on":     options(func(o *StubOptions) { o.MemEncrypt = 1 }),
		"mem_encrypt=off,on": options(func(o *StubOptions) { o.MemEncrypt = 1 }),
		"mem_encrypt=off":    options(func(o *StubOptions) { o.MemEncrypt = -1 }),
		"mem_encrypt":        none,
		"noinitrd no5lvl":    options(func(o *StubOptions) { o.NoInitrd, o.No5Level = true, true }),
		"video=efifb:mode=1": options(func(o *StubOptions) { o.Graphics = "mode=1" }),
		strings.Repeat(" ", MaxCommandLine) + "nokaslr": none,
	} {
		if diff := cmp.Diff(want, ParseStubOptions(text)); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestStubOptionsAddUp(t *testing.T) {
	o := ParseStubOptions("nokaslr efi=nochunk")
	o.Parse("quiet efi=debug")
	want := StubOptions{NoKASLR: true, LogLevel: LogLevelDebug}
	if diff := cmp.Diff(want, o); diff != "" {
		t.Error(diff)
	}
}

func TestStubMemoryOverride(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "",
		"mem=1G":                     "mem=",
		"quiet\xa0mem=":              "mem=",
		"memmap=1G mem=1G":           "mem=", // the order is the code's
		"hugepages=1 memmap=1G":      "memmap=",
		"xmem=1G mem=1G":             "", // only the first occurrence counts
		`foo="a hugepages=2"`:        "hugepages=",
		"-- mem=1G":                  "mem=",
		"mem 1G":                     "",
		"\x1fmem=1G":                 "",
		"default_hugepages=1 mem =1": "",
	} {
		if got := StubMemoryOverride(text, V6_12); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	const fake = "efi_fake_mem=1G@4G:0x40000 hugepages=1"
	for v, want := range map[Version]string{V6_1: "efi_fake_mem=", V6_11: "hugepages="} {
		if got := StubMemoryOverride(fake, v); got != want {
			t.Errorf("%v: got %q, want %q", v, got, want)
		}
	}
}
