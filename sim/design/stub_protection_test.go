package design_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/sim"
)

// TestOutcomesUnderProtection holds the outcomes against those that were measured with
// builds of OVMF that differ in how they protect memory: on 64-bit firmware the stubs
// that unpack the kernel themselves boot under every policy, whatever the options; on
// 32-bit firmware they give up where the memory attribute protocol is there.
func TestOutcomesUnderProtection(t *testing.T) {
	for _, name := range []string{"ovmf", "ovmf-attr", "edk2-nx", "edk2-nx-attr", "edk2-nx-image", "edk2-nx-image-attr"} {
		for _, cmdline := range []string{"", "nokaslr", "no5lvl"} {
			for _, la57 := range []bool{true, false} {
				for r, got := range each(t, func() *sim.Scenario {
					sc := ovmf(t, cmdline)
					sc.Policy, sc.CPU.LA57 = policy(t, name), la57
					return sc
				}, func(r *sim.Result) sim.Outcome { return r.Outcome }) {
					if got != sim.Boots {
						t.Errorf("%s on %s, %q, LA57 %v: %s", r, name, cmdline, la57, got)
					}
				}
			}
		}
	}
}

// String is how a test names a release.
func (r release) String() string { return fmt.Sprintf("%s with %s", r.Design, r.Profile) }

// thirtyTwoBit is a boot on 32-bit OVMF, with or without the memory attribute protocol.
func thirtyTwoBit(t *testing.T, protection string) *sim.Scenario {
	sc := ovmf(t, "")
	sc.Firmware = sim.FirmwareProfile{Kind: sim.EDK2Stable202502, IA32: true}
	sc.Policy = policy(t, protection)
	return sc
}

