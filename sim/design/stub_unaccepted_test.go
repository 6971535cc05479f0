package design_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/sim"
)

// confidential is a boot in a confidential guest: above 4 GiB, 1023 MiB that begin in the
// middle of a unit of 2 MiB, and a single MiB, have not been accepted.
func confidential(t *testing.T) *sim.Scenario {
	sc := ovmf(t, "nokaslr")
	sc.Map.Descriptors = append(sc.Map.Descriptors,
		memmap.EFIDescriptor{Type: memmap.EFIUnaccepted, Phys: 0x100100000, Pages: 0x3ff00, Attr: memmap.EFIWB},
		memmap.EFIDescriptor{Type: memmap.EFIUnaccepted, Phys: 0x150000000, Pages: 0x100, Attr: memmap.EFIWB})
	return sc
}

// TestUnacceptedMemory: what no bit can stand for is accepted at once: the half unit at the
// beginning, and what is shorter than two units. The bits begin at 4 GiB and end at
// 0x150200000: 641 of them, in 81 bytes behind a head of 24. Debian's 6.1 knows nothing of
// all that, so that the firmware accepts everything.
func TestUnacceptedMemory(t *testing.T) {
	type acceptance struct {
		Table    uint64
		Accepted []memmap.Range
		Phase    sim.Phase
	}
	half, mebibyte := memmap.Range{Start: 0x100100000, End: 0x100200000}, memmap.Range{Start: 0x150000000, End: 0x150100000}
	bitmap := acceptance{105, []memmap.Range{half, mebibyte}, sim.Stub}
	whole := memmap.Range{Start: 0x100100000, End: 0x140000000}
	want := map[release]acceptance{
		first: bitmap, stable: {0, []memmap.Range{whole, mebibyte}, sim.Stub}, current: bitmap, newest: bitmap,
	}
	got := each(t, func() *sim.Scenario { return confidential(t) }, func(r *sim.Result) acceptance {
		if r.Outcome != sim.Boots {
			t.Error(r.Failure)
		}
		table, _ := r.Placement("unaccepted_table")
		a := acceptance{Table: table.Range.Len()}
		for _, s := range r.Steps {
			if s.Op == sim.Accept {
				a.Accepted, a.Phase = append(a.Accepted, s.Range), s.Phase
			}
		}
		return a
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
}

// TestAcceptedForTheDecompressor: the stub of 6.5 leaves the memory that it does not use
// unaccepted, and the decompressor accepts what the kernel gets: here the lowest place that
// begins above 4 GiB. Debian's 6.12 needs 0x3800000 bytes; what has no bit is accepted
// already. The stub of 5.15 knows nothing of all that.
func TestAcceptedForTheDecompressor(t *testing.T) {
	type acceptance struct {
		Output   uint64
		Accepted []memmap.Range
	}
	half, mebibyte := memmap.Range{Start: 0x100100000, End: 0x100200000}, memmap.Range{Start: 0x150000000, End: 0x150100000}
	for name, want := range map[string]acceptance{
		"efistub@v6.5":  {0x100200000, []memmap.Range{half, mebibyte, {Start: 0x100200000, End: 0x103a00000}}},
		"efistub@v5.15": {0x100200000, []memmap.Range{{Start: 0x100100000, End: 0x140000000}, mebibyte}},
	} {
		sc := confidential(t)
		sc.Cmdline = "mem=8G"
		sc.Random = sim.Fixed{}
		var slot uint64
		for _, a := range boot(t, name, sc).Randomness.Decompressor.Areas {
			if a.Start >= 4*memmap.GiB {
				break
			}
			slot += a.Slots
		}
		sc.Random = sim.Fixed{PhysicalValue: slot}
		r := boot(t, name, sc)
		kernel, _ := r.Placement("kernel")
		got := acceptance{Output: kernel.Range.Start}
		for _, s := range r.Steps {
			if s.Op == sim.Accept {
				got.Accepted = append(got.Accepted, s.Range)
			}
		}
		if diff := cmp.Diff(want, got); r.Outcome != sim.Boots || diff != "" {
			t.Errorf("%s: %s %s\n-worked out +simulated:\n%s", name, r.Outcome, r.Failure, diff)
		}
	}
}
