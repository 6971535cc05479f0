package firmware

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
)

// row is a row of descriptors, one behind the other, from start.
func row(start uint64, parts ...memmap.EFIDescriptor) []memmap.EFIDescriptor {
	for i := range parts {
		parts[i].Phys = start
		start += parts[i].Pages * memmap.PageSize
	}
	return parts
}

// ovmfRow are the bins of OVMF as every recorded boot of it shows them, with free
// memory on both sides.
func ovmfRow() []memmap.EFIDescriptor {
	return row(0x7e000000,
		memmap.EFIDescriptor{Type: memmap.EFIConventional, Pages: 0x10},
		memmap.EFIDescriptor{Type: memmap.EFIReserved, Pages: 0x80},
		memmap.EFIDescriptor{Type: memmap.EFIRuntimeServicesCode, Pages: 0x100},
		memmap.EFIDescriptor{Type: memmap.EFIRuntimeServicesData, Pages: 0x100},
		memmap.EFIDescriptor{Type: memmap.EFIACPIReclaim, Pages: 0x12},
		memmap.EFIDescriptor{Type: memmap.EFIACPINVS, Pages: 0x80},
		memmap.EFIDescriptor{Type: memmap.EFIConventional, Pages: 0x10},
	)
}

func TestFindBins(t *testing.T) {
	b := findBins(ovmfRow())
	type found struct{ Top, Reserved, ACPI uint64 }
	want := found{0x7e00ffff, 0x7e010000, 0x7e290000}
	got := found{b.top, b.of[memmap.EFIReserved].Start, b.of[memmap.EFIACPIReclaim].Start}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +found:\n%s", diff)
	}
}

// TestFindNoBins: a gap, or a missing type, and there are none: allocations then come
// from everywhere below 4 GiB.
func TestFindNoBins(t *testing.T) {
	gap := ovmfRow()
	gap[3].Phys += memmap.PageSize
	missing := append(ovmfRow()[:4], ovmfRow()[5:]...)
	for name, descs := range map[string][]memmap.EFIDescriptor{"none": nil, "gap": gap, "missing": missing} {
		if b := findBins(descs); b.top != 4*memmap.GiB-1 || b.of != (bins{}).of {
			t.Errorf("%s: found %+v", name, b)
		}
	}
}

// TestTakeFromBin: from the bottom up, until what is asked for does not fit.
func TestTakeFromBin(t *testing.T) {
	b := findBins(ovmfRow())
	type answer struct {
		Addr uint64
		OK   bool
	}
	var got []answer
	for _, q := range []struct {
		Type  memmap.EFIType
		Pages uint64
	}{
		{memmap.EFIACPIReclaim, 2}, {memmap.EFIACPIReclaim, 0x10}, {memmap.EFIACPIReclaim, 1},
		{memmap.EFILoaderData, 1},
	} {
		addr, ok := b.take(q.Type, q.Pages)
		got = append(got, answer{addr, ok})
	}
	want := []answer{{0x7e290000, true}, {0x7e292000, true}, {}, {}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +taken:\n%s", diff)
	}
}