// TestMixedMode: the words are those that were recorded. The first release ignores what
// the protocol answers.
func TestMixedMode(t *testing.T) {
	type end struct {
		Outcome  sim.Outcome
		Messages []string
	}
	boots := end{Outcome: sim.Boots}
	gaveUp := end{sim.Fails, []string{
		"EFI stub: WARNING: Failed to set EFI_MEMORY_RO attribute",
		"EFI stub: ERROR: Failed to decompress kernel",
		"EFI stub: ERROR: efi_stub_entry() failed!",
	}}
	ignored := end{sim.Boots, []string{"EFI stub: WARNING: Failed to clear EFI_MEMORY_XP attribute"}}
	for protection, want := range map[string]map[release]end{
		"ovmf":      {first: boots, stable: boots, current: boots, newest: boots},
		"ovmf-attr": {first: ignored, stable: gaveUp, current: gaveUp, newest: gaveUp},
	} {
		got := each(t, func() *sim.Scenario { return thirtyTwoBit(t, protection) }, func(r *sim.Result) end {
			return end{r.Outcome, append([]string(nil), r.Messages...)}
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -recorded +simulated:\n%s", protection, diff)
		}
	}
}

// TestMixedModeMemory: nothing is allocated for a switch of paging levels, nothing lies
// above 4 GiB although there is RAM, and the kernel is entered under the stub's own tables.
func TestMixedModeMemory(t *testing.T) {
	sc := thirtyTwoBit(t, "ovmf")
	sc.Map.Descriptors = append(sc.Map.Descriptors, memmap.EFIDescriptor{Type: memmap.EFIConventional, Phys: 4 * memmap.GiB, Pages: 0x100000, Attr: memmap.EFIWB})
	sc.Random = sim.Fixed{Seed: [2]uint32{^uint32(0), 0}}
	r := current.on(t, sc)
	placed, executed := switched(r)
	if placed || executed {
		t.Error("32-bit firmware would not survive a switch of paging levels")
	}
	for _, p := range r.Placements {
		if p.Name != "direct_map" && p.Range.End > 4*memmap.GiB {
			t.Errorf("%s lies at %v", p.Name, p.Range)
		}
	}
	if r.After.Tables.Name != "stub's first 4 GiB" || r.After.Tables.Least(memmap.Range{End: 4 * memmap.GiB}) != sim.RWX {
		t.Errorf("tables in force: %s", r.After.Tables.Name)
	}
}

// TestMixedModeEntries: which entry points there are. The offsets are handover_offset,
// 0x200 more for 64-bit firmware, and what .compat and the PE header state.
func TestMixedModeEntries(t *testing.T) {
	type row struct {
		IA32   bool
		Loader string
	}
	want := map[row]uint64{
		{false, ""}: 0xb790cd - 0x5000, {false, "handover"}: 0xb6d9b0 + 0x200,
		{true, ""}: 0xb6d9b0, {true, "image"}: 0xb72ac0 - 0x5000,
	}
	got := map[row]uint64{}
	for at := range want {
		sc := ovmf(t, "")
		sc.Firmware.IA32, sc.Loader = at.IA32, at.Loader
		r := current.on(t, sc)
		if r.Outcome != sim.Boots {
			t.Errorf("%+v: %s", at, r.Failure)
		}
		base, handedOver := r.Placement("compressed_kernel")
		if image, loaded := r.Placement("pe_image"); loaded && !handedOver {
			base.Range.Start = image.Range.Start + 0x5000
		}
		i := slices.IndexFunc(r.Steps, func(s sim.Step) bool { return s.Op == sim.Exec })
		got[at] = r.Steps[i].Range.Start - base.Range.Start
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
}

// TestNoMixedMode: a kernel that was built without it has no entry point for 32-bit
// firmware, neither for a boot loader nor in the image.
func TestNoMixedMode(t *testing.T) {
	for _, loader := range []string{"", "image"} {
		sc := thirtyTwoBit(t, "ovmf")
		sc.Loader = loader
		k := *debian612(t)
		setup, pe := *k.Setup, *k.PE
		setup.XLoadFlags &^= 1 << 2 // XLF_EFI_HANDOVER_32
		pe.Compat = nil
		k.Setup, k.PE, sc.Kernel = &setup, &pe, &k
		r := boot(t, "efistub", sc)
		if last := r.Findings[len(r.Findings)-1]; r.Outcome != sim.Fails || last.Rule != "unsupported" {
			t.Errorf("loader %q: %s %+v", loader, r.Outcome, last)
		}
	}
}

// TestPermissionsOfReleases: what each release makes of its 56 or 64 MiB block and of the
// code page of the switch, where data and, under the second policy, code may not be
// executed. The kernel of 6.12 has 0x2c30000 bytes, of which 0x1000000 are text.
func TestPermissionsOfReleases(t *testing.T) {
	type row struct {
		release
		Policy string
	}
	type granted struct{ WX, RX uint64 } // bytes of block and code page
	const page = 0x1000
	want := map[row]granted{
		{first, "edk2-nx"}: {0x3800000 + page, 0}, {current, "edk2-nx"}: {0x3800000 + page, 0},
		{first, "edk2-nx-attr"}: {0x3800000 + page, 0}, {current, "edk2-nx-attr"}: {0x2800000, 0x1000000 + page},
		{stable, "edk2-nx-attr"}: {0x3000000, 0x1000000 + page},
		// text of 0x1400000 bytes, init text of 0xa9000
		{newest, "edk2-nx-attr"}: {0x3c00000 - 0x1400000 - 0xa9000, 0x1400000 + 0xa9000 + page},
		{first, "strict"}:        {0x2c30000 + page, 0},
		{stable, "strict"}:       {0, 0x1000000 + page},
		{current, "strict"}:      {0, 0x1000000 + page},
		{newest, "strict"}:       {0, 0x1400000 + 0xa9000 + page},
	}
	got := map[row]granted{}
	for at := range want {
		sc := ovmf(t, "")
		sc.Policy = policy(t, at.Policy)
		r := at.on(t, sc)
		if r.Outcome != sim.Boots {
			t.Errorf("%s on %s: %s", at.release, at.Policy, r.Failure)
		}
		g := granted{}
		for _, name := range []string{"kernel_block", "paging_trampoline"} {
			p, _ := r.Placement(name)
			r.After.Tables.Over(p.Range, func(s memmap.Span[sim.Perm]) bool {
				switch s.Value {
				case sim.RWX:
					g.WX += s.Len()
				case sim.RX:
					g.RX += s.Len()
				}
				return true
			})
		}
		got[at] = g
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
}

// TestWeaknesses: of the four that were discussed in 2023 the first release has one left,
// its PE header; the current one has none.
func TestWeaknesses(t *testing.T) {
	want := map[release][]string{first: {"pe-promise"}, stable: nil, current: nil, newest: nil}
	got := each(t, func() *sim.Scenario {
		sc := ovmf(t, "")
		sc.Policy = policy(t, "edk2-nx-image-attr")
		return sc
	}, func(r *sim.Result) []string {
		var list []string
		for _, f := range r.Findings {
			weakness := slices.Contains([]string{"low-memory", "nx-stripped", "pe-promise", "self-relocated", "demand-map"}, f.Rule)
			if weakness && !slices.Contains(list, f.Rule) {
				list = append(list, f.Rule)
			}
		}
		return list
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
}

// TestMirroredMemory: without the memory attribute protocol only the newest release makes
// its trampoline executable where memory is kept twice, which counts as memory of a kind
// of its own; the others die in it.
func TestMirroredMemory(t *testing.T) {
	want := map[release]sim.Outcome{first: sim.Faults, stable: sim.Faults, current: sim.Faults, newest: sim.Boots}
	got := each(t, func() *sim.Scenario {
		sc := ovmf(t, "")
		sc.Policy = policy(t, "edk2-nx")
		sc.Map = &memmap.Map{Kind: memmap.EFI, Descriptors: []memmap.EFIDescriptor{
			{Type: memmap.EFIConventional, Phys: 0, Pages: 0xa0, Attr: memmap.EFIWB},
			{Type: memmap.EFIConventional, Phys: memmap.MiB, Pages: 0x40000, Attr: memmap.EFIWB | memmap.EFIMoreReliable},
		}}
		return sc
	}, func(r *sim.Result) sim.Outcome { return r.Outcome })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
}
