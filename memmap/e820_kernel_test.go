package memmap_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/linux"
	"bootplan/memmap"
)

// What QEMU's "q35" machine with 2 GiB and SeaBIOS reports.
var q35 = []memmap.E820Entry{
	{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM},
	{Addr: 0x9fc00, Size: 0x400, Type: memmap.E820Reserved},
	{Addr: 0xf0000, Size: 0x10000, Type: memmap.E820Reserved},
	{Addr: 0x100000, Size: 0x7fedf000, Type: memmap.E820RAM},
	{Addr: 0x7ffdf000, Size: 0x21000, Type: memmap.E820Reserved},
	{Addr: 0xb0000000, Size: 0x10000000, Type: memmap.E820Reserved},
	{Addr: 0xfed1c000, Size: 0x4000, Type: memmap.E820Reserved},
	{Addr: 0xfffc0000, Size: 0x40000, Type: memmap.E820Reserved},
	{Addr: 0xfd00000000, Size: 0x300000000, Type: memmap.E820Reserved},
}

// Recorded from Debian's Linux 6.12.117 there, started with mem=1G.
const recordedMem1G = `BIOS-provided physical RAM map:
BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
BIOS-e820: [mem 0x000000000009fc00-0x000000000009ffff] reserved
BIOS-e820: [mem 0x00000000000f0000-0x00000000000fffff] reserved
BIOS-e820: [mem 0x0000000000100000-0x000000007ffdefff] usable
BIOS-e820: [mem 0x000000007ffdf000-0x000000007fffffff] reserved
BIOS-e820: [mem 0x00000000b0000000-0x00000000bfffffff] reserved
BIOS-e820: [mem 0x00000000fed1c000-0x00000000fed1ffff] reserved
BIOS-e820: [mem 0x00000000fffc0000-0x00000000ffffffff] reserved
BIOS-e820: [mem 0x000000fd00000000-0x000000ffffffffff] reserved
e820: remove [mem 0x40000000-0xfffffffffffffffe] usable
user-defined physical RAM map:
user: [mem 0x0000000000000000-0x000000000009fbff] usable
user: [mem 0x000000000009fc00-0x000000000009ffff] reserved
user: [mem 0x00000000000f0000-0x00000000000fffff] reserved
user: [mem 0x0000000000100000-0x000000003fffffff] usable
user: [mem 0x000000007ffdf000-0x000000007fffffff] reserved
user: [mem 0x00000000b0000000-0x00000000bfffffff] reserved
user: [mem 0x00000000fed1c000-0x00000000fed1ffff] reserved
user: [mem 0x00000000fffc0000-0x00000000ffffffff] reserved
user: [mem 0x000000fd00000000-0x000000ffffffffff] reserved
e820: update [mem 0x00000000-0x00000fff] usable ==> reserved
e820: remove [mem 0x000a0000-0x000fffff] usable
last_pfn = 0x40000 max_arch_pfn = 0x10000000000
`

func TestKernelPrintsWhatWasRecorded(t *testing.T) {
	var printed strings.Builder
	k := memmap.NewKernelE820(linux.V6_12, func(line string) { printed.WriteString(line + "\n") })
	k.Setup(memmap.BootMemory{Table: q35})
	if !k.ParseMem("1G") {
		t.Error("mem=1G is malformed")
	}
	if err := k.FinishEarlyParams(); err != nil {
		t.Error(err)
	}
	k.TrimBIOS()
	k.Table.EndOfRAM(true)
	if diff := cmp.Diff(strings.Split(recordedMem1G, "\n"), strings.Split(printed.String(), "\n")); diff != "" {
		t.Error(diff)
	}
}

// Recorded from Debian's Linux 7.2.13 on QEMU's "pc" machine with 1 GiB.
const recorded72 = `BIOS-provided physical RAM map:
BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff]  System RAM
BIOS-e820: [mem 0x000000000009fc00-0x000000000009ffff]  device reserved
BIOS-e820: [gap 0x00000000000a0000-0x00000000000effff]
BIOS-e820: [mem 0x00000000000f0000-0x00000000000fffff]  device reserved
BIOS-e820: [mem 0x0000000000100000-0x000000003ffdffff]  System RAM
BIOS-e820: [mem 0x000000003ffe0000-0x000000003fffffff]  device reserved
BIOS-e820: [gap 0x0000000040000000-0x00000000fffbffff]
BIOS-e820: [mem 0x00000000fffc0000-0x00000000ffffffff]  device reserved
BIOS-e820: [gap 0x0000000100000000-0x000000fcffffffff]
BIOS-e820: [mem 0x000000fd00000000-0x000000ffffffffff]  device reserved
e820: update [mem 0x00000000-0x00000fff] System RAM ==> device reserved
e820: remove [mem 0x000a0000-0x000fffff] System RAM
last_pfn = 0x3ffe0 max_arch_pfn = 0x10000000000
`

