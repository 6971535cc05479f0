package kernel_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/image"
	"bootplan/kaslr"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim/kernel"
)

// pc is a PC with 1 GiB and Linux 6.12 at 16 MiB.
func pc() *kernel.Handover {
	return &kernel.Handover{
		Version: linux.V6_12, TypeOfLoader: 0xb0,
		Image: kernel.Image{Phys: 0x1000000, RealModeSize: 0x7000, Layout: image.Layout{
			TextEnd: 0x1000000, RodataStart: 0x1000000, RodataEnd: 0x1b71000, DataStart: 0x1c00000, DataEnd: 0x1e70f80,
			BSSStart: 0x2736000, BSSEnd: 0x2c00000, BrkStart: 0x2c00000, End: 0x2c30000,
		}},
		Memory: memmap.BootMemory{Table: []memmap.E820Entry{
			{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM},
			{Addr: 0x9fc00, Size: 0x400, Type: memmap.E820Reserved},
			{Addr: 0x100000, Size: 0x3fee0000, Type: memmap.E820RAM},
			{Addr: 0x3ffe0000, Size: 0x20000, Type: memmap.E820Reserved},
		}},
		Initrd: memmap.Range{Start: 0x3fe88000, End: 0x3ffdfcf6},
		BIOS:   linux.BIOSWords{BaseKiB: 639, EBDASegment: 0x9fc0},
		CPU:    kernel.CPU{LA57: true, GBPages: true},
	}
}

// run returns the state and what was printed.
func run(t *testing.T, h *kernel.Handover) (*kernel.State, []string) {
	t.Helper()
	var log []string
	h.Log = func(line string) { log = append(log, line) }
	s, err := kernel.SetupArch(h)
	if err != nil {
		t.Fatal(err)
	}
	return s, log
}

func TestEarlyOptions(t *testing.T) {
	for _, c := range []struct{ cmdline, line string }{
		{"log_buf_len=1M", "printk: log_buf_len: 1048576 bytes"},
		{"log-buf-len=200K", "printk: log_buf_len: 262144 bytes"}, // names: '-' is '_'; sizes: powers of two
		{"log_buf_len=4G", "printk: log_buf over 2G is not supported."},
		{"log_buf_len=2G", "printk: log_buf_len: 2147483648 text bytes not available"},
		{"log-buf_len", "Malformed early option 'log-buf_len'"},
		{"mem", "Malformed early option 'mem'"},
		{"mem=0", "Malformed early option 'mem'"},
		{"mem=512M", "last_pfn = 0x20000 max_arch_pfn = 0x10000000000"},
		{"memmap=exactmap memmap=640K@0 memmap=255M@1M", "last_pfn = 0x10000 max_arch_pfn = 0x10000000000"},
		{"memblock=debug", "MEMBLOCK configuration:"},
		{`"memblock=a debug word"`, "MEMBLOCK configuration:"},
		{"memblock=debug movable_node", "memblock_alloc_try_nid: 1048576 bytes align=0x8 nid=-1 from=0x0000000000000000 max_addr=0x0000000000000000 setup_log_buf"},
	} {
		h := pc()
		h.Cmdline = c.cmdline
		if strings.Contains(c.cmdline, "movable_node") {
			h.Cmdline += " log_buf_len=1M"
		}
		if _, log := run(t, h); !slices.Contains(log, c.line) {
			t.Errorf("%s: expected the line %q in\n%s", c.cmdline, c.line, strings.Join(log, "\n"))
		}
	}
}

// Behind a word of two hyphens options belong to init. A buffer as large as the
// kernel's own is no reason to allocate.
func TestOptionsWithoutEffect(t *testing.T) {
	_, want := run(t, pc())
	for _, cmdline := range []string{"-- mem=512M memblock=debug", "log_buf_len=128K", "nogbpages gbpages", "memblock", "memmap"} {
		h := pc()
		h.Cmdline = cmdline
		if _, log := run(t, h); !cmp.Equal(want[1:], log[1:]) {
			t.Errorf("%s:\n%s", cmdline, cmp.Diff(want[1:], log[1:]))
		}
	}
}

