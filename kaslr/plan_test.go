package kaslr

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/linux"
	"bootplan/memmap"
)

// mustPlan makes the plan for in.
func mustPlan(t *testing.T, in *Input) *Plan {
	t.Helper()
	var p Plan
	if err := p.Make(in); err != nil {
		t.Fatal(err)
	}
	return &p
}

// The image of plain takes [0x3800000, 0x4400000). Between the minimum, 0x1000000,
// and the image there is no room. From 0x4400000 to 0x80000000 the kernel of
// 0x2e00000 bytes has 1 + (0x7bc00000-0x2e00000)/0x200000 places, above 4 GiB
// 1 + (0x80000000-0x2e00000)/0x200000.
func TestPlain(t *testing.T) {
	p := mustPlan(t, plain())
	if diff := cmp.Diff([]Area{{0x4400000, 968}, {0x100000000, 1002}}, p.Areas); diff != "" {
		t.Error(diff)
	}
	if p.Slots != 1970 || p.Minimum != 0x1000000 || p.Limit != 1<<46 || p.Source != FromE820 {
		t.Errorf("slots %d, minimum %#x, limit %#x, source %d", p.Slots, p.Minimum, p.Limit, p.Source)
	}
	// (0x40000000 - 0x1000000 - 0x2e00000) / 0x200000 = 481
	if p.VirtualSlots != 482 {
		t.Errorf("%d virtual slots", p.VirtualSlots)
	}
	want := Choice{Phys: 0x100000000 + 5*0x200000, Virt: 0x1000000 + 7*0x200000}
	if diff := cmp.Diff(want, p.Choose(fixed{1970*3 + 968 + 5, 482 + 7})); diff != "" {
		t.Error(diff)
	}
}

func TestOptionsLimitMemory(t *testing.T) {
	const all = 1 << 46
	for _, c := range []struct {
		cmdline string
		limit   uint64
		memmaps []Extent
	}{
		{"mem=1G", 1 << 30, nil},
		{"mem=2G mem=1G mem=3G", 1 << 30, nil},
		{"mem=nopentium mem=1G", 1 << 30, nil},
		{"mem=0 mem=1G", all, nil},
		{"mem mem=1G", all, nil},
		{"mem=x mem=1G", all, nil},
		{"-- mem=1G", all, nil},
		{"--=a mem=1G", 1 << 30, nil},
		{`"mem=1G"`, 1 << 30, nil},
		{"mem=1T$5", 1 << 40, nil},
		{"memmap=1G", 1 << 30, nil},
		{"memmap=1G%2G", 1 << 30, nil}, // neither $, # nor !: a size alone
		{"memmap=1G$0", 1 << 30, nil},
		{"memmap=1G@2G", all, nil},
		{"memmap=0", all, nil},
		{"memmap", all, nil},
		{"memmap=exactmap,1M$1G", all, nil},
		{"memmap=exactmapx", all, nil},
		{"memmap=x,1M$1G", all, nil},
		{"memmap=1M$1G,2M#2G,3M!3G", all, []Extent{{1 << 30, 1 << 20}, {2 << 30, 2 << 20}, {3 << 30, 3 << 20}}},
		{"memmap=1M$1G memmap=1G", 1 << 30, []Extent{{1 << 30, 1 << 20}}},
		{"memmap=1M$", 1 << 20, nil}, // no address: it starts at 0
		{"memmap=0x100000$0x40000000x,512M", 512 << 20, []Extent{{1 << 30, 1 << 20}}},
	} {
		in := plain()
		in.Cmdline = c.cmdline
		p := mustPlan(t, in)
		var memmaps []Extent
		for _, a := range p.Avoid {
			if len(a.What) > 6 && a.What[:6] == "memmap" {
				memmaps = append(memmaps, a.Extent)
			}
		}
		if diff := cmp.Diff(c.memmaps, memmaps); diff != "" || p.Limit != c.limit {
			t.Errorf("%q: limit %#x, want %#x; %s", c.cmdline, p.Limit, c.limit, diff)
		}
	}
}

// Up to 6.10, 0x40000 in efi_fake_mem= made memory specific-purpose.
func TestFakeMem(t *testing.T) {
	for _, c := range []struct {
		cmdline string
		v       linux.Version
		limit   uint64
		memmap0 Extent
	}{
		{"efi_fake_mem=1M@1G:0x40000", linux.V6_1, 1 << 46, Extent{1 << 30, 1 << 20}},
		{"efi_fake_mem=1M@1G:0x40001,1G", linux.V6_1, 1 << 30, Extent{1 << 30, 1 << 20}},
		{"efi_fake_mem=1M@1G:0x10000", linux.V6_1, 1 << 46, Extent{}},
		{"efi_fake_mem=1M@1G:0x40000x", linux.V6_1, 1 << 46, Extent{}},
		{"efi_fake_mem=1M@1G0x40000", linux.V6_1, 1 << 46, Extent{}},
		{"efi_fake_mem=1M$1G", linux.V6_1, 1 << 46, Extent{1 << 30, 1 << 20}},
		{"efi_fake_mem=1G@0:0x40000", linux.V6_1, 1 << 30, Extent{}}, // a range at 0 is a limit
		{"efi_fake_mem=exactmap", linux.V6_1, 1 << 46, Extent{}},
		{"efi_fake_mem=1M@1G:0x40000", linux.V6_12, 1 << 46, Extent{}},
		{"memmap=1M@1G:0x40000", linux.V6_1, 1 << 46, Extent{}},
	} {
		in := plain()
		in.Version, in.Cmdline = c.v, c.cmdline
		p := mustPlan(t, in)
		var got Extent
		for _, a := range p.Avoid {
			if a.What == "memmap0" {
				got = a.Extent
			}
		}
		if got != c.memmap0 || p.Limit != c.limit {
			t.Errorf("%v %q: limit %#x, avoided %#x", c.v, c.cmdline, p.Limit, got)
		}
	}
}