func TestKernel72PrintsWhatWasRecorded(t *testing.T) {
	var printed strings.Builder
	k := memmap.NewKernelE820(linux.V7_2, func(line string) { printed.WriteString(line + "\n") })
	k.Setup(memmap.BootMemory{Table: []memmap.E820Entry{
		{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM},
		{Addr: 0x9fc00, Size: 0x400, Type: memmap.E820Reserved},
		{Addr: 0xf0000, Size: 0x10000, Type: memmap.E820Reserved},
		{Addr: 0x100000, Size: 0x3fee0000, Type: memmap.E820RAM},
		{Addr: 0x3ffe0000, Size: 0x20000, Type: memmap.E820Reserved},
		{Addr: 0xfffc0000, Size: 0x40000, Type: memmap.E820Reserved},
		{Addr: 0xfd00000000, Size: 0x300000000, Type: memmap.E820Reserved},
	}})
	k.TrimBIOS()
	k.Table.EndOfRAM(true)
	if diff := cmp.Diff(strings.Split(recorded72, "\n"), strings.Split(printed.String(), "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestSetupFallback(t *testing.T) {
	ram := memmap.E820Entry{Addr: 0, Size: 1 << 30, Type: memmap.E820RAM}
	wraps := memmap.E820Entry{Addr: ^uint64(0), Size: 2, Type: memmap.E820RAM}
	fallback := []memmap.E820Entry{{Addr: 0, Size: 0x9f000, Type: 1}, {Addr: 0x100000, Size: 0xffff * 1024, Type: 1}}
	for name, c := range map[string]struct {
		version linux.Version
		table   []memmap.E820Entry
		want    []memmap.E820Entry
	}{
		"no entry":                {linux.V7_2, nil, fallback},
		"one entry":               {linux.V6_12, []memmap.E820Entry{ram}, fallback},
		"one entry in 7.2":        {linux.V7_2, []memmap.E820Entry{ram}, []memmap.E820Entry{ram}},
		"an entry that wraps":     {linux.V6_12, []memmap.E820Entry{ram, wraps}, fallback},
		"wraps around in 7.2 too": {linux.V7_2, []memmap.E820Entry{ram, wraps}, fallback},
	} {
		k := memmap.NewKernelE820(c.version, nil)
		k.Setup(memmap.BootMemory{Table: c.table, AltMemK: 0x400, ExtMemK: 0xffff})
		if diff := cmp.Diff(c.want, k.Table.Entries()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Options change the table of the kernel, not the copies for kexec and for sysfs.
func TestCopiesStayAsFirmwareSaid(t *testing.T) {
	k := memmap.NewKernelE820(linux.V6_12, nil)
	k.Setup(memmap.BootMemory{Table: q35})
	k.ParseMem("64M")
	k.TrimBIOS()
	for name, tab := range map[string]*memmap.E820Table{"kexec": &k.Kexec, "firmware": &k.Firmware} {
		if diff := cmp.Diff(q35, tab.Entries()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestParseMem(t *testing.T) {
	for text, want := range map[string]struct {
		ok  bool
		max uint64
	}{
		"1G":        {true, 1 << 30},
		"0x100000":  {true, 1 << 20},
		"64Mx":      {true, 64 << 20}, // what follows the number is not looked at
		"0":         {false, ^uint64(0)},
		"abc":       {false, ^uint64(0)},
		"nopentium": {false, ^uint64(0)},
		"16E":       {false, ^uint64(0)}, // 2^64 counts as 0
	} {
		k := memmap.NewKernelE820(linux.V6_12, nil)
		if ok := k.ParseMem(text); ok != want.ok || k.MaxMemSize != want.max {
			t.Errorf("mem=%s: %v, limit %#x; want %v, %#x", text, ok, k.MaxMemSize, want.ok, want.max)
		}
	}
	k := memmap.NewKernelE820(linux.V7_2, nil)
	if !k.ParseMem("16E") {
		t.Error("7.2: mem=16E is malformed")
	}
}

func TestParseMemmap(t *testing.T) {
	const m = memmap.MiB
	for text, want := range map[string][]memmap.E820Entry{
		"1M@4M":                {{0, 16 * m, 1}, {4 * m, m, 1}},
		"1M#4M":                {{0, 16 * m, 1}, {4 * m, m, 3}},
		"1M$4M":                {{0, 16 * m, 1}, {4 * m, m, 2}},
		"1M!4M":                {{0, 16 * m, 1}, {4 * m, m, 12}},
		"8M":                   {{0, 8 * m, 1}},
		"1M%15M-1+2":           {{0, 15 * m, 1}, {15 * m, m, 2}},
		"1M%15M-1":             {{0, 15 * m, 1}},
		"1M%15M-2":             {{0, 16 * m, 1}},
		"1M%15M":               {{0, 15 * m, 1}},
		"1M%20M+7":             {{0, 16 * m, 1}, {20 * m, m, 7}},
		"1M%15M-1x":            {{0, 16 * m, 1}}, // noticed before anything is done
		"1M@4Mx":               {{0, 16 * m, 1}, {4 * m, m, 1}},
		"8Mx":                  {{0, 8 * m, 1}},
		"x,8M":                 {{0, 8 * m, 1}},
		"exactmap,1M@4M":       {{4 * m, m, 1}},
		"exactmapping":         {},
		"1M%15M-1+0x10002":     {{0, 15 * m, 1}, {15 * m, m, 0x10002}},
		"1M%15M-0x100000001+2": {{0, 15 * m, 1}, {15 * m, m, 2}}, // types have 32 bits
	} {
		k := memmap.NewKernelE820(linux.V6_12, nil)
		k.Table.Add(0, 16*m, memmap.E820RAM)
		if err := k.ParseMemmap(text); err != nil {
			t.Errorf("memmap=%s: %v", text, err)
		}
		if diff := cmp.Diff(want, k.Table.Entries()); diff != "" {
			t.Errorf("memmap=%s: %s", text, diff)
		}
	}
}

func TestUserMapsThatStopTheKernel(t *testing.T) {
	k := memmap.NewKernelE820(linux.V6_12, nil)
	k.Setup(memmap.BootMemory{Table: q35})
	if err := k.ParseMemmap("exactmap,1G@0"); err != nil {
		t.Fatal(err)
	}
	var p *linux.Panic
	if err := k.FinishEarlyParams(); !errors.As(err, &p) || p.Text != "Invalid user supplied memory map" || p.BUG {
		t.Errorf("exactmap with one range: %v", err)
	}
	if err := k.ParseMemmap("1M%1M-1+1"); !errors.As(err, &p) || !p.BUG {
		t.Errorf("a type turned into itself: %v", err)
	}
}

func TestReserveSetupData(t *testing.T) {
	direct := memmap.SetupDataNode{Addr: 0x5000, Type: 3, Len: 0x30}
	elsewhere := memmap.SetupDataNode{Addr: 0x6000, Type: 1 << 31, Len: 24}
	elsewhere.Indirect.Type, elsewhere.Indirect.Addr, elsewhere.Indirect.Len = 3, 0x8000, 0x100
	again := memmap.SetupDataNode{Addr: 0x9000, Type: 1 << 31, Len: 24}
	again.Indirect.Type, again.Indirect.Addr, again.Indirect.Len = 1<<31, 0xa000, 0x100
	k := memmap.NewKernelE820(linux.V6_12, nil)
	k.Table.Add(0x1000, 0xf000, memmap.E820RAM)
	k.ReserveSetupData([]memmap.SetupDataNode{direct, elsewhere, again})
	const ram, kern = memmap.E820RAM, memmap.E820ReservedKern
	want := []memmap.E820Entry{
		{0x1000, 0x4000, ram}, {0x5000, 0x40, kern}, {0x5040, 0xfc0, ram}, {0x6000, 0x28, kern},
		{0x6028, 0x1fd8, ram}, {0x8000, 0x100, kern}, {0x8100, 0xf00, ram}, {0x9000, 0x28, kern}, {0x9028, 0x6fd8, ram},
	}
	if diff := cmp.Diff(want, k.Table.Entries()); diff != "" {
		t.Error(diff)
	}
}

func TestAddKernel(t *testing.T) {
	kernel := memmap.Range{Start: 0x1000000, End: 0x3000000}
	k := memmap.NewKernelE820(linux.V6_12, nil)
	k.Table.Add(0x100000, 0x1f00000, memmap.E820RAM)
	k.Table.Add(0x2000000, 0x2000000, memmap.E820Reserved)
	k.AddKernel(kernel)
	k.Table.Sanitize()
	want := []memmap.E820Entry{{0x100000, 0x2f00000, memmap.E820RAM}, {0x3000000, 0x1000000, memmap.E820Reserved}}
	if diff := cmp.Diff(want, k.Table.Entries()); diff != "" {
		t.Error(diff)
	}
	k.AddKernel(kernel) // is RAM now
	if diff := cmp.Diff(want, k.Table.Entries()); diff != "" {
		t.Error(diff)
	}
}
