package design_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/image"
	"bootplan/memmap"
	"bootplan/memmap/gallery"
	"bootplan/sim"
	"bootplan/sim/check"
	"bootplan/sim/design"
)

// roundKernel is the kernel of a worked example: an ELF file of 0x2300000 bytes and
// 0x100000 of relocations, which unpacked and running needs 0x2800000.
func roundKernel(t *testing.T) *image.Kernel {
	k := *debian612(t)
	setup, payload, vo, pe := *k.Setup, *k.Payload, *k.VO, *k.PE
	setup.InitSize, setup.SetupSects, setup.PayloadLength = 0x2800000, 0x8000/512-1, 0x900000
	payload.Uncompressed, payload.Compression = 0x2400000, "gzip"
	vo.TotalSize, vo.BSSOffset, vo.TextSize, vo.Layout = 0x2800000, 0x2200000, 0x1000000, nil
	k.Setup, k.Payload, k.VO, k.PE = &setup, &payload, &vo, &pe
	k.ELF = &image.ELF{Entry: setup.PrefAddress, FileEnd: 0x2300000, Segments: []image.Segment{
		{Type: "PT_LOAD", Perm: "r-x", Offset: 0x100000, Paddr: setup.PrefAddress, Filesz: 0x2200000, Memsz: 0x2800000, Align: 0x200000},
	}}
	k.Relocs = &image.Relocs{Offset: 0x2300000, Bytes: 0x100000}
	k.Decompressor = &image.Decompressor{
		Relocated: 0x901000, BSS: 0x940000, BootHeap: 0x940040, HeapSize: 0x10000, BootStackEnd: 0x955000, EBSS: 0x956000,
		TrampSave: 0x955100, PgTable: 0x956000, TopPgTable: 0x96f000, End: 0x970000,
	}
	k.FileSize = 0x8000 + 0x940000
	pe.SizeOfImage = 0x978000
	pe.Sections = slices.Clone(pe.Sections)
	last := len(pe.Sections) - 1
	pe.Sections[last-1].VirtualAddress, pe.Sections[last-1].RawOffset = 0x8000, 0x8000
	pe.Sections[last-1].VirtualSize, pe.Sections[last-1].RawSize = 0x938000, 0x938000
	pe.Sections[last].VirtualAddress, pe.Sections[last].RawOffset = 0x940000, 0x940000
	pe.Sections[last].VirtualSize, pe.Sections[last].RawSize = 0x38000, 0x8000
	return &k
}

