package design_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/sim"
)

// stubDesigns are the designs of the matrix that EFI firmware starts.
var stubDesigns = []contender{
	{design: "efistub@v6.5"}, {design: "zboot-x86-rfc"}, {design: "baskov-v5"}, {design: "efistub@v6.6"}, {design: "efistub"}, {design: "zboot-x86-2025"},
	{design: "hybrid"}, {design: "middle-ground"},
}

// compare asks every design of the matrix for facts and holds them against the matrix.
func compare[F any](t *testing.T, want map[string]F, facts func(contender) F) {
	t.Helper()
	got := map[string]F{}
	for _, c := range stubDesigns {
		got[c.design] = facts(c)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-matrix +simulated:\n%s", diff)
	}
}

// TestMatrixMemory is section 18.2: what becomes of the kernel, and what else is taken.
func TestMatrixMemory(t *testing.T) {
	type facts struct {
		Kernel     string // type of the memory that is allocated for it; empty: none is
		Moves      bool   // segments move after unpacking
		Compressed int    // copies of the compressed kernel that are made, the image loader's included
		Switch     uint64 // pages for a switch of paging levels
		BelowMiB   bool   // where these pages are
		Unowned    uint64 // bytes below 1 MiB that are written without an allocation
	}
	compare(t, map[string]facts{
		"efistub@v6.5":   {"", true, 2, 2, true, 0x2000},
		"zboot-x86-rfc":  {"Loader Code", false, 1, 2, false, 0},
		"baskov-v5":      {"Loader Data", true, 1, 3, true, 0},
		"efistub@v6.6":   {"Loader Code", true, 1, 2, false, 0},
		"efistub":        {"Loader Code", true, 1, 2, false, 0},
		"zboot-x86-2025": {"Loader Code", false, 1, 2, false, 0},
		"hybrid":         {"Loader Code", false, 1, 2, false, 0},
		"middle-ground":  {"Loader Code", true, 1, 2, false, 0},
	}, func(c contender) facts {
		r := c.on(t, "ovmf", nil)
		kernel, _ := r.Placement("kernel")
		switches, _ := r.Placement("paging_trampoline")
		low, _ := r.Metric(sim.LowMemoryBytes)
		f := facts{Switch: switches.Range.Len() / memmap.PageSize, BelowMiB: switches.Range.End <= memmap.MiB, Unowned: uint64(low.Value)}
		const payload = 0xb4a230 // bytes of it in Debian's 6.12
		for _, s := range r.Steps {
			switch {
			case s.Op == sim.Alloc && s.Object == "kernel block":
				f.Kernel = s.Memory
			case s.Op == sim.Copy && s.Object == "kernel" && kernel.Range.Contains(s.From.Start):
				f.Moves = true
			case s.Touches() && slices.Contains([]string{"EFI stub", "decompressor"}, s.Object) && s.Range.Len() >= payload:
				f.Compressed++
			}
		}
		return f
	})
}

// TestMatrixPromises is the table of PE accuracy in section 18.3: whether the sections say
// what is done with them, and whether the image is loaded at 16 MiB where that is free.
func TestMatrixPromises(t *testing.T) {
	type facts struct{ Broken, At16MiB bool }
	compare(t, map[string]facts{
		"efistub@v6.5": {true, true}, "zboot-x86-rfc": {false, false}, "baskov-v5": {false, true},
		"efistub@v6.6": {true, true}, "efistub": {false, false}, "zboot-x86-2025": {false, false},
		"hybrid": {false, false}, "middle-ground": {false, false},
	}, func(c contender) facts {
		r := c.on(t, "ovmf", func(sc *sim.Scenario) { sc.Map = emptyMachine() })
		image, _ := r.Placement("pe_image")
		return facts{slices.ContainsFunc(r.Findings, func(f sim.Finding) bool { return f.Rule == "pe-promise" }), image.Range.Start == 16*memmap.MiB}
	})
}

// emptyMachine has 2 GiB, of which the firmware shows nothing to be in use.
func emptyMachine() *memmap.Map {
	return &memmap.Map{Kind: memmap.EFI, Descriptors: []memmap.EFIDescriptor{
		{Type: memmap.EFIConventional, Phys: 0x1000, Pages: 0x9f, Attr: memmap.EFIWB},
		{Type: memmap.EFIConventional, Phys: memmap.MiB, Pages: 0x7ff00, Attr: memmap.EFIWB},
	}}
}

