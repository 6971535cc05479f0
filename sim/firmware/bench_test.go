package firmware_test

import (
	"testing"

	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/memmap/gallery"
	"bootplan/sim"
	"bootplan/sim/firmware"
)

// BenchmarkStart is a boot that ends where firmware begins, on OVMF's map of 127
// descriptors.
func BenchmarkStart(b *testing.B) {
	boots(b, func(*sim.Boot, *firmware.Firmware) {})
}

// BenchmarkPages is BenchmarkStart and 100 pages that are allocated and freed, each of
// which changes permissions.
func BenchmarkPages(b *testing.B) {
	boots(b, func(_ *sim.Boot, f *firmware.Firmware) {
		f.For("page", "", "")
		for range 100 {
			addr, _ := f.AllocatePages(alloc.AnyPages, memmap.EFILoaderCode, 1, 0)
			f.FreePages(addr, 1)
		}
	})
}

func boots(b *testing.B, tale tale) {
	p, err := sim.PolicyNamed("edk2-nx-attr")
	if err != nil {
		b.Fatal(err)
	}
	sc := &sim.Scenario{Map: gallery.OVMF2G(), Policy: p, CPU: sim.CPU{NX: true}}
	runner := sim.NewRunner(sim.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := runner.Run(tale, sc); err != nil {
			b.Fatal(err)
		}
	}
}
