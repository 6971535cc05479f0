package kernel_test

import (
	"testing"

	"bootplan/image"
	"bootplan/memmap"
	"bootplan/memmap/gallery"
	"bootplan/sim/kernel"
)

// afterStub is what the EFI stub leaves on QEMU's OVMF with 2 GiB.
func afterStub(t testing.TB) *kernel.Handover {
	k, err := image.Profile("debian-6.12")
	if err != nil {
		t.Fatal(err)
	}
	m := gallery.OVMF2G()
	return &kernel.Handover{
		Version: k.Version, TypeOfLoader: 0x21,
		Image:  kernel.Image{Phys: 0x1600000, Layout: *k.VO.Layout, RealModeSize: 0x7000},
		Memory: memmap.BootMemory{Table: memmap.ToE820(m.Descriptors, memmap.ConvertOptions{})},
		EFI:    &kernel.EFI{MapAddr: 0x7f771040, DescSize: 48, Descriptors: m.Descriptors},
		CPU:    kernel.CPU{LA57: true, GBPages: true},
	}
}

// BenchmarkSetupArch is one run, as searches need it and as run --log prints it.
func BenchmarkSetupArch(b *testing.B) {
	h := afterStub(b)
	b.Run("silent", func(b *testing.B) {
		var again kernel.Setup
		b.ReportAllocs()
		for b.Loop() {
			if _, err := again.Arch(h); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("debug", func(b *testing.B) {
		h.Cmdline = "memblock=debug efi=debug"
		lines := 0
		h.Log = func(string) { lines++ }
		b.ReportAllocs()
		for b.Loop() {
			if _, err := kernel.SetupArch(h); err != nil {
				b.Fatal(err)
			}
		}
	})
}
