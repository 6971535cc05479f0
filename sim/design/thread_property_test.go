package design_test

import (
	"testing"

	"pgregory.net/rapid"

	"bootplan/memmap"
	"bootplan/memmap/mapgen"
	"bootplan/rule"
	"bootplan/sim"
	"bootplan/sim/check"
	"bootplan/sim/design"
)

// clean boots sc and reports every error that is not a lack of memory, which the kernel
// proper may find as well.
func clean(t *rapid.T, d *design.Design, sc *sim.Scenario) *sim.Result {
	r, err := sim.Run(d, sc, sim.Options{Trace: true, Checks: check.All()})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		if f.Severity == rule.Error && f.Rule != "no-memory" && f.Rule != "kernel-panic" {
			t.Errorf("%s: %s at step %d: %s", d.Name(), f.Rule, f.Step+1, f.Message)
		}
	}
	return r
}

// TestCleanOnEFI: where the firmware offers the memory attribute protocol, neither the
// redesign of 2025 nor the proposal between zboot and decompressor gives reason for an
// error, however memory is laid out.
func TestCleanOnEFI(t *testing.T) {
	kernel := debian612(t)
	boots := 0
	rapid.Check(t, func(t *rapid.T) {
		d, err := design.Named(rapid.SampledFrom([]string{"zboot-x86-2025", "middle-ground"}).Draw(t, "design"))
		if err != nil {
			t.Fatal(err)
		}
		m := &memmap.Map{Kind: memmap.EFI, Descriptors: mapgen.RealisticEFI().Draw(t, "map")}
		sc := options(t, &sim.Scenario{Map: m, Kernel: kernel})
		sc.Services.RNG = rapid.Bool().Draw(t, "rng")
		sc.Policy = policy(t, rapid.SampledFrom([]string{"ovmf-attr", "edk2-nx-attr", "edk2-nx-image-attr", "strict", "strict-block"}).Draw(t, "policy"))
		if clean(t, d, sc).Outcome == sim.Boots {
			boots++
		}
	})
	if boots == 0 {
		t.Error("none of the generated machines boots")
	}
	t.Logf("%d machines boot", boots)
}

// bareMachine has RAM from 1 MiB to at least 32 MiB, where boot loaders put what they load
// without looking, and anything above.
func bareMachine(t *rapid.T) *memmap.Map {
	end := rapid.SampledFrom([]uint64{32, 80, 128, 3072}).Draw(t, "MiB of RAM") * memmap.MiB
	m := &memmap.Map{Kind: memmap.E820, Entries: []memmap.E820Entry{
		{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM},
		{Addr: 0x9fc00, Size: 0x400, Type: memmap.E820Reserved},
		{Addr: memmap.MiB, Size: end - memmap.MiB, Type: memmap.E820RAM},
	}}
	for _, e := range rapid.OneOf(mapgen.E820(), mapgen.RealisticE820()).Draw(t, "above") {
		if e.Addr >= end {
			m.Entries = append(m.Entries, e)
		}
	}
	return m
}

// TestCleanWithoutFirmware: whatever the e820 map, the proposals take memory that it
// shows as RAM, never below 1 MiB, and where mem= and the 4 GiB allow, and give no reason
// for an error.
func TestCleanWithoutFirmware(t *testing.T) {
	kernel := debian612(t)
	boots := 0
	rapid.Check(t, func(t *rapid.T) {
		d, err := design.Named(rapid.SampledFrom([]string{"middle-ground", "hybrid"}).Draw(t, "design"))
		if err != nil {
			t.Fatal(err)
		}
		malloc := rapid.SampledFrom([]string{"either", "either-upwards", "either-anywhere"}).Draw(t, "malloc")
		if d, err = d.With("malloc", malloc); err != nil {
			t.Fatal(err)
		}
		m := bareMachine(t)
		sc := options(t, &sim.Scenario{Map: m, Kernel: kernel})
		sc.Initrd.Size = min(sc.Initrd.Size, memmap.MiB) // loaders put larger ones over their own file
		sc.Loader = rapid.SampledFrom([]string{"qemu", "ipxe", "grub", "kexec64"}).Draw(t, "loader")
		r := clean(t, d, sc)
		if r.Outcome == sim.Boots {
			boots++
		}
		ram := &memmap.Set{}
		for _, e := range m.Entries {
			if r, err := e.Range(); err == nil && e.Type == memmap.E820RAM {
				ram.Add(r)
			}
		}
		end := ^uint64(0)
		if malloc != "either-anywhere" {
			end = 4 * memmap.GiB
		}
		if sc.Cmdline == "mem=2G quiet" {
			end = 2 * memmap.GiB
		}
		for _, s := range r.Steps {
			if s.Op == sim.Alloc && s.Phase == sim.Decompressor && (!ram.Covers(s.Range) || s.Range.Start < memmap.MiB || s.Range.End > end) {
				t.Errorf("%s at %v is not free memory from 1 MiB to %#x", s.Object, s.Range, end)
			}
		}
	})
	if boots == 0 {
		t.Error("none of the generated machines boots")
	}
	t.Logf("%d machines boot", boots)
}
