package firmware_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/firmware"
)

// TestPermissionsFollowTypes: what becomes of a page that boot code made executable as
// data, when it is freed and allocated again. EDK2 changes nothing between types that its
// policy treats alike; Project Mu always does.
func TestPermissionsFollowTypes(t *testing.T) {
	type life struct{ Allocated, Opened, Freed, AsData, AsCode sim.Perm }
	for name, want := range map[string]life{
		"ovmf-attr":    {sim.RWX, sim.RX, sim.RX, sim.RX, sim.RX},
		"edk2-nx-attr": {sim.RW, sim.RX, sim.RX, sim.RX, sim.RWX},
		"strict":       {sim.RW, sim.RX, 0, sim.RW, sim.RW},
	} {
		tell(t, sim.Scenario{Policy: policy(t, name)}, func(b *sim.Boot, f *firmware.Firmware) {
			const at = 0x300000
			perm := func() sim.Perm { return b.Machine.Tables.Perm.At(at) }
			take := func(t memmap.EFIType) sim.Perm {
				_, _ = f.For("page", "", "").AllocatePages(alloc.Address, t, 1, at)
				return perm()
			}
			var got life
			got.Allocated = take(memmap.EFILoaderData)
			f.AllowExecution("page", pages(at, 1))
			got.Opened = perm()
			f.FreePages(at, 1)
			got.Freed = perm()
			got.AsData = take(memmap.EFILoaderData)
			f.FreePages(at, 1)
			got.AsCode = take(memmap.EFILoaderCode)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: -worked out +simulated:\n%s", name, diff)
			}
		})
	}
}

// TestFreeInParts: a part that is given back can have another life than the rest.
func TestFreeInParts(t *testing.T) {
	tell(t, sim.Scenario{Policy: policy(t, "edk2-nx")}, func(b *sim.Boot, f *firmware.Firmware) {
		const at = 0x300000
		f.For("pages", "", "")
		_, _ = f.AllocatePages(alloc.Address, memmap.EFILoaderCode, 2, at)
		f.FreePages(at+memmap.PageSize, 1)
		_, _ = f.AllocatePages(alloc.Address, memmap.EFILoaderData, 1, at+memmap.PageSize)
		f.SetSpaceAttributes("pages", pages(at+memmap.PageSize, 1), memmap.EFIWB)
		f.FreePages(at+memmap.PageSize, 1) // as data, which counts as free memory does: nothing changes
		perm := &b.Machine.Tables.Perm
		if diff := cmp.Diff([]sim.Perm{sim.RWX, sim.RWX}, []sim.Perm{perm.At(at), perm.At(at + memmap.PageSize)}); diff != "" {
			t.Error(diff)
		}
	})
}

// TestFreeKeepsProtectedPages: EDK2 since August 2025 says that it freed them.
func TestFreeKeepsProtectedPages(t *testing.T) {
	for kind, want := range map[sim.FirmwareKind]memmap.EFIType{
		sim.EDK2Stable202502: memmap.EFIConventional, sim.EDK2Stable202605: memmap.EFILoaderData,
	} {
		r := tell(t, sim.Scenario{Policy: policy(t, "edk2-nx-attr"), Firmware: sim.FirmwareProfile{Kind: kind}}, func(_ *sim.Boot, f *firmware.Firmware) {
			const at = 0x300000
			_, _ = f.For("page", "", "").AllocatePages(alloc.Address, memmap.EFILoaderData, 2, at)
			f.AllowExecution("page", pages(at, 1))
			if status := f.FreePages(at, 2); status != alloc.Success {
				t.Error(kind, status)
			}
			for _, d := range f.Map() {
				if r, _ := d.Range(); r.Contains(at) && d.Type != want {
					t.Errorf("%v: the page is %v, want %v", kind, d.Type, want)
				}
			}
		})
		told := false
		for _, f := range r.Findings {
			told = told || f.Rule == "firmware-ignored"
		}
		if told != (want == memmap.EFILoaderData) {
			t.Errorf("%v: findings %v", kind, r.Findings)
		}
	}
}