// TestPeakMemory: the most memory that unpacking takes, as worked out by hand for each
// design from the sizes of image, kernel, page tables and boot_params.
func TestPeakMemory(t *testing.T) {
	want := map[string]uint64{
		"efistub@v6.5":  0x2a00000 + 0x2800000 + 0x1000,          // image with room to unpack, place of the kernel, boot_params
		"zboot-x86-rfc": 0x961000 + 0x2900000,                    // image, kernel with its relocations
		"baskov-v5":     0x973000 + 0x28000 + 0x2800000 + 0x3000, // image, which the series makes larger by page tables; kernel, trampoline
		"efistub":       0x978000 + 0x2800000 + 0x2000 + 0x1000,  // image, kernel, paging switch, boot_params
	}
	kernel := roundKernel(t)
	got := map[string]uint64{}
	for name := range want {
		r := boot(t, name, &sim.Scenario{Map: gallery.OVMF2G(), Kernel: kernel, CPU: sim.CPU{LA57: true, NX: true},
			Initrd: sim.Initrd{Size: 0x158000}, Services: sim.Services{RNG: true}, Random: sim.Seeded(1)})
		if r.Outcome != sim.Boots {
			t.Errorf("%s: %s", name, r.Failure)
		}
		m, _ := r.Metric(sim.PeakUnpackingBytes)
		got[name] = uint64(m.Value)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
}

// recounted counts, before each step, what the totals of the last one claim.
type recounted struct{ wx []uint64 }

func (c *recounted) Watches() sim.Ops                    { return sim.AllOps }
func (c *recounted) Begin()                              { c.wx = nil }
func (c *recounted) End(*sim.Machine, func(sim.Finding)) {}
func (c *recounted) Step(m *sim.Machine, _ *sim.Step, _ func(sim.Finding)) {
	c.wx = append(c.wx, m.WX())
}

// TestRunningTotals: after each step the running count of RAM mapped W+X equals a count
// of all page tables.
func TestRunningTotals(t *testing.T) {
	kernel := debian612(t)
	rapid.Check(t, func(t *rapid.T) {
		d, sc := saneBoot(t)
		sc.Kernel = kernel
		var count recounted
		r, err := sim.Run(d, sc, sim.Options{Trace: true, Checks: []sim.Check{&count}})
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(count.wx); i++ {
			if r.Steps[i-1].WX != count.wx[i] {
				t.Fatalf("%s: after step %d (%s %s) %#x bytes by running total, %#x counted",
					d.Name(), i, r.Steps[i-1].Op, r.Steps[i-1].Object, r.Steps[i-1].WX, count.wx[i])
			}
		}
	})
}

// TestMeasuresAreKnown: every figure that a boot states is listed, with its unit.
func TestMeasuresAreKnown(t *testing.T) {
	units := map[string]string{}
	for _, m := range sim.Measures() {
		if _, twice := units[m.Name]; twice || m.Text == "" {
			t.Errorf("%s: listed twice, or without a definition", m.Name)
		}
		units[m.Name] = m.Unit
	}
	stated := map[string]bool{}
	kernel := debian612(t)
	for _, d := range design.All() {
		sc := &sim.Scenario{Map: gallery.OVMF2G(), Kernel: kernel, CPU: sim.CPU{LA57: true, NX: true}, Random: sim.Seeded(1)}
		r, err := sim.Run(d, sc, sim.Options{Trace: true, Checks: check.All()})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range r.Metrics {
			stated[m.Name] = true
			if unit, known := units[m.Name]; !known || unit != m.Unit {
				t.Errorf("%s states %s in %q, which is not listed so", d.Name(), m.Name, m.Unit)
			}
		}
	}
	for name := range units {
		if !stated[name] {
			t.Errorf("%s: no boot states it", name)
		}
	}
}

// TestFiguresOfTheStub: what the present stub does, counted by hand from its story.
func TestFiguresOfTheStub(t *testing.T) {
	sc := &sim.Scenario{Map: gallery.OVMF2G(), Kernel: debian612(t), Cmdline: "nokaslr", CPU: sim.CPU{LA57: true, NX: true},
		Policy: policy(t, "edk2-nx-attr"), Random: sim.Fixed{}}
	r := boot(t, "efistub", sc)
	want := map[string]float64{
		sim.KernelCopies: 1, sim.CompressedCopies: 1, sim.LowMemoryBytes: 0, sim.LowMemoryAllocated: 0,
		sim.PermissionCalls: 4, // read-only and executable, for the switch's code and the kernel's text
		sim.WXUsed:          0,
		sim.BytesCopied:     0x36fa00c + 0x1b705f8 + 0x701000 + 0x39000 + 0xec6000 + 8, // unpacked; four segments moved; options
	}
	got := map[string]float64{}
	for name := range want {
		m, ok := r.Metric(name)
		if ok {
			got[name] = m.Value
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
	requests := 0
	for _, a := range r.Allocations {
		requests += a.Count
		if a.Where == sim.Below && a.Limit == 4*memmap.GiB && a != (sim.Allocations{Memory: "Loader Data", Where: sim.Below, Limit: 4 * memmap.GiB, Count: 1, Bytes: 0x2000}) {
			t.Errorf("below 4 GiB: %+v, expected the two pages of the paging switch", a)
		}
	}
	if m, _ := r.Metric(sim.AllocationCount); int(m.Value) != requests || requests == 0 {
		t.Errorf("%v allocations, %d listed", m.Value, requests)
	}
}

// TestLittleGarbage: a boot without trace, with every check, in the memory of the last
// one, allocates fewer than 100 times.
func TestLittleGarbage(t *testing.T) {
	kernel := debian612(t)
	for _, d := range design.All() {
		runner := sim.NewRunner(sim.Options{Checks: check.All()})
		sc := &sim.Scenario{Map: gallery.OVMF2G(), Kernel: kernel, CPU: sim.CPU{LA57: true, NX: true}, Initrd: sim.Initrd{Size: 20 * memmap.MiB}, Random: sim.Seeded(1)}
		var err error
		n := testing.AllocsPerRun(5, func() { _, err = runner.Run(d, sc) })
		if err != nil || n >= 100 {
			t.Errorf("%s: %v allocations, error %v", d.Name(), n, err)
		}
	}
}
