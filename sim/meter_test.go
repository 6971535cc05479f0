package sim_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/sim"
)

// figures are those figures of r that want names.
func figures(r *sim.Result, want map[string]float64) map[string]float64 {
	got := map[string]float64{}
	for name := range want {
		if m, ok := r.Metric(name); ok {
			got[name] = m.Value
		}
	}
	return got
}

// TestHeldMemory: allocated, written or claimed, each byte counts once, while it is held.
func TestHeldMemory(t *testing.T) {
	result := tell(t, e820(), func(b *sim.Boot) error {
		b.In(sim.Loader)
		b.Do(sim.Step{Op: sim.Alloc, Object: "file", Range: r(0x100000, 0x200000)})
		b.Do(sim.Step{Op: sim.Free, Object: "file", Range: r(0x180000, 0x200000)}) // before boot code runs: no peak
		b.In(sim.Stub)
		b.Do(sim.Step{Op: sim.Alloc, Object: "initrd", Range: r(0x400000, 0x410000)})
		b.Do(sim.Step{Op: sim.Alloc, Object: "block", Range: r(0x500000, 0x501000), Where: sim.FromPool, Memory: "Loader Data"})
		b.Do(sim.Step{Op: sim.Write, Object: "initrd", Range: r(0x400000, 0x410000)}) // held already
		b.Do(sim.Step{Op: sim.Write, Object: "table", Range: r(0x9000, 0xa000)})
		b.Do(sim.Step{Op: sim.Copy, Object: "low memory", Range: r(0x9000, 0xa000), From: r(0x500000, 0x501000), Restores: true})
		b.Do(sim.Step{Op: sim.Copy, Object: "kernel", Range: r(0x600000, 0x680000), From: r(0x100000, 0x180000), Room: r(0x600000, 0x700000), Lays: sim.KernelImage})
		b.Do(sim.Step{Op: sim.Free, Object: "initrd", Range: r(0x400000, 0x410000)})
		b.In(sim.Kernel)
		b.Do(sim.Step{Op: sim.Alloc, Object: "everything", Range: r(0, 0x10000000)}) // the kernel's own affair
		return nil
	})
	want := map[string]float64{
		sim.PeakBytes:          0x80000 + 0x10000 + 0x1000 + 0x100000,
		sim.PeakUnpackingBytes: 0x80000 + 0x100000,
		sim.BytesCopied:        0x1000 + 0x80000,
		sim.KernelCopies:       1,
		sim.CompressedCopies:   0,
		sim.AllocationCount:    3,
		sim.LowMemoryBytes:     0x1000,
	}
	if diff := cmp.Diff(want, figures(result, want)); diff != "" {
		t.Error(diff)
	}
	requests := []sim.Allocations{
		{Where: sim.Unstated, Count: 2, Bytes: 0x110000},
		{Memory: "Loader Data", Where: sim.FromPool, Count: 1, Bytes: 0x1000},
	}
	if diff := cmp.Diff(requests, result.Allocations); diff != "" {
		t.Error(diff)
	}
}

// TestExposure: how much is mapped W+X after each step, and which bytes are written and
// executed so; a change of permissions between the two redeems them.
func TestExposure(t *testing.T) {
	ram := e820(memmap.E820Entry{Addr: 0x100000, Size: 0x100000, Type: memmap.E820RAM})
	result := tell(t, ram, func(b *sim.Boot) error {
		b.In(sim.Decompressor)
		b.SwitchTo(b.NewTables("own"), sim.Step{})
		b.Do(sim.Step{Op: sim.Map, Object: "x", Range: r(0, 0x400000), Perm: sim.RWX})
		b.Do(sim.Step{Op: sim.Write, Object: "x", Range: r(0x100000, 0x103000)})
		b.Do(sim.Step{Op: sim.Protect, Object: "x", Range: r(0x102000, 0x103000), Perm: sim.RX})
		b.Do(sim.Step{Op: sim.Exec, Object: "x", Range: r(0x101000, 0x102000)})
		b.Do(sim.Step{Op: sim.Exec, Object: "x", Range: r(0x101800, 0x102000)}) // counted before
		b.Do(sim.Step{Op: sim.Exec, Object: "x", Range: r(0x102000, 0x103000)})
		return nil
	})
	var wx []uint64
	for _, s := range result.Steps {
		wx = append(wx, s.WX)
	}
	if diff := cmp.Diff([]uint64{0, 0x100000, 0x100000, 0xff000, 0xff000, 0xff000, 0xff000}, wx); diff != "" {
		t.Error(diff)
	}
	want := map[string]float64{sim.WXPeak: 0x100000, sim.WXSteps: 2*0x100000 + 4*0xff000, sim.WXUsed: 0x1000}
	if diff := cmp.Diff(want, figures(result, want)); diff != "" {
		t.Error(diff)
	}
}