func TestHugePages(t *testing.T) {
	for _, c := range []struct {
		cmdline  string
		v        linux.Version
		pages    uint64
		warnings []string
	}{
		{"hugepages=3", linux.V6_12, 0, nil},
		{"hugepagesz=1G hugepages=3", linux.V6_12, 3, nil},
		{"hugepagesz=1024M hugepages=0x10", linux.V6_12, 16, nil},
		{"hugepagesz=1G hugepagesz=2M hugepages=3", linux.V6_12, 0, nil},
		{"hugepagesz=1G hugepagesz hugepages=3", linux.V6_12, 0, nil},
		{"hugepagesz=1G default_hugepagesz=2M hugepages=3", linux.V6_12, 3, nil},
		{"hugepagesz=1G hugepagesz=1G hugepages=3", linux.V6_12, 3, []string{warnRepeated1G}},
		{"hugepagesz=1G hugepages=3 hugepages=2k", linux.V6_12, 2, nil},
		{"hugepagesz=1G hugepages=3 hugepages", linux.V6_12, 0, nil},
		{"hugepagesz=1G hugepages=3 hugepages=+2", linux.V6_12, 0, nil},
		{"hugepagesz=1G hugepages=3 hugepages=2k", linux.V7_2, 3, []string{warnHugepages}},
		{"hugepagesz=1G hugepages=3 hugepages", linux.V7_2, 3, []string{warnHugepages}},
		{"hugepagesz=1G hugepages=3 hugepages=+2", linux.V7_2, 2, nil},
		{"hugepages=x", linux.V7_2, 0, nil},
	} {
		in := plain()
		in.Version, in.Cmdline = c.v, c.cmdline
		p := mustPlan(t, in)
		warnings := append([]string(nil), p.Warnings...)
		if diff := cmp.Diff(c.warnings, warnings); diff != "" || p.GBPages != c.pages {
			t.Errorf("%v %q: %d pages, want %d; %s", c.v, c.cmdline, p.GBPages, c.pages, diff)
		}
	}
}

// The worked example of a recorded boot: 8 GiB, two 1 GiB pages wanted.
func TestHugePagesAreLeftFree(t *testing.T) {
	in := plain()
	in.Cmdline = "hugepagesz=1G hugepages=2"
	in.LA57 = true
	in.Payload, in.InitSize, in.NeededSize = 0x3c072cc, 0x37ee000, 0x3800000
	in.Initrd = Extent{0xbfe88000, 0x158000}
	in.E820 = []memmap.E820Entry{
		{Addr: 0x100000, Size: 0xbfee0000, Type: memmap.E820RAM},
		{Addr: 0x100000000, Size: 0x140000000, Type: memmap.E820RAM},
	}
	p := mustPlan(t, in)
	want := []Area{{0x4800000, 449}, {0x80000000, 484}, {0x140000000, 2021}}
	if diff := cmp.Diff(want, p.Areas); diff != "" || p.GBPagesLeft != 0 {
		t.Errorf("%d pages left; %s", p.GBPagesLeft, diff)
	}
	if phys := p.Choose(fixed{physical: 2463}).Phys; phys != 0x1ff400000 {
		t.Errorf("slot 2463 is %#x", phys)
	}
}

func TestDisabled(t *testing.T) {
	for name, change := range map[string]func(*Input){
		"nokaslr":         func(in *Input) { in.Cmdline = "quiet nokaslr" },
		"no command line": func(in *Input) { in.CmdlinePtr = 0 },
	} {
		in := plain()
		change(in)
		p := mustPlan(t, in)
		c := p.Choose(fixed{1, 1})
		if diff := cmp.Diff(Choice{Phys: in.Output, Virt: in.VirtInitial}, c); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if diff := cmp.Diff([]string{warnNoKASLR}, p.WarningsOf(c)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	in := plain()
	in.Cmdline = "quiet\x00nokaslr" // the NUL ends the line
	if mustPlan(t, in).Disabled {
		t.Error("a word behind the end of the command line counts")
	}
}

func TestNoPlace(t *testing.T) {
	in := plain()
	in.Cmdline = "mem=64M" // below 0x1000000 + 0x2e00000 = 62 MiB there is none
	p := mustPlan(t, in)
	c := p.Choose(fixed{5, 7})
	if diff := cmp.Diff(Choice{Phys: 0x1000000, Virt: 0x1000000 + 7*0x200000, Invalid: true, Kept: true}, c); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{warnInvalid, warnKept}, p.WarningsOf(c)); diff != "" {
		t.Error(diff)
	}
	in.Cmdline = "mem=61M" // seen before memory is searched, so nothing is invalid
	p = mustPlan(t, in)
	c = p.Choose(fixed{})
	if diff := cmp.Diff([]string{warnKept}, p.WarningsOf(c)); diff != "" || p.Source != FromNothing {
		t.Errorf("source %d; %s", p.Source, diff)
	}
}

func TestZeroDescSize(t *testing.T) {
	in := plain()
	in.EFI.Signature = "EL64"
	if err := new(Plan).Make(in); !errors.Is(err, ErrZeroDescSize) {
		t.Errorf("got %v", err)
	}
}

func TestMakeAllocatesNothing(t *testing.T) {
	in := plain()
	in.Cmdline = "hugepagesz=1G hugepagesz=1G hugepages=1 memmap=1M$1G,2M$2G mem=8G"
	p := mustPlan(t, in)
	if n := testing.AllocsPerRun(20, func() {
		if err := p.Make(in); err != nil {
			t.Fatal(err)
		}
		p.Choose(fixed{1, 2})
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
