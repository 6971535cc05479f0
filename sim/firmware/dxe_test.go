package firmware_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/firmware"
)

// TestSpaceDescriptor: neighbours of one kind are one stretch, whatever their memory type;
// what the policy forbids is known, unless the firmware is one that does not know.
func TestSpaceDescriptor(t *testing.T) {
	type described struct {
		Start, End uint64
		Type       firmware.SpaceType
		Attributes memmap.EFIAttr
	}
	stale := policy(t, "edk2-nx")
	stale.StaleSpace = true
	for name, c := range map[string]struct {
		Policy sim.Policy
		At     uint64
		Want   described
	}{
		"boot code":     {policy(t, "edk2-nx"), 0x1000, described{0, 0x10000, firmware.SystemMemory, memmap.EFIWB}},
		"free memory":   {policy(t, "edk2-nx"), 0x300000, described{0x100000, 0x4110000, firmware.SystemMemory, memmap.EFIWB | memmap.EFIXP}},
		"no policy":     {policy(t, "ovmf"), 0x1000, described{0, 0xa0000, firmware.SystemMemory, memmap.EFIWB}},
		"not mapped":    {policy(t, "strict"), 0x300000, described{0x100000, 0x4100000, firmware.SystemMemory, memmap.EFIWB | memmap.EFIXP | memmap.EFIRP}},
		"does not know": {stale, 0x300000, described{0x100000, 0x4110000, firmware.SystemMemory, memmap.EFIWB}},
		"hole":          {policy(t, "edk2-nx"), 0xa1000, described{0xa0000, 0x100000, firmware.NoMemory, 0}},
		"device":        {policy(t, "edk2-nx"), 0xffffffff, described{0xffc00000, 0x100000000, firmware.MMIO, memmap.EFIUC | memmap.EFIXP}},
	} {
		tell(t, sim.Scenario{Policy: c.Policy}, func(_ *sim.Boot, f *firmware.Firmware) {
			d, status := f.SpaceDescriptor(c.At)
			got := described{d.Start, d.End, d.Type, d.Attributes}
			if diff := cmp.Diff(c.Want, got); diff != "" || status != alloc.Success {
				t.Errorf("%s: %v %s", name, status, diff)
			}
		})
	}
}

// TestSpaceAttributes: what a request does, and how it is refused.
func TestSpaceAttributes(t *testing.T) {
	data := pages(0x200000, 1)
	noServices := policy(t, "edk2-nx")
	noServices.NoDXE = true
	for name, c := range map[string]struct {
		Policy   sim.Policy
		Firmware sim.FirmwareProfile
		Range    memmap.Range
		Attr     memmap.EFIAttr
		Want     alloc.Status
		Perm     sim.Perm // of the page afterwards
	}{
		"lifts":               {policy(t, "edk2-nx"), sim.FirmwareProfile{}, data, memmap.EFIWB, alloc.Success, sim.RWX},
		"replaces":            {policy(t, "edk2-nx"), sim.FirmwareProfile{}, data, memmap.EFIWB | memmap.EFIRO, alloc.Success, sim.RX},
		"no cache attribute":  {policy(t, "edk2-nx"), sim.FirmwareProfile{}, data, 0, alloc.Success, sim.RW},
		"restrictions alone":  {policy(t, "edk2-nx"), sim.FirmwareProfile{}, data, memmap.EFIRO | memmap.EFIXP, alloc.Success, sim.R},
		"no bytes":            {policy(t, "edk2-nx"), sim.FirmwareProfile{}, pages(0x200000, 0), memmap.EFIWB, alloc.InvalidParameter, sim.RW},
		"not capable":         {policy(t, "edk2-nx"), sim.FirmwareProfile{}, data, memmap.EFIUC, alloc.Unsupported, sim.RW},
		"partly not capable":  {policy(t, "edk2-nx"), sim.FirmwareProfile{}, memmap.Range{Start: 0x200000, End: 0xffd00000}, memmap.EFIWB, alloc.Unsupported, sim.RW},
		"part of a page":      {policy(t, "edk2-nx"), sim.FirmwareProfile{}, memmap.Range{Start: 0x200000, End: 0x200800}, memmap.EFIWB, alloc.Unsupported, sim.RW},
		"runtime, unaligned":  {policy(t, "edk2-nx"), sim.FirmwareProfile{}, memmap.Range{Start: 0x200000, End: 0x200800}, memmap.EFIWB | memmap.EFIRuntime, alloc.InvalidParameter, sim.RW},
		"beyond the space":    {policy(t, "edk2-nx"), sim.FirmwareProfile{}, pages(1<<46, 1), memmap.EFIWB, alloc.Unsupported, sim.RW},
		"no execute-disable":  {sim.Policy{}, sim.FirmwareProfile{}, data, memmap.EFIWB | memmap.EFIXP, alloc.Unsupported, sim.RWX},
		"no services":         {noServices, sim.FirmwareProfile{}, data, memmap.EFIWB, alloc.Unsupported, sim.RW},
		"U-Boot":              {policy(t, "edk2-nx"), sim.FirmwareProfile{Kind: sim.UBoot}, data, memmap.EFIWB, alloc.Unsupported, sim.RWX},
		"paging off":          {policy(t, "edk2-nx"), sim.FirmwareProfile{IA32: true}, data, memmap.EFIWB, alloc.Success, sim.RW},
		"paging off, refuses": {policy(t, "edk2-nx"), sim.FirmwareProfile{IA32: true}, data, memmap.EFIWB | memmap.EFIRO, alloc.Unsupported, sim.RW},
	} {
		tell(t, sim.Scenario{Policy: c.Policy, Firmware: c.Firmware}, func(b *sim.Boot, f *firmware.Firmware) {
			status := f.SetSpaceAttributes("x", c.Range, c.Attr)
			if perm := b.Machine.Tables.Perm.At(0x200000); status != c.Want || perm != c.Perm {
				t.Errorf("%s: %v, %v; want %v, %v", name, status, perm, c.Want, c.Perm)
			}
		})
	}
}