// TestNoExecuteDisable: without the CPU's bit, or in firmware that does not turn it on,
// everything that is mapped can be executed.
func TestNoExecuteDisable(t *testing.T) {
	for name, sc := range map[string]sim.Scenario{
		"CPU":      {Policy: policy(t, "strict-block")},
		"firmware": {Policy: sim.Policy{Attribute: true}},
	} {
		boot := tale(func(b *sim.Boot, f *firmware.Firmware) {
			r, err := f.For("data", "", "").TakePages(memmap.EFILoaderData, memmap.PageSize, ^uint64(0))
			if err != nil {
				t.Fatal(err)
			}
			if status := f.SetMemoryAttributes("data", r, memmap.EFIXP); status != alloc.Success {
				t.Error(status)
			}
			if p := b.Machine.Tables.Perm.At(r.Start); p != sim.RWX {
				t.Errorf("%s: %v", name, p)
			}
		})
		sc.CPU.NX = name == "firmware"
		sc.Map = &memmap.Map{Kind: memmap.EFI, Descriptors: []memmap.EFIDescriptor{{Type: memmap.EFIConventional, Phys: 0x100000, Pages: 16}}}
		if _, err := sim.Run(boot, &sc, sim.Options{}); err != nil {
			t.Error(name, err)
		}
	}
}

// TestNoExecuteForImages: firmware that protects only its own images turns the bit on for
// them, and then the protocol can use it.
func TestNoExecuteForImages(t *testing.T) {
	tell(t, sim.Scenario{Policy: policy(t, "ovmf-attr")}, func(b *sim.Boot, f *firmware.Firmware) {
		f.SetMemoryAttributes("data", pages(0x300000, 1), memmap.EFIXP)
		if p := b.Machine.Tables.Perm.At(0x300000); p != sim.RW {
			t.Error(p)
		}
	})
}

// TestStory: a fault tells who touched which page, how it is mapped, by whom, and what
// would have been legal.
func TestStory(t *testing.T) {
	const at = 0x300000
	exec := sim.Step{Op: sim.Exec, Object: "code", Range: pages(at, 1)}
	write := sim.Step{Op: sim.Write, Object: "code", Range: pages(at, 1)}
	take := func(f *firmware.Firmware) {
		_, _ = f.For("code", "", "").AllocatePages(alloc.Address, memmap.EFILoaderData, 1, at)
	}
	mute := policy(t, "edk2-nx")
	mute.NoDXE = true
	for name, c := range map[string]struct {
		Policy sim.Policy
		Tale   func(b *sim.Boot, f *firmware.Firmware)
		Want   string
	}{
		"free memory": {policy(t, "edk2-nx"), func(b *sim.Boot, _ *firmware.Firmware) { b.Do(exec) }, `code: exec at 0x300000, mapped rw-
  page fault, error code 0x11, page tables: firmware
  policy edk2-nx forbids execution in memory of type Conventional (bit 7 of its NX mask 0xc000000000007fd5)
  it would be legal if the boot code had cleared EFI_MEMORY_XP there through the DXE services`},
		"data": {policy(t, "edk2-nx-attr"), func(b *sim.Boot, f *firmware.Firmware) { take(f); b.Do(exec) }, `code: exec at 0x300000, mapped rw-
  page fault, error code 0x11, page tables: firmware
  policy edk2-nx-attr forbids execution in memory of type Loader Data (bit 2 of its NX mask 0xc000000000007fd5)
  it would be legal if the boot code had cleared EFI_MEMORY_XP there through the memory attribute protocol`},
		"no call": {mute, func(b *sim.Boot, f *firmware.Firmware) { take(f); b.Do(exec) }, `code: exec at 0x300000, mapped rw-
  page fault, error code 0x11, page tables: firmware
  policy edk2-nx forbids execution in memory of type Loader Data (bit 2 of its NX mask 0xc000000000007fd5)
  it would be legal in memory allocated as LoaderCode: this firmware has no call that changes permissions`},
		"not mapped": {policy(t, "strict"), func(b *sim.Boot, _ *firmware.Firmware) { b.Do(write) }, `code: write at 0x300000, mapped ---
  page fault, error code 0x2, page tables: firmware
  policy strict does not map free memory
  it would be legal in memory that was allocated`},
		"page 0": {policy(t, "strict"), func(b *sim.Boot, _ *firmware.Firmware) {
			b.Do(sim.Step{Op: sim.Read, Object: "code", Range: memmap.Range{Start: 8, End: 16}})
		}, `code: read at 0x8, mapped ---
  page fault, error code 0x0, page tables: firmware
  the firmware leaves page 0 unmapped
  it would be legal if the boot code had cleared EFI_MEMORY_RP there through the memory attribute protocol`},
		"made read-only, still data": {policy(t, "edk2-nx-attr"), func(b *sim.Boot, f *firmware.Firmware) {
			take(f)
			f.SetMemoryAttributes("code", pages(at, 1), memmap.EFIRO)
			b.Do(exec)
		}, `code: exec at 0x300000, mapped r--
  page fault, error code 0x11, page tables: firmware
  policy edk2-nx-attr forbids execution in memory of type Loader Data (bit 2 of its NX mask 0xc000000000007fd5)
  it would be legal if the boot code had cleared EFI_MEMORY_XP there through the memory attribute protocol`},
		"made read-only": {policy(t, "edk2-nx-attr"), func(b *sim.Boot, f *firmware.Firmware) {
			take(f)
			f.AllowExecution("code", pages(at, 1))
			b.Do(write)
		}, `code: write at 0x300000, mapped r-x
  page fault, error code 0x3, page tables: firmware
  the memory attribute protocol was asked to map code so at step 3
  it would be legal if the boot code had cleared EFI_MEMORY_RO there through the memory attribute protocol`},
	} {
		r := tell(t, sim.Scenario{Policy: c.Policy}, c.Tale)
		if diff := cmp.Diff(c.Want, r.Failure); diff != "" || r.Outcome != sim.Faults {
			t.Errorf("%s: %s\n%s", name, r.Outcome, diff)
		}
	}
}