// TestMatrixKASLR is section 18.4: the lowest place of the kernel, the lowest virtual
// address, what nokaslr gives, and whether the kernel makes its regions random as well.
func TestMatrixKASLR(t *testing.T) {
	const linked, twice = 0xffffffff81000000, 0xffffffff82000000
	type facts struct {
		Lowest, Virtual uint64 // with random numbers that are 0
		Without         uint64 // with nokaslr
		StillRandom     bool   // the virtual address, with nokaslr
		Regions         bool
	}
	// The image of 6.12 takes 0xbec000 bytes in the split layout, 0xc0b000 in Baskov's, 0x39ee000 in
	// the old one. What has to lie above an image at 16 MiB begins at the next multiple of 2 MiB
	// behind it; the decompressor's code also keeps out of init_size bytes from 16 MiB on. The
	// RFC's block is the last with room for 0x2d2a000 bytes below its image, which lies at the top.
	compare(t, map[string]facts{
		"efistub@v6.5":   {0x4a00000, linked, 0x1000000, false, true},
		"zboot-x86-rfc":  {0x200000, twice, 0x7ba00000, true, false},
		"baskov-v5":      {0x4a00000, linked, 0x1e00000, false, true},
		"efistub@v6.6":   {0x4a00000, linked, 0x4a00000, false, false},
		"efistub":        {0x1000000, linked, 0x1000000, false, true},
		"zboot-x86-2025": {0x1000000, linked, 0x1000000, false, true},
		"hybrid":         {0x200000, twice, 0x7ba00000, true, false},
		"middle-ground":  {0x1000000, linked, 0x1000000, false, true},
	}, func(c contender) facts {
		run := func(cmdline string, random sim.Fixed) (phys, virt uint64, regions bool) {
			r := c.on(t, "ovmf", func(sc *sim.Scenario) {
				sc.Map, sc.Cmdline, sc.Random = emptyMachine(), cmdline, random
			})
			kernel, _ := r.Placement("kernel")
			direct, _ := r.Placement("direct_map")
			return kernel.Range.Start, kernel.Virtual, direct.Virtual != 0xff11000000000000
		}
		var f facts
		f.Lowest, f.Virtual, f.Regions = run("", sim.Fixed{MemoryValue: 1 << 63})
		var virt uint64
		f.Without, virt, _ = run("nokaslr", sim.Fixed{Seed: [2]uint32{1 << 31, 1 << 31}, PhysicalValue: 100, VirtualValue: 100})
		f.StillRandom = virt != linked
		return f
	})
}

// TestMatrixCompatibility is section 18.5, as far as a boot shows it: whether the design
// can be entered by the handover protocol and by 32-bit firmware, and what mem= does.
func TestMatrixCompatibility(t *testing.T) {
	type facts struct {
		Handover, Mixed bool
		Obeys           bool // mem=1G: the kernel ends below 1 GiB, although the seeds say otherwise
	}
	compare(t, map[string]facts{
		"efistub@v6.5": {true, true, true}, "zboot-x86-rfc": {false, false, false}, "baskov-v5": {true, true, true},
		"efistub@v6.6": {true, true, false}, "efistub": {true, true, true}, "zboot-x86-2025": {false, false, true},
		"hybrid": {false, false, false}, "middle-ground": {true, true, true},
	}, func(c contender) facts {
		enters := func(change func(*sim.Scenario)) bool {
			r := c.on(t, "ovmf", change)
			if r.Outcome != sim.Boots && r.Findings[len(r.Findings)-1].Rule != "unsupported" {
				t.Errorf("%v: %s", c, r.Failure)
			}
			return r.Outcome == sim.Boots
		}
		limited := c.on(t, "ovmf", func(sc *sim.Scenario) {
			sc.Cmdline, sc.Random = "mem=1G", sim.Fixed{Seed: [2]uint32{^uint32(0), 0}}
		})
		kernel, _ := limited.Placement("kernel")
		return facts{
			Handover: enters(func(sc *sim.Scenario) { sc.Loader = "handover" }),
			Mixed:    enters(func(sc *sim.Scenario) { sc.Firmware.IA32, sc.CPU.LA57 = true, false }),
			Obeys:    kernel.Range.End <= memmap.GiB,
		}
	})
}

// TestMatrixPaging is section 18.6: when the switch has memory and when it runs, with and
// without a level to change, whose page tables the kernel gets, and whether a handler
// maps what faults.
func TestMatrixPaging(t *testing.T) {
	type facts struct {
		Taken, Run         bool // the CPU has 5 levels, and they are wanted
		TakenNot, RunNot   bool // no5lvl
		Unneeded, RunSmall bool // the CPU has none
		Tables             string
		Handler            bool
	}
	compare(t, map[string]facts{
		"efistub@v6.5":   {true, true, true, true, true, true, "own", true},
		"zboot-x86-rfc":  {true, true, false, false, false, false, "firmware", false},
		"baskov-v5":      {true, true, true, true, true, true, "firmware", false},
		"efistub@v6.6":   {true, true, true, false, false, false, "firmware", false},
		"efistub":        {true, true, true, false, false, false, "firmware", false},
		"zboot-x86-2025": {true, true, true, false, false, false, "firmware", false},
		"hybrid":         {true, true, false, false, false, false, "firmware", false},
		"middle-ground":  {true, true, true, false, false, false, "firmware", false},
	}, func(c contender) facts {
		var f facts
		wanted := c.on(t, "ovmf", nil)
		f.Taken, f.Run = switched(wanted)
		f.TakenNot, f.RunNot = switched(c.on(t, "ovmf", func(sc *sim.Scenario) { sc.Cmdline = "no5lvl" }))
		f.Unneeded, f.RunSmall = switched(c.on(t, "ovmf", func(sc *sim.Scenario) { sc.CPU.LA57 = false }))
		f.Tables, f.Handler = "own", wanted.After.Tables.OnFault != 0
		if strings.HasPrefix(wanted.After.Tables.Name, "firmware") {
			f.Tables = "firmware"
		}
		return f
	})
}