// TestAllowExecution: what the stub of 6.12 achieves with what the firmware offers.
func TestAllowExecution(t *testing.T) {
	none, stale := policy(t, "edk2-nx"), policy(t, "edk2-nx")
	none.NoDXE, stale.StaleSpace = true, true
	type answer struct {
		Status    alloc.Status
		Page      sim.Perm // of the page itself
		Neighbour sim.Perm // of the one behind it
	}
	for name, c := range map[string]struct {
		Policy   sim.Policy
		Firmware sim.FirmwareProfile
		Want     answer
	}{
		"protocol":                     {policy(t, "edk2-nx-attr"), sim.FirmwareProfile{}, answer{alloc.Success, sim.RX, sim.RW}},
		"protocol, nothing to lift":    {policy(t, "ovmf-attr"), sim.FirmwareProfile{}, answer{alloc.Success, sim.RX, sim.RWX}},
		"protocol, paging off":         {policy(t, "ovmf-attr"), sim.FirmwareProfile{IA32: true}, answer{alloc.Unsupported, sim.RWX, sim.RWX}},
		"services":                     {policy(t, "edk2-nx"), sim.FirmwareProfile{}, answer{alloc.Success, sim.RWX, sim.RW}},
		"services, paging off":         {policy(t, "ovmf"), sim.FirmwareProfile{IA32: true}, answer{alloc.Success, sim.RWX, sim.RWX}},
		"services that know nothing":   {stale, sim.FirmwareProfile{}, answer{alloc.Success, sim.RW, sim.RW}},
		"neither protocol nor service": {none, sim.FirmwareProfile{}, answer{alloc.Success, sim.RW, sim.RW}},
	} {
		tell(t, sim.Scenario{Policy: c.Policy, Firmware: c.Firmware}, func(b *sim.Boot, f *firmware.Firmware) {
			status := f.AllowExecution("x", memmap.Range{Start: 0x200010, End: 0x200020})
			perm := &b.Machine.Tables.Perm
			if diff := cmp.Diff(c.Want, answer{status, perm.At(0x200000), perm.At(0x201000)}); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		})
	}
}

// TestLiftRestrictions: a walk lifts what is restricted of system memory, and leaves
// devices and holes alone.
func TestLiftRestrictions(t *testing.T) {
	r := tell(t, sim.Scenario{Policy: policy(t, "edk2-nx")}, func(_ *sim.Boot, f *firmware.Firmware) {
		f.LiftRestrictions("all", memmap.Range{Start: 0x8000, End: 1 << 32})
	})
	var lifted []memmap.Range
	for _, s := range r.Steps {
		if s.Op == sim.Protect {
			lifted = append(lifted, s.Range)
		}
	}
	want := []memmap.Range{{Start: 0x10000, End: 0xa0000}, {Start: 0x100000, End: 0x4110000}}
	if diff := cmp.Diff(want, lifted); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
}
