package kaslr

import (
	"strconv"
	"testing"

	"bootplan/memmap"
)

// BenchmarkReference is the unit in which the kernel's own speed was measured: one
// iteration of a chain of shifts. choose_random_location takes 486 of them on
// bench_efi and 328 on bench_e820.
func BenchmarkReference(b *testing.B) {
	x := uint64(88172645463325252)
	for range b.N {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	if x == 0 {
		b.Fatal("the chain ended")
	}
}

// BenchmarkDecompressorKASLR does all that choose_random_location does on the
// inputs on which the kernel's own code was measured.
func BenchmarkDecompressorKASLR(b *testing.B) {
	for name, in := range benchInputs(b) {
		b.Run(name, func(b *testing.B) {
			var plan Plan
			random := fixed{0x8000000000000123, 0x123456789abcdef}
			b.ReportAllocs()
			for b.Loop() {
				if err := plan.Make(in); err != nil {
					b.Fatal(err)
				}
				if c := plan.Choose(random); c.Kept {
					b.Fatal("no place")
				}
			}
		})
	}
}

// BenchmarkDraws draws a million places from one plan.
func BenchmarkDraws(b *testing.B) {
	in := benchInputs(b)["bench_efi"]
	var plan Plan
	if err := plan.Make(in); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var random counting
		for range 1_000_000 {
			if c := plan.Choose(&random); c.Kept {
				b.Fatal("no place")
			}
		}
	}
}

// BenchmarkDistribution computes on the recorded inputs the distributions of both
// addresses and that of a stub that draws from the same areas, and then that of a
// stub over many areas.
func BenchmarkDistribution(b *testing.B) {
	for name, in := range benchInputs(b) {
		b.Run(name, func(b *testing.B) {
			var plan Plan
			if err := plan.Make(in); err != nil {
				b.Fatal(err)
			}
			var physical, virtual, stub Distribution
			b.ReportAllocs()
			for b.Loop() {
				physical.MakePhysical(&plan)
				virtual.MakeVirtual(&plan)
				if err := stub.Make(plan.Areas, plan.Align, Scaled); err != nil {
					b.Fatal(err)
				}
				if physical.Entropy() < virtual.Entropy() || physical.Places != stub.Places {
					b.Fatal("fewer physical places than virtual ones, or than a stub has")
				}
			}
		})
	}
	for _, n := range []int{10, 100, 1_000, 10_000} {
		b.Run("stub/"+strconv.Itoa(n), func(b *testing.B) {
			var areas []Area
			for i := range uint64(n) {
				areas = append(areas, Area{i * memmap.GiB, 100})
			}
			var d Distribution
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Make(areas, 2*memmap.MiB, Scaled); err != nil || d.Places != uint64(100*n) {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEntries shows that the cost is linear in the entries of the map.
func BenchmarkEntries(b *testing.B) {
	for _, n := range []int{10, 100, 1_000, 10_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			in := scattered(n)
			var plan Plan
			b.ReportAllocs()
			for b.Loop() {
				if err := plan.Make(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// scattered has n pieces of RAM, all but the last too small for the kernel.
func scattered(n int) *Input {
	in := plain()
	in.E820 = nil
	for i := range uint64(n) {
		in.E820 = append(in.E820, memmap.E820Entry{Addr: i * 64 * memmap.MiB, Size: 32 * memmap.MiB, Type: memmap.E820RAM})
	}
	in.E820[n-1].Size = memmap.GiB
	return in
}

// fixed answers with the same numbers each time.
type fixed struct{ physical, virtual uint64 }

func (f fixed) Physical() uint64 { return f.physical }
func (f fixed) Virtual() uint64  { return f.virtual }

// counting answers with 64-bit numbers far apart.
type counting uint64

func (c *counting) Physical() uint64 { *c += 0x9e3779b97f4a7c15; return uint64(*c) }
func (c *counting) Virtual() uint64  { return c.Physical() }
