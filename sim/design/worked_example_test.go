package design_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/image"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/memmap/gallery"
	"bootplan/sim"
)

// The numbers below are those of a worked example that was computed by hand from
// the image of Debian's Linux 6.12.117 and compared with recorded boots.

// oneGiB is the e820 map of QEMU's pc machine with 1 GiB.
func oneGiB() *memmap.Map {
	return &memmap.Map{Kind: memmap.E820, Label: "BIOS-e820", Entries: []memmap.E820Entry{
		{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM},
		{Addr: 0x9fc00, Size: 0x400, Type: memmap.E820Reserved},
		{Addr: 0xf0000, Size: 0x10000, Type: memmap.E820Reserved},
		{Addr: 0x100000, Size: 0x3fee0000, Type: memmap.E820RAM},
		{Addr: 0x3ffe0000, Size: 0x20000, Type: memmap.E820Reserved},
	}}
}

// profile is an embedded kernel.
func profile(t *testing.T, name string) *image.Kernel {
	t.Helper()
	k, err := image.Profile(name)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func debian612(t *testing.T) *image.Kernel { return profile(t, "debian-6.12") }

// boot runs the design of a name, traced and checked.
func boot(t *testing.T, name string, sc *sim.Scenario) *sim.Result {
	t.Helper()
	return tell(t, withChoices(t, name), sc)
}

// places are the placements of r that want names.
func places(r *sim.Result, want map[string]memmap.Range) map[string]memmap.Range {
	got := map[string]memmap.Range{}
	for name := range want {
		if p, ok := r.Placement(name); ok {
			got[name] = p.Range
		}
	}
	return got
}

func bios(t *testing.T, cmdline string) *sim.Scenario {
	return &sim.Scenario{
		Map: oneGiB(), Kernel: debian612(t), Cmdline: cmdline, CPU: sim.CPU{LA57: true, NX: true},
		Initrd: sim.Initrd{Size: 1031920, Addr: 0x3fee4000},
		BIOS:   linux.BIOSWords{BaseKiB: 639, EBDASegment: 0x9fc0},
		Random: sim.Fixed{},
	}
}

func TestWorkedExampleBIOS(t *testing.T) {
	r := boot(t, "bzimage", bios(t, "nokaslr"))
	if r.Outcome != sim.Boots {
		t.Fatalf("%s: %s", r.Outcome, r.Failure)
	}
	want := map[string]memmap.Range{
		"kernel":            {Start: 0x1000000, End: 0x3c30000},
		"kernel_output":     {Start: 0x1000000, End: 0x46fa00c},
		"compressed_kernel": {Start: 0x100000, End: 0xc81200},
		"relocated_image":   {Start: 0x3c07000, End: 0x47ee000},
		"payload":           {Start: 0x3c072cc, End: 0x47514fc},
		"stack":             {Start: 0x4789000, End: 0x478d000},
		"heap":              {Start: 0x478e040, End: 0x47be040},
		"page_tables":       {Start: 0x47cd000, End: 0x47ed000},
		"top_page_table":    {Start: 0x47ed000, End: 0x47ee000},
		"paging_trampoline": {Start: 0x9d000, End: 0x9f000},
	}
	if diff := cmp.Diff(want, places(r, want)); diff != "" {
		t.Errorf("placements, -worked out +simulated:\n%s", diff)
	}
	// Moves and jumps: range, and source of a copy.
	type act struct{ Range, From memmap.Range }
	var got []act
	for _, s := range r.Steps {
		if s.Phase == sim.Decompressor && (s.Op == sim.Copy || s.Op == sim.Exec) && s.Range.Start >= memmap.MiB && s.Object != "decompressor's BSS" {
			got = append(got, act{s.Range, s.From})
		}
	}
	moves := []act{
		{Range: memmap.Range{Start: 0x100000, End: 0x100200}},                                                                    // startup_32
		{Range: memmap.Range{Start: 0x100200, End: 0x1002cc}},                                                                    // startup_64
		{memmap.Range{Start: 0x47ed000, End: 0x47ee000}, memmap.Range{Start: 0x9d000, End: 0x9e000}},                             // top_pgtable
		{memmap.Range{Start: 0x3c07000, End: 0x4789000}, memmap.Range{Start: 0x100000, End: 0xc82000}},                           // self-copy
		{Range: memmap.Range{Start: 0x4751500, End: 0x4787000}},                                                                  // .Lrelocated, up to _data
		{memmap.Range{Start: 0x1000000, End: 0x46fa00c}, memmap.Range{Start: 0x3c072cc, End: 0x47514fc}},                         // decompression
		{memmap.Range{Start: 0x1000000, End: 0x1000000 + 0x1b705f8}, memmap.Range{Start: 0x1200000, End: 0x1000000 + 0x1d705f8}}, // text, rodata
		{memmap.Range{Start: 0x2c00000, End: 0x3301000}, memmap.Range{Start: 0x2e00000, End: 0x3501000}},                         // data
		{memmap.Range{Start: 0x3301000, End: 0x333a000}, memmap.Range{Start: 0x3600000, End: 0x3639000}},                         // percpu
		{memmap.Range{Start: 0x333a000, End: 0x4200000}, memmap.Range{Start: 0x373a000, End: 0x4600000}},                         // init, bss, brk, scratch
		{Range: memmap.Range{Start: 0x1000b53, End: 0x1000b93}},                                                                  // entry
	}
	if diff := cmp.Diff(moves, got); diff != "" {
		t.Errorf("moves and jumps, -worked out +simulated:\n%s", diff)
	}
}

func TestWorkedExampleBIOSRandom(t *testing.T) {
	// The 448th slot and the 477th virtual address are the last ones.
	sc := bios(t, "")
	sc.Random = sim.Fixed{PhysicalValue: 447, VirtualValue: 476}
	r := boot(t, "bzimage", sc)
	kernel, _ := r.Placement("kernel")
	type facts struct {
		Phys, Virt, Slots, VirtualSlots, First uint64
		Areas                                  int
	}
	plan := r.Randomness.Decompressor
	got := facts{kernel.Range.Start, kernel.Virtual - 0xffffffff80000000, plan.Slots, plan.VirtualSlots, plan.Areas[0].Start, len(plan.Areas)}
	if diff := cmp.Diff(facts{0x3c600000, 0x3c800000, 448, 477, 0x4800000, 1}, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
}

func TestWorkedExampleEFI(t *testing.T) {
	sc := &sim.Scenario{
		Map: gallery.OVMF2G(), Kernel: debian612(t), Cmdline: "nokaslr", CPU: sim.CPU{LA57: true, NX: true},
		Policy: policy(t, "edk2-nx-attr"), Random: sim.Fixed{},
	}
	r := boot(t, "efistub", sc)
	if r.Outcome != sim.Boots {
		t.Fatalf("%s: %s", r.Outcome, r.Failure)
	}
	want := map[string]memmap.Range{
		"kernel_block": {Start: 0x1600000, End: 0x4e00000},
		"kernel":       {Start: 0x1600000, End: 0x1600000 + 0x2c30000},
	}
	if diff := cmp.Diff(want, places(r, want)); diff != "" {
		t.Errorf("placements, -worked out +simulated:\n%s", diff)
	}
	image, _ := r.Placement("pe_image")
	if got := image.Range.Len(); got != 0xbec000 {
		t.Errorf("PE image of %#x bytes, SizeOfImage is 0xbec000", got)
	}
	var protected, entered memmap.Range
	for _, s := range r.Steps {
		if s.Op == sim.Protect && s.Object == "kernel" && s.Phase == sim.Stub {
			protected = s.Range
		}
		if s.Op == sim.Exec && s.Object == "kernel" {
			entered = s.Range
		}
	}
	if diff := cmp.Diff([]memmap.Range{{Start: 0x1600000, End: 0x2600000}, {Start: 0x1600b53, End: 0x1600b93}}, []memmap.Range{protected, entered}); diff != "" {
		t.Errorf("text made executable, entry; -worked out +simulated:\n%s", diff)
	}
}

func TestWorkedExampleEFIRandom(t *testing.T) {
	sc := &sim.Scenario{
		Map: gallery.OVMF2G(), Kernel: debian612(t), CPU: sim.CPU{LA57: true, NX: true},
		Random: sim.Fixed{Seed: [2]uint32{^uint32(0), ^uint32(0)}},
	}
	r := boot(t, "efistub", sc)
	kernel, _ := r.Placement("kernel")
	if got := kernel.Virtual - 0xffffffff80000000; got != 0x3d200000 {
		t.Errorf("highest virtual offset %#x, worked out 0x3d200000", got)
	}
	d, err := r.Randomness.Virtual()
	if err != nil || d.Places != 482 {
		t.Errorf("%d virtual places (%v), worked out 482", d.Places, err)
	}
}

// exampleKernel is the kernel of the worked example on memory: 36 MiB unpacked, 9 MiB
// compressed, a decompressor of 0x970000 bytes, 40 MiB in memory, and 32 KiB of setup code.
// Its PE image has code and data apart, or not.
func exampleKernel(t *testing.T, split bool) *image.Kernel {
	k := *debian612(t)
	setup, payload, d, vo, pe := *k.Setup, *k.Payload, *k.Decompressor, *k.VO, *k.PE
	setup.SetupSects, setup.InitSize, setup.PayloadLength = 63, 0x2800000, 0x900000
	payload.Size, payload.Uncompressed = 0x900000, 0x2400000
	d.BSS, d.EBSS, d.End = 0x90d000, 0x950000, 0x970000
	vo.TotalSize, vo.Layout = 0x2800000, nil
	pe.Sections = nil
	if split {
		pe.Sections = []image.Section{{Name: ".data"}}
	}
	k.Setup, k.Payload, k.Decompressor, k.VO, k.PE = &setup, &payload, &d, &vo, &pe
	k.FileSize = 0x8000 + 0x90b000
	return &k
}

// TestWorkedExampleMemory: what a boot needs at its peak, after the image has been loaded
// and without initrd and pool blocks: image, kernel, two pages for the paging switch and
// one for boot_params.
func TestWorkedExampleMemory(t *testing.T) {
	want := map[string]uint64{
		"efistub":      0x978000 + 0x2800000 + 0x2000 + 0x1000,  // 0x317b000
		"efistub@v6.6": 0x2a00000 + 0x2800000 + 0x2000 + 0x1000, // init_size and 2 MiB of slack
	}
	for name, total := range want {
		sc := ovmf(t, "nokaslr")
		sc.Kernel = exampleKernel(t, name == "efistub@v6.6") // the other layout, so that it is arranged
		r := boot(t, name, sc)
		var got uint64
		for _, part := range []string{"pe_image", "kernel_block", "paging_trampoline", "boot_params"} {
			p, _ := r.Placement(part)
			got += p.Range.Len()
		}
		if got != total {
			t.Errorf("%s: %#x bytes, worked out %#x (%s)", name, got, total, r.Failure)
		}
	}
}
