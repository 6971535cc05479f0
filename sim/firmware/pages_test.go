package firmware_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/firmware"
)

// TestPoolPages: how many pages the largest block takes that fits into one page, and the
// next larger one, with what each firmware puts around it.
func TestPoolPages(t *testing.T) {
	for name, c := range map[string]struct {
		Firmware sim.FirmwareProfile
		Largest  uint64 // block that fits into a page
	}{
		"EDK2":        {sim.FirmwareProfile{}, 4096 - 24 - 16},
		"32-bit EDK2": {sim.FirmwareProfile{IA32: true}, 4096 - 16 - 12},
		"U-Boot":      {sim.FirmwareProfile{Kind: sim.UBoot}, 4096 - 64},
		"bottom-up":   {sim.FirmwareProfile{Kind: sim.BottomUp}, 4096},
	} {
		r := tell(t, sim.Scenario{Firmware: c.Firmware}, func(_ *sim.Boot, f *firmware.Firmware) {
			for _, size := range []uint64{c.Largest, c.Largest + 1} {
				if _, err := f.For("block", "", "").TakePool(memmap.EFILoaderData, size); err != nil {
					t.Error(name, err)
				}
			}
		})
		var taken []uint64
		for _, s := range r.Steps {
			if s.Op == sim.Alloc {
				taken = append(taken, s.Range.Len()/memmap.PageSize)
			}
		}
		if diff := cmp.Diff([]uint64{1, 2}, taken); diff != "" {
			t.Errorf("%s: pages: %s", name, diff)
		}
	}
}

// TestPoolShares: small blocks of one type share a page, which goes back with the last of
// them; a block that goes back before belongs to nobody.
func TestPoolShares(t *testing.T) {
	type event struct {
		Op    sim.Op
		Bytes uint64
	}
	r := tell(t, sim.Scenario{}, func(b *sim.Boot, f *firmware.Firmware) {
		take := func(t memmap.EFIType) memmap.Range {
			r, _ := f.For("block", "", "").TakePool(t, 100)
			return r
		}
		first, second, other := take(memmap.EFILoaderData), take(memmap.EFILoaderData), take(memmap.EFIBootServicesData)
		f.ReleasePool("block", first, "")
		if o := b.Machine.Owner.At(first.Start); o != (sim.Owner{}) {
			t.Errorf("the block still belongs to %v", o)
		}
		f.ReleasePool("block", second, "")
		f.ReleasePool("block", other, "")
		if status := f.FreePool(first.Start); status == alloc.Success {
			t.Error("a block can be freed twice")
		}
	})
	var got []event
	for _, s := range r.Steps[1:] {
		got = append(got, event{s.Op, s.Range.Len()})
	}
	want := []event{{sim.Alloc, 4096}, {sim.Alloc, 100}, {sim.Alloc, 4096}, {sim.Free, 100}, {sim.Free, 4096}, {sim.Free, 4096}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
}

// Test32BitFirmware: memory above 4 GiB is there, and not used.
func Test32BitFirmware(t *testing.T) {
	memory := &memmap.Map{Kind: memmap.EFI, Descriptors: []memmap.EFIDescriptor{
		{Type: memmap.EFIConventional, Phys: 0x100000, Pages: 4, Attr: memmap.EFIWB},
		{Type: memmap.EFIConventional, Phys: 4 * memmap.GiB, Pages: 16, Attr: memmap.EFIWB},
	}}
	for _, kind := range []sim.FirmwareKind{sim.EDK2Stable202211, sim.BottomUp} {
		tell(t, sim.Scenario{Map: memory, Firmware: sim.FirmwareProfile{Kind: kind, IA32: true}}, func(_ *sim.Boot, f *firmware.Firmware) {
			type answer struct {
				Any, Max, At alloc.Status
			}
			got := answer{Any: alloc.NotFound}
			for range 4 {
				_, got.Any = f.AllocatePages(alloc.AnyPages, memmap.EFILoaderData, 1, 0)
			}
			_, got.Max = f.AllocatePages(alloc.MaxAddress, memmap.EFILoaderData, 1, ^uint64(0))
			_, got.At = f.AllocatePages(alloc.Address, memmap.EFILoaderData, 1, 4*memmap.GiB)
			if diff := cmp.Diff(answer{alloc.Success, alloc.OutOfResources, alloc.NotFound}, got); diff != "" || !f.IA32() {
				t.Errorf("%v: %s", kind, diff)
			}
		})
	}
}

// TestDescriptorSize: EDK2 pads the 40 bytes of a descriptor, so that nobody relies on them.
func TestDescriptorSize(t *testing.T) {
	for kind, want := range map[sim.FirmwareKind]uint64{sim.EDK2Stable202502: 48, sim.UBoot: 40, sim.BottomUp: 40} {
		tell(t, sim.Scenario{Firmware: sim.FirmwareProfile{Kind: kind}}, func(_ *sim.Boot, f *firmware.Firmware) {
			if got := f.DescriptorSize(); got != want || f.MapSize()%want != 0 || f.MapSize() < uint64(len(f.Map()))*want {
				t.Errorf("%v: %d bytes, %d for %d descriptors", kind, got, f.MapSize(), len(f.Map()))
			}
		})
	}
}
