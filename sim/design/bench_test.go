package design_test

import (
	"fmt"
	"testing"

	"bootplan/image"
	"bootplan/memmap"
	"bootplan/memmap/gallery"
	"bootplan/sim"
	"bootplan/sim/check"
	"bootplan/sim/design"
)

// BenchmarkBoot is one boot with every check and no trace, as searches run it, on OVMF's
// map of 127 descriptors.
func BenchmarkBoot(b *testing.B) {
	for _, d := range design.All() {
		b.Run(d.Name(), func(b *testing.B) { benchmarkBoots(b, d, gallery.OVMF2G()) })
	}
}

// BenchmarkDescriptors is the same on maps of up to 100 times as many descriptors: the
// time for each of them stays about the same.
func BenchmarkDescriptors(b *testing.B) {
	for _, name := range []string{"bzimage", "efistub"} {
		for _, n := range []int{127, 1270, 12700} {
			d, err := design.Named(name)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				benchmarkBoots(b, d, crowded(n))
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/descriptor")
			})
		}
	}
}

func benchmarkBoots(b *testing.B, d sim.Design, m *memmap.Map) {
	kernel, err := image.Profile("debian-6.12")
	if err != nil {
		b.Fatal(err)
	}
	sc := &sim.Scenario{
		Map: m, Kernel: kernel, CPU: sim.CPU{LA57: true, NX: true}, Initrd: sim.Initrd{Size: 20 << 20}, Random: sim.Seeded(1),
	}
	runner := sim.NewRunner(sim.Options{Checks: check.All()})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := runner.Run(d, sc); err != nil {
			b.Fatal(err)
		}
	}
}

// crowded is OVMF's map with further memory above 4 GiB, in which free memory and that of
// boot services alternate, up to n descriptors.
func crowded(n int) *memmap.Map {
	m := gallery.OVMF2G()
	for at := 4 * memmap.GiB; m.Len() < n; at += 2 * memmap.PageSize {
		t := memmap.EFIConventional
		if m.Len()%2 != 0 {
			t = memmap.EFIBootServicesData
		}
		m.Descriptors = append(m.Descriptors, memmap.EFIDescriptor{Type: t, Phys: at, Pages: 2, Attr: memmap.EFIWB})
	}
	return m
}