// mem=512M takes the memory of the initrd away. The tables of the direct map all lie
// in .brk (four levels for the first MiB, shared with the rest of the first GiB), so
// the highest free place for 0x158 pages is directly below 512 MiB.
func TestInitrdMovesOutOfLostMemory(t *testing.T) {
	h := pc()
	h.Cmdline = "mem=512M"
	s, log := run(t, h)
	want := memmap.Range{Start: 0x1fea8000, End: 0x1fea8000 + 0x157cf6}
	if s.Initrd != want {
		t.Errorf("initrd at %v, expected %v", s.Initrd, want)
	}
	at := slices.Index(log, "RAMDISK: [mem 0x3fe88000-0x3ffdffff]")
	said := []string{
		"Allocated new RAMDISK: [mem 0x1fea8000-0x1ffffcf5]",
		"Move RAMDISK from [mem 0x3fe88000-0x3ffdfcf5] to [mem 0x1fea8000-0x1ffffcf5]",
	}
	if at < 0 || !cmp.Equal(said, log[at+1:at+3]) {
		t.Errorf("log:\n%s", strings.Join(log, "\n"))
	}
	if s.Memblock.IsReserved(0x3fe88000) || !s.Memblock.IsReserved(0x1fea8000) {
		t.Error("the old place is still reserved, or the new one is not")
	}
}

// A loader that does not say who it is has no initrd.
func TestInitrdOfUnknownLoaderIsIgnored(t *testing.T) {
	h := pc()
	h.TypeOfLoader = 0
	if s, _ := run(t, h); !s.Initrd.Empty() || s.Memblock.IsReserved(0x3fe88000) {
		t.Errorf("initrd %v", s.Initrd)
	}
}

// lowBootServices is a machine whose firmware keeps boot services in all of low memory.
func lowBootServices() *kernel.Handover {
	h := pc()
	h.BIOS = linux.BIOSWords{}
	h.EFI = &kernel.EFI{MapAddr: 0x3f000000, DescSize: 48, Descriptors: []memmap.EFIDescriptor{
		{Type: memmap.EFIBootServicesCode, Phys: 0, Pages: 0x10, Attr: memmap.EFIWB},
		{Type: memmap.EFIBootServicesData, Phys: 0x10000, Pages: 0x5, Attr: memmap.EFIWB},
		{Type: memmap.EFIBootServicesData, Phys: 0x15000, Pages: 0x8a, Attr: memmap.EFIWB},
		{Type: memmap.EFIConventional, Phys: 0x100000, Pages: 0x3fee0, Attr: memmap.EFIWB | memmap.EFIMoreReliable},
	}}
	h.Memory.Table[0].Size = 0xa0000
	h.Memory.Table[1] = memmap.E820Entry{Addr: 0xe0000, Size: 0x1000, Type: memmap.E820Reserved}
	return h
}

// The first five pages of freed memory are too few, the memory behind them is enough.
func TestTrampolineInFreedBootServices(t *testing.T) {
	s, log := run(t, lowBootServices())
	if want := (memmap.Range{Start: 0x15000, End: 0x1c000}); s.RealMode != want {
		t.Errorf("trampoline at %v, expected %v", s.RealMode, want)
	}
	for _, line := range []string{"No sub-1M memory is available for the trampoline", "efi: Memory: 1022M/1023M mirrored memory"} {
		if !slices.Contains(log, line) {
			t.Errorf("expected the line %q in\n%s", line, strings.Join(log, "\n"))
		}
	}
}

// With efi=debug boot services are never freed; without runtime services nobody keeps them.
func TestOptionsForBootServices(t *testing.T) {
	h := lowBootServices()
	h.Cmdline = "efi=debug"
	_, err := kernel.SetupArch(h)
	var stopped *linux.Panic
	if !errors.As(err, &stopped) || stopped.Text != "Real mode trampoline was not allocated" {
		t.Errorf("efi=debug: %v", err)
	}
	for _, cmdline := range []string{"noefi", "efi=debug,noruntime"} {
		h = lowBootServices()
		h.Cmdline = cmdline
		if s, _ := run(t, h); s.EFI != nil || s.RealMode.Start != 0x98000 {
			t.Errorf("%s: trampoline at %v", cmdline, s.RealMode)
		}
	}
	h = lowBootServices()
	h.Cmdline = "efi=noruntime efi=runtime"
	if s, _ := run(t, h); s.EFI == nil {
		t.Error("efi=runtime is the last word")
	}
}

