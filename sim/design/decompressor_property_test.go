package design_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/memmap/mapgen"
	"bootplan/sim"
	"bootplan/sim/check"
	"bootplan/sim/design"
)

// mustHold are the rules that boot code with the decompressor keeps on every map: nothing
// that is still needed is overwritten, no code is executed that was, no buffer ends too
// soon, and all that is touched is mapped.
var mustHold = []string{
	"clobber", "stale-exec", "overrun", "unmapped", "nx-exec", "ro-write", "not-ram", "footprint", "use-after-free", "bad-free",
	"heap-exhausted", "stack-exhausted", "pagetables-exhausted", "above-4g", "out-of-range", "unaccepted", "firmware-touched",
}

// bareDesigns are all that a boot loader enters, and the one that does not move itself.
func bareDesigns(t *testing.T) []*design.Design {
	list := []*design.Design{withChoices(t, "bzimage", "self-relocation", "never")}
	for _, name := range []string{"bzimage", "bzimage@v7.2", "bzimage@v6.5", "bzimage@v5.15", "bzimage@v5.10", "bzimage@v5.3", "bzimage@v4.18", "decompressor-nx"} {
		list = append(list, withChoices(t, name))
	}
	return list
}

// TestDecompressorsOnMaps: on a machine whose RAM from 1 MiB to 1 GiB is whole, with
// anything above, every release boots by every loader without damage, to a kernel that lies
// in RAM, apart from initrd, command line and boot_params.
func TestDecompressorsOnMaps(t *testing.T) {
	kernel, designs := debian612(t), bareDesigns(t)
	rapid.Check(t, func(t *rapid.T) {
		m := &memmap.Map{Kind: memmap.E820, Entries: []memmap.E820Entry{
			{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM},
			{Addr: 0x9fc00, Size: 0x400, Type: memmap.E820Reserved},
			{Addr: memmap.MiB, Size: memmap.GiB - memmap.MiB, Type: memmap.E820RAM},
		}}
		for _, e := range rapid.OneOf(mapgen.E820(), mapgen.RealisticE820()).Draw(t, "above") {
			if e.Addr >= memmap.GiB {
				m.Entries = append(m.Entries, e)
			}
		}
		sc := options(t, &sim.Scenario{Map: m, Kernel: kernel, BIOS: linux.BIOSWords{BaseKiB: 639, EBDASegment: 0x9fc0}})
		sc.Loader = rapid.SampledFrom([]string{"qemu", "ipxe", "grub", "kexec64"}).Draw(t, "loader")
		d := rapid.SampledFrom(designs).Draw(t, "design")
		r := undamaged(t, d, sc)
		if r.Outcome != sim.Boots {
			t.Fatalf("%s: %s: %s", d.Name(), r.Outcome, r.Failure)
		}
		apart(t, r, m.RAM())
		if wx, _ := r.Metric(sim.WXAtKernelEntry); d.Name() == "decompressor-nx" && sc.CPU.NX && wx.Value != 0 {
			t.Errorf("%#x bytes can be written and executed", uint64(wx.Value))
		}
	})
}

// undamaged runs a boot and reports damage above 1 MiB, and below where the map is known.
func undamaged(t *rapid.T, d *design.Design, sc *sim.Scenario) *sim.Result {
	r, err := sim.Run(d, sc, sim.Options{Trace: true, Checks: check.All()})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		if slices.Contains(mustHold, f.Rule) && (sc.Map.Kind == memmap.E820 || f.Range.Start >= memmap.MiB) {
			t.Errorf("%s: %s at step %d: %s", d.Name(), f.Rule, f.Step+1, f.Message)
		}
	}
	return r
}

// apart checks the kernel's place.
func apart(t *rapid.T, r *sim.Result, ram *memmap.Set) {
	kernel, _ := r.Placement("kernel")
	if !ram.Covers(kernel.Range) || kernel.Range.Start%(2*memmap.MiB) != 0 || kernel.Range.Start < 16*memmap.MiB {
		t.Errorf("kernel at %v: not in RAM, not aligned, or too low", kernel.Range)
	}
	for _, name := range []string{"initrd", "command_line", "boot_params"} {
		if p, ok := r.Placement(name); ok && p.Range.Overlaps(kernel.Range) {
			t.Errorf("kernel at %v, %s at %v", kernel.Range, name, p.Range)
		}
	}
}

// TestOldStubsOnMaps: on every map on which they find memory, old stubs lead to a kernel in
// what was free, without damage to anything but low memory, in which the paging trampoline
// may lie wherever the map says nothing better. Firmware that maps data without execute
// permission changes nothing where the stub does something about that, which it does not
// for mirrored memory.
func TestOldStubsOnMaps(t *testing.T) {
	var designs []*design.Design
	for _, name := range []string{"efistub@v5.10", "efistub@v5.15", "efistub@v6.5", "la57-cleanup"} {
		designs = append(designs, withChoices(t, name))
	}
	kernel, nx := debian510(t), policy(t, "edk2-nx")
	rapid.Check(t, func(t *rapid.T) {
		m := &memmap.Map{Kind: memmap.EFI, Descriptors: rapid.OneOf(mapgen.EFI(), mapgen.RealisticEFI()).Draw(t, "map")}
		sc := options(t, &sim.Scenario{Map: m, Kernel: kernel})
		sc.Loader = rapid.SampledFrom([]string{"", "handover"}).Draw(t, "loader")
		d := rapid.SampledFrom(designs).Draw(t, "design")
		mirrored := slices.ContainsFunc(m.Descriptors, func(d memmap.EFIDescriptor) bool { return d.Attr&memmap.EFIMoreReliable != 0 })
		if d.Choices.NX != "none" && !mirrored && rapid.Bool().Draw(t, "policy") {
			sc.Policy = nx
		}
		r := undamaged(t, d, sc)
		if _, placed := r.Placement("kernel"); placed {
			apart(t, r, free(m))
		}
	})
}

// free is the memory that an EFI map shows as free, accepted or not.
func free(m *memmap.Map) *memmap.Set {
	free := &memmap.Set{}
	for _, d := range m.Descriptors {
		if r, err := d.Range(); err == nil && (d.Type == memmap.EFIConventional || d.Type == memmap.EFIUnaccepted) {
			free.Add(r)
		}
	}
	return free
}