// TestPermissionsHold: whatever is allocated and freed in whatever order, as pages or as
// pool blocks, each page has the permissions of its type where no boot code asks for
// others; once everything is given back, the memory is as it was.
func TestPermissionsHold(t *testing.T) {
	types := rapid.SampledFrom([]memmap.EFIType{memmap.EFILoaderCode, memmap.EFILoaderData, memmap.EFIBootServicesCode, memmap.EFIBootServicesData, memmap.EFIACPIReclaim})
	names := rapid.SampledFrom(sim.Policies())
	kinds := rapid.SampledFrom([]sim.FirmwareKind{sim.EDK2Stable202211, sim.EDK2Stable202502, sim.EDK2Stable202605, sim.EDK2Master20260806, sim.BottomUp})
	sizes := rapid.Uint64Range(1, 0x100000)
	rapid.Check(t, func(rt *rapid.T) {
		p, kind := policy(t, names.Draw(rt, "policy")), kinds.Draw(rt, "firmware")
		tell(t, sim.Scenario{Policy: p, Firmware: sim.FirmwareProfile{Kind: kind}}, func(b *sim.Boot, f *firmware.Firmware) {
			before := slices.Clone(f.Map())
			type block struct {
				memmap.Range
				release func(object string, r memmap.Range, source string)
			}
			var live []block
			f.For("memory", "", "")
			for range rapid.IntRange(1, 20).Draw(rt, "calls") {
				switch rapid.IntRange(0, 2).Draw(rt, "call") {
				case 0:
					if r, err := f.TakePages(types.Draw(rt, "type"), sizes.Draw(rt, "size"), ^uint64(0)); err == nil {
						live = append(live, block{r, f.ReleasePages})
					}
				case 1:
					if r, err := f.TakePool(types.Draw(rt, "type"), sizes.Draw(rt, "size")%0x3000+1); err == nil {
						live = append(live, block{r, f.ReleasePool})
					}
				case 2:
					if len(live) > 0 {
						i := rapid.IntRange(0, len(live)-1).Draw(rt, "which")
						live[i].release("memory", live[i].Range, "")
						live = slices.Delete(live, i, i+1)
					}
				}
			}
			checkMapped(rt, b, f, &p)
			for _, a := range live {
				a.release("memory", a.Range, "")
			}
			checkMapped(rt, b, f, &p)
			if diff := cmp.Diff(before, f.Map()); diff != "" {
				rt.Fatalf("not everything came back:\n%s", diff)
			}
			for _, o := range b.Machine.Owner.All() {
				rt.Fatalf("%v still belongs to %s", o.Range, o.Value.Object)
			}
		})
	})
}

