package firmware_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/alloc"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/firmware"
)

// TestAttributeErrors: what EDK2's protocol answers to requests that it does not serve.
func TestAttributeErrors(t *testing.T) {
	ia32 := sim.FirmwareProfile{IA32: true}
	page := pages(0x200000, 1)
	for name, c := range map[string]struct {
		Policy   string
		Firmware sim.FirmwareProfile
		Range    memmap.Range
		Attr     memmap.EFIAttr
		Want     alloc.Status
	}{
		"served":              {"ovmf-attr", sim.FirmwareProfile{}, page, memmap.EFIRO, alloc.Success},
		"two at once":         {"ovmf-attr", sim.FirmwareProfile{}, page, memmap.EFIRO | memmap.EFIXP, alloc.Success},
		"no protocol":         {"ovmf", sim.FirmwareProfile{}, page, memmap.EFIRO, alloc.Unsupported},
		"nothing asked":       {"ovmf-attr", sim.FirmwareProfile{}, page, 0, alloc.InvalidParameter},
		"not a restriction":   {"ovmf-attr", sim.FirmwareProfile{}, page, memmap.EFIRO | memmap.EFIWB, alloc.InvalidParameter},
		"no bytes":            {"ovmf-attr", sim.FirmwareProfile{}, pages(0x200000, 0), memmap.EFIRO, alloc.InvalidParameter},
		"start in a page":     {"ovmf-attr", sim.FirmwareProfile{}, memmap.Range{Start: 0x200800, End: 0x202000}, memmap.EFIRO, alloc.Unsupported},
		"end in a page":       {"ovmf-attr", sim.FirmwareProfile{}, memmap.Range{Start: 0x200000, End: 0x200001}, memmap.EFIRO, alloc.Unsupported},
		"beyond the tables":   {"ovmf-attr", sim.FirmwareProfile{}, pages(1<<46, 1), memmap.EFIRO, alloc.Unsupported},
		"paging is off":       {"ovmf-attr", ia32, page, memmap.EFIRO, alloc.Unsupported},
		"paging off, nothing": {"ovmf-attr", ia32, page, 0, alloc.InvalidParameter},
		"memory of others":    {"ovmf-attr", sim.FirmwareProfile{}, pages(0, 1), memmap.EFIXP, alloc.Success},
	} {
		tell(t, sim.Scenario{Policy: policy(t, c.Policy), Firmware: c.Firmware}, func(_ *sim.Boot, f *firmware.Firmware) {
			if got := f.SetMemoryAttributes("x", c.Range, c.Attr); got != c.Want {
				t.Errorf("%s: set: %v, want %v", name, got, c.Want)
			}
			if got := f.ClearMemoryAttributes("x", c.Range, c.Attr); got != c.Want {
				t.Errorf("%s: clear: %v, want %v", name, got, c.Want)
			}
		})
	}
}

// TestAttributesAdd: a request adds or takes its own restrictions and leaves the others,
// page by page; free memory is data to begin with.
func TestAttributesAdd(t *testing.T) {
	type state struct {
		First, Second sim.Perm
		Attr          memmap.EFIAttr
		Status        alloc.Status
	}
	var got []state
	both := pages(0x200000, 2)
	r := tell(t, sim.Scenario{Policy: policy(t, "edk2-nx-attr")}, func(b *sim.Boot, f *firmware.Firmware) {
		see := func(status alloc.Status) {
			if status != alloc.Success {
				t.Error(status)
			}
			attr, status := f.GetMemoryAttributes(both)
			perm := &b.Machine.Tables.Perm
			got = append(got, state{perm.At(0x200000), perm.At(0x201000), attr, status})
		}
		see(alloc.Success)
		see(f.SetMemoryAttributes("x", pages(0x200000, 1), memmap.EFIRO))
		see(f.ClearMemoryAttributes("x", both, memmap.EFIXP))
		see(f.SetMemoryAttributes("x", both, memmap.EFIRO|memmap.EFIXP))
		see(f.ClearMemoryAttributes("x", both, memmap.EFIRO))
		see(f.SetMemoryAttributes("x", both, memmap.EFIRP))
		see(f.ClearMemoryAttributes("x", both, memmap.EFIXP))
		see(f.ClearMemoryAttributes("x", both, memmap.EFIRP))
	})
	want := []state{
		{sim.RW, sim.RW, memmap.EFIXP, alloc.Success},
		{sim.R, sim.RW, 0, alloc.NoMapping},
		{sim.RX, sim.RWX, 0, alloc.NoMapping},
		{sim.R, sim.R, memmap.EFIRO | memmap.EFIXP, alloc.Success},
		{sim.RW, sim.RW, memmap.EFIXP, alloc.Success},
		{0, 0, memmap.EFIRP, alloc.Success},
		{0, 0, memmap.EFIRP, alloc.Success},
		{sim.RW, sim.RW, memmap.EFIXP, alloc.Success},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
	protected := 0
	for _, s := range r.Steps {
		if s.Op == sim.Protect {
			protected++
		}
	}
	if protected != 9 {
		t.Errorf("%d steps, want one for each of 7 requests and one more for the 2 that met two kinds of pages", protected)
	}
}

// TestFalseSuccess: firmware that ignores requests says that it served them, and a
// warning tells.
func TestFalseSuccess(t *testing.T) {
	for name, c := range map[string]struct {
		Quirk       func(*sim.Policy)
		Set, Clear  sim.Perm // of a page of data after a request for RO, of another after one to clear XP
		WantIgnored int
	}{
		"none":         {func(*sim.Policy) {}, sim.R, sim.RWX, 0},
		"ignores":      {func(p *sim.Policy) { p.Ignores = true }, sim.RW, sim.RW, 3},
		"only relaxes": {func(p *sim.Policy) { p.OnlyRelaxes = true }, sim.RW, sim.RWX, 1},
	} {
		p := policy(t, "edk2-nx-attr")
		c.Quirk(&p)
		r := tell(t, sim.Scenario{Policy: p}, func(b *sim.Boot, f *firmware.Firmware) {
			statuses := []alloc.Status{
				f.SetMemoryAttributes("x", pages(0x200000, 1), memmap.EFIRO),
				f.ClearMemoryAttributes("x", pages(0x201000, 1), memmap.EFIXP),
				f.SetSpaceAttributes("x", pages(0x202000, 1), memmap.EFIWB),
			}
			if diff := cmp.Diff(make([]alloc.Status, 3), statuses); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			perm := &b.Machine.Tables.Perm
			if set, cleared := perm.At(0x200000), perm.At(0x201000); set != c.Set || cleared != c.Clear {
				t.Errorf("%s: %v %v", name, set, cleared)
			}
		})
		ignored := 0
		for _, f := range r.Findings {
			if f.Rule == "firmware-ignored" && strings.Contains(f.Message, "reports success") {
				ignored++
			}
		}
		if ignored != c.WantIgnored {
			t.Errorf("%s: %d warnings, want %d", name, ignored, c.WantIgnored)
		}
	}
}
