package alloc

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/memmap"
	"bootplan/memmap/gallery"
	"bootplan/memmap/mapgen"
)

// The firmware that was made of a recorded map reports that map, in every release.
func TestEFIPagesFromMapReportsTheMap(t *testing.T) {
	want := gallery.OVMF2G().Descriptors
	for release := range EDK2(len(edk2Names)) {
		p, err := EFIPagesFromMap(EFIConfig{Release: release}, want)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, p.Map()); diff != "" {
			t.Errorf("%v: %s", release, diff)
		}
	}
}

// Memory stays what it is, whatever the map; only neighbours that are alike, and what
// no map of EDK2 shows, may change.
func TestEFIPagesFromMapKeepsMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		descs := mapgen.RealisticEFI().Draw(t, "map")
		release := EDK2(rapid.IntRange(0, len(edk2Names)-1).Draw(t, "release"))
		p, err := EFIPagesFromMap(EFIConfig{Release: release}, descs)
		if err != nil {
			t.Fatal(err)
		}
		for kind := range memmap.EFIType(binTypes) {
			of := func(descs []memmap.EFIDescriptor) []memmap.Range {
				return allOf(descs, func(d memmap.EFIDescriptor) bool { return d.Type == kind }).Ranges()
			}
			if diff := cmp.Diff(of(descs), of(p.Map())); diff != "" {
				t.Fatalf("%v: %s", kind, diff)
			}
		}
	})
}

// The bins of OVMF, as its sources have them.
func TestInferEFIState(t *testing.T) {
	descs := gallery.OVMF2G().Descriptors
	got, err := InferEFIState(EFIConfig{}, descs)
	if err != nil {
		t.Fatal(err)
	}
	bin := func(t memmap.EFIType, start, end uint64) EFIBin {
		return EFIBin{t, memmap.Range{Start: start, End: end}, true}
	}
	bins := []EFIBin{
		bin(memmap.EFIRuntimeServicesData, 0x7f4ec000, 0x7f5ec000),
		bin(memmap.EFIRuntimeServicesCode, 0x7f5ec000, 0x7f6ec000),
		bin(memmap.EFIReserved, 0x7f6ec000, 0x7f76c000),
		bin(memmap.EFIACPIReclaim, 0x7f76c000, 0x7f77e000),
		bin(memmap.EFIACPINVS, 0x7f77e000, 0x7f7fe000),
	}
	if diff := cmp.Diff(bins, got.Bins); diff != "" {
		t.Error(diff)
	}
	if got.DefaultLast != 0x7f4ebfff || len(got.Assumptions) != 2 {
		t.Errorf("got %+v", got)
	}
	if got.FreeSlots != 64 { // a page of them
		t.Errorf("%d slots are free", got.FreeSlots)
	}
	// A gap, or a type less, and there are no bins.
	runtime := slices.IndexFunc(descs, func(d memmap.EFIDescriptor) bool { return d.Phys == 0x7f5ec000 })
	gap := slices.Clone(descs)
	gap[runtime].Pages--
	for name, descs := range map[string][]memmap.EFIDescriptor{"gap": gap, "missing": slices.Delete(slices.Clone(descs), runtime, runtime+1)} {
		got, err := InferEFIState(EFIConfig{}, descs)
		if err != nil || len(got.Bins) != 0 || got.DefaultLast != 0xffffffff {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

// With bins a page of a type comes from its bin, then from below all bins.
func TestEFIPagesFromMapUsesTheBins(t *testing.T) {
	p, err := EFIPagesFromMap(EFIConfig{}, gallery.OVMF2G().Descriptors)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		t           memmap.EFIType
		pages, want uint64
	}{
		{memmap.EFIACPIReclaim, 1, 0x7f77c000}, // the last page is in use
		{memmap.EFIACPIReclaim, 16, 0x7f76c000},
		{memmap.EFIReserved, 0x7f, 0x7f6ec000},
	} {
		if at, status := p.AllocatePages(AnyPages, c.t, c.pages, 0); at != c.want || status != Success {
			t.Errorf("%d: got %#x, %v; want %#x", i, at, status, c.want)
		}
	}
	if at, status := p.AllocatePages(AnyPages, memmap.EFIACPIReclaim, 1, 0); at >= 0x7f4ec000 || status != Success {
		t.Errorf("a full bin: got %#x, %v", at, status)
	}
	if diff := cmp.Diff(NotFound, second(p.AllocatePages(Address, data, 1, 0x7f500000))); diff != "" {
		t.Error(diff)
	}
}

func second(_ uint64, s Status) Status { return s }