// checkMapped holds the page tables against the map and the policy.
func checkMapped(t *rapid.T, b *sim.Boot, f *firmware.Firmware, p *sim.Policy) {
	for _, d := range f.Map() {
		r, _ := d.Range()
		if p.NullPage && r.Start == 0 {
			r.Start = memmap.PageSize
		}
		if !b.Machine.Tables.Uniform(r, p.Of(d.Type)) {
			t.Fatalf("%v of type %v is not mapped %v throughout", r, d.Type, p.Of(d.Type))
		}
	}
}

// TestUnaccepted: memory that nobody accepted is accepted before boot services end,
// unless the boot code has said that it will; then a touch is a fault.
func TestUnaccepted(t *testing.T) {
	memory := &memmap.Map{Kind: memmap.EFI, Descriptors: []memmap.EFIDescriptor{
		{Type: memmap.EFIConventional, Phys: 0x100000, Pages: 16, Attr: memmap.EFIWB},
		{Type: memmap.EFIUnaccepted, Phys: 0x110000, Pages: 16, Attr: memmap.EFIWB},
	}}
	touch := sim.Step{Op: sim.Write, Object: "kernel", Range: pages(0x110000, 1)}
	for name, c := range map[string]struct {
		Tale    func(b *sim.Boot, f *firmware.Firmware)
		Outcome sim.Outcome
		Map     []memmap.EFIDescriptor
	}{
		"accepted by the firmware": {func(b *sim.Boot, f *firmware.Firmware) { f.ExitBootServices(""); b.Do(touch) },
			sim.Boots, []memmap.EFIDescriptor{{Type: memmap.EFIConventional, Phys: 0x100000, Pages: 32, Attr: memmap.EFIWB}}},
		"accepted by the kernel": {func(b *sim.Boot, f *firmware.Firmware) {
			f.AllowUnaccepted()
			f.ExitBootServices("")
			b.Do(sim.Step{Op: sim.Accept, Object: "kernel", Range: pages(0x110000, 1)})
			b.Do(touch)
		}, sim.Boots, memory.Descriptors},
		"not accepted": {func(b *sim.Boot, f *firmware.Firmware) { f.AllowUnaccepted(); f.ExitBootServices(""); b.Do(touch) },
			sim.Faults, memory.Descriptors},
		"too early": {func(b *sim.Boot, _ *firmware.Firmware) { b.Do(touch) }, sim.Faults, memory.Descriptors},
	} {
		var after []memmap.EFIDescriptor
		r := tell(t, sim.Scenario{Map: memory}, func(b *sim.Boot, f *firmware.Firmware) {
			if _, status := f.AllocatePages(alloc.Address, memmap.EFILoaderData, 1, 0x110000); status != alloc.NotFound {
				t.Errorf("%s: unaccepted memory was handed out: %v", name, status)
			}
			c.Tale(b, f)
			after = append(after, f.Map()...)
		})
		if diff := cmp.Diff(c.Map, after); diff != "" || r.Outcome != c.Outcome {
			t.Errorf("%s: %s %s\n%s", name, r.Outcome, r.Failure, diff)
		}
		if c.Outcome == sim.Faults && !strings.Contains(r.Failure, "not accepted") {
			t.Errorf("%s: %s", name, r.Failure)
		}
	}
}
