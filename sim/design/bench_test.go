package design_test

import (
	"testing"

	"bootplan/image"
	"bootplan/memmap/gallery"
	"bootplan/sim"
	"bootplan/sim/check"
	"bootplan/sim/design"
)

// BenchmarkBoot is one boot with every check and no trace, as searches run it.
func BenchmarkBoot(b *testing.B) {
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
			runner := sim.NewRunner(sim.Options{Checks: check.All()})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := runner.Run(d, sc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
