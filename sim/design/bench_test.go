package design_test

import (
	"testing"

	"bootplan/image"
	"bootplan/memmap/gallery"
	"bootplan/sim"
	"bootplan/sim/check"
	"bootplan/sim/design"
)

// BenchmarkRun is one boot with every check and no trace, as searches run it.
func BenchmarkRun(b *testing.B) {
	kernel, err := image.Profile("debian-6.12")
	if err != nil {
		b.Fatal(err)
	}
	sc := &sim.Scenario{
		Map: gallery.OVMF2G(), Kernel: kernel, CPU: sim.CPU{LA57: true, NX: true},
		Initrd: sim.Initrd{Size: 20 << 20}, Random: sim.Seeded(1),
	}
	for _, d := range design.All() {
		b.Run(d.Name(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sim.Run(d, sc, sim.Options{Checks: check.All()}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
