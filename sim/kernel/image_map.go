package kernel

import (
	"strings"

	"bootplan/linux"
	"bootplan/memmap"
)

// EarlyMap is what the kernel's first page tables map at its own addresses, in pages of
// 2 MiB: up to and including the page that holds the address behind the image. Where
// the image ends at a boundary, that is a page more than it has.
// Source: arch/x86/kernel/head64.c:__startup_64 (v6.12).
func (m *Image) EarlyMap() memmap.Range {
	return m.part(0, memmap.AlignDown(m.Layout.End, page2M)+page2M)
}

// Cleared is what the kernel zeroes before it uses it: .bss and .brk.
// Source: arch/x86/kernel/head64.c:clear_bss (v6.12).
func (m *Image) Cleared() memmap.Range { return m.part(m.Layout.BSSStart, m.Layout.End) }

// BSS are the kernel's variables that begin as zero.
func (m *Image) BSS() memmap.Range { return m.part(m.Layout.BSSStart, m.Layout.BSSEnd) }

// Data are the kernel's variables with their first values: its first stack is there.
func (m *Image) Data() memmap.Range { return m.part(m.Layout.DataStart, m.Layout.DataEnd) }

// Text is the kernel's code, in whole pages. Code that only runs while the kernel
// initialises itself lies elsewhere and is given back.
func (m *Image) Text() memmap.Range {
	return m.part(0, memmap.AlignUp(m.Layout.TextEnd, memmap.PageSize))
}

// Rodata are the kernel's constants, in whole pages.
func (m *Image) Rodata() memmap.Range {
	return m.part(m.Layout.RodataStart, memmap.AlignUp(m.Layout.RodataEnd, memmap.PageSize))
}

// cleanHighMap unmaps what lies behind the part of .brk that is in use, as far as whole
// pages of 2 MiB go.
// Source: arch/x86/mm/init_64.c:cleanup_highmap (v6.12).
func (k *Setup) cleanHighMap() error {
	image := &k.in.Image
	used := image.brk().End - image.Phys
	k.HighMap = image.part(0, memmap.AlignUp(used, page2M))
	return nil
}

// setRodata notes whether the kernel is to protect its own memory in the end. Until 6.0
// the option is one of many spellings of yes and no.
// Source: init/main.c:set_debug_rodata (v5.10, v6.12).
func (k *Setup) setRodata(value string) {
	switch value {
	case "on":
		k.Exposed = false
	case "off":
		k.Exposed = true
	default:
		if yes, ok := boolean(value); ok && k.in.Version < linux.V6_1 {
			k.Exposed = !yes
		}
	}
}

// boolean reads a yes or no, of which the first one or two characters count.
// Source: lib/kstrtox.c:strtobool (v5.10).
func boolean(text string) (yes, ok bool) {
	word := strings.ToLower(text[:min(len(text), 2)])
	switch {
	case strings.HasPrefix(word, "y"), strings.HasPrefix(word, "1"), word == "on":
		return true, true
	case strings.HasPrefix(word, "n"), strings.HasPrefix(word, "0"), word == "of":
		return false, true
	}
	return false, false
}
