package verify

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/sim"
)

// stubPlaces are the addresses that the stub got; those that were not recorded are 0.
type stubPlaces struct{ Image, BootParams, Cmdline, Trampoline, Kernel, Initrd, ROM uint64 }

// TestMapBefore starts from the firmware's own map, as the UEFI Shell printed it before it
// loaded the kernel, and holds what the simulated stub gets against what the real one got.
// Pages that the firmware takes and frees for itself meanwhile, such as pool pages for
// handles, are in no map that was printed before: what depends on them is compared with
// these pages given.
func TestMapBefore(t *testing.T) {
	forEachSimulated(t, func(t *testing.T, v *verification) {
		if v.loaded == nil {
			return
		}
		want := v.c.stubPlaces()
		undisturbed := func(p stubPlaces) stubPlaces { // by any single page
			return stubPlaces{Image: p.Image, Kernel: p.Kernel, Initrd: p.Initrd}
		}
		if diff := cmp.Diff(undisturbed(want), undisturbed(placesIn(v.loaded, want))); diff != "" {
			t.Errorf("from the map alone: -recorded +simulated:\n%s", diff)
		}
		d, err := v.design()
		if err != nil {
			t.Fatal(err)
		}
		sc := *v.sc
		sc.Map, sc.AfterExit = v.c.withFirmwarePages(t), false
		r, err := sim.Run(d, &sc, sim.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, placesIn(r, want)); diff != "" {
			t.Errorf("with the firmware's own pages: -recorded +simulated:\n%s", diff)
		}
	})
}

// stubPlaces are the recorded addresses. Where KASLR was on and the seed was not recorded,
// the kernel's is not compared.
func (c *Capture) stubPlaces() stubPlaces {
	at := func(a *hex) uint64 {
		if a == nil {
			return 0
		}
		return uint64(*a)
	}
	p := stubPlaces{Image: at(c.Stub.Image), BootParams: at(c.Stub.BootParams), Trampoline: at(c.Trampoline.Base)}
	if c.Debugger.Seed != nil || strings.Contains(c.cmdline(), "nokaslr") {
		p.Kernel = at(c.Placement.Phys)
	}
	if c.Ramdisk != nil {
		p.Initrd = uint64(c.Ramdisk.Image)
	}
	if c.BootParams != nil {
		p.Cmdline, p.ROM = uint64(c.BootParams.Cmdline), uint64(c.BootParams.SetupData)
	}
	return p
}

// placesIn returns where everything ends up of which want knows where it was.
func placesIn(r *sim.Result, want stubPlaces) stubPlaces {
	at := func(recorded uint64, name string) uint64 {
		p, _ := r.Placement(name)
		if recorded == 0 {
			return 0
		}
		return p.Range.Start
	}
	return stubPlaces{
		at(want.Image, "pe_image"), at(want.BootParams, "boot_params"), at(want.Cmdline, "command_line"),
		at(want.Trampoline, "paging_trampoline"), at(want.Kernel, "kernel"), at(want.Initrd, "initrd"), at(want.ROM, "pci_rom"),
	}
}

// withFirmwarePages is the map before, with the pages that the firmware took or freed for
// itself before the stub asked for any, as far as a later map of the same boot shows them:
// boot services data that was free, or the other way round.
func (c *Capture) withFirmwarePages(t *testing.T) *memmap.Map {
	var taken, given memmap.Set // boot services data later; loader memory and free memory later
	later := c.AtAllocation
	if len(later) == 0 {
		later = c.After
	}
	for _, d := range later {
		switch d.Type {
		case memmap.EFIBootServicesData:
			taken.Add(rangeOfPrinted(t, d))
		case memmap.EFILoaderData, memmap.EFIConventional:
			given.Add(rangeOfPrinted(t, d))
		}
	}
	m := &memmap.Map{Kind: memmap.EFI}
	for _, d := range c.Before {
		other, to := &memmap.Set{}, d.Type
		switch d.Type {
		case memmap.EFIConventional:
			other, to = &taken, memmap.EFIBootServicesData
		case memmap.EFIBootServicesData:
			other, to = &given, memmap.EFIConventional
		}
		changed, same := other.Intersection(rangeOfPrinted(t, d))
		for _, r := range changed {
			m.Descriptors = append(m.Descriptors, memmap.EFIDescriptor{Type: to, Phys: r.Start, Pages: r.Len() / memmap.PageSize, Attr: d.Attr})
		}
		for _, r := range same {
			m.Descriptors = append(m.Descriptors, memmap.EFIDescriptor{Type: d.Type, Phys: r.Start, Pages: r.Len() / memmap.PageSize, Attr: d.Attr})
		}
	}
	return m
}

func rangeOfPrinted(t *testing.T, d efiPrinted) memmap.Range {
	t.Helper()
	r, err := memmap.EFIDescriptor(d).Range()
	if err != nil {
		t.Fatal(err)
	}
	return r
}