// A map of loaders that know e820 only is completed from the EFI map on request.
func TestAddEFIMap(t *testing.T) {
	h := lowBootServices()
	h.EFI.Descriptors = append(h.EFI.Descriptors, memmap.EFIDescriptor{Type: memmap.EFIConventional, Phys: 4 * memmap.GiB, Pages: 0x100, Attr: memmap.EFIWB})
	if s, _ := run(t, h); s.MaxPFN != 0x3ffe0 {
		t.Errorf("last page frame %#x without the option", s.MaxPFN)
	}
	h.Cmdline = "add_efi_memmap"
	if s, _ := run(t, h); s.MaxPFN != 0x100100 {
		t.Errorf("last page frame %#x with the option", s.MaxPFN)
	}
}

func TestExtensionAndIndirectSetupData(t *testing.T) {
	h := pc()
	h.SetupData = []kernel.SetupData{
		{SetupDataNode: memmap.SetupDataNode{Addr: 0x5000000, Type: 1, Len: 20}, E820: []memmap.E820Entry{{Addr: 4 * memmap.GiB, Size: memmap.GiB, Type: memmap.E820RAM}}},
		{SetupDataNode: memmap.SetupDataNode{Addr: 0x5100000, Type: 1 << 31, Len: 24}},
	}
	h.SetupData[1].Indirect.Type = 3
	h.SetupData[1].Indirect.Addr, h.SetupData[1].Indirect.Len = 0x5200000, 0x10
	s, log := run(t, h)
	if s.MaxPFN != 0x140000 || !slices.Contains(log, "extended: [mem 0x0000000100000000-0x000000013fffffff] usable") {
		t.Errorf("last page frame %#x", s.MaxPFN)
	}
	for _, addr := range []uint64{0x5000000, 0x5000023, 0x5100027, 0x520000f} {
		if !s.Memblock.IsReserved(addr) {
			t.Errorf("%#x is not reserved", addr)
		}
	}
}

func TestRegionsAreAskedWithTheEndOfMemory(t *testing.T) {
	h := pc()
	var asked uint64
	h.Regions = func(maxPFN uint64) kaslr.Regions {
		asked = maxPFN
		return kaslr.Regions{PageOffset: 0xff11001340000000}
	}
	if s, _ := run(t, h); asked != 0x3ffe0 || s.Regions.PageOffset != 0xff11001340000000 {
		t.Errorf("asked with %#x, page offset %#x", asked, s.Regions.PageOffset)
	}
	h.Regions = nil
	if s, _ := run(t, h); s.Regions.PageOffset != 0xff11000000000000 || s.Regions.Vmemmap != 0xffd4000000000000 {
		t.Errorf("defaults: %+v", s.Regions)
	}
}

func TestImpossibleImages(t *testing.T) {
	for want, spoil := range map[string]func(*kernel.Image){
		"expected the layout of an x86 kernel":                            func(m *kernel.Image) { m.Layout = image.Layout{} },
		"0x1000 bytes of brk in use: expected at least 0x10000, for page": func(m *kernel.Image) { m.BrkUsed = 0x1000 },
		"and at most 0x30000":                                             func(m *kernel.Image) { m.BrkUsed = 0x31000 },
	} {
		h := pc()
		spoil(&h.Image)
		if _, err := kernel.SetupArch(h); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, expected %q", err, want)
		}
	}
	h := lowBootServices()
	h.EFI.DescSize = 0
	if _, err := kernel.SetupArch(h); err == nil || !strings.Contains(err.Error(), "EFI memory map") {
		t.Errorf("descriptors without a size: %v", err)
	}
}
