package kaslr

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bootplan/memmap"
)

// Without the image, the RAM below 2 GiB has 994 places instead of 968. Without the
// minimum, [0x200000, 0x3800000) has 5 more.
func TestExclusionsOfPlain(t *testing.T) {
	got, err := Exclusions(plain())
	if err != nil {
		t.Fatal(err)
	}
	want := []Exclusion{
		{What: "image", Extent: Extent{0x3800000, 0xc00000}, Bytes: 0xc00000, Slots: 26, Bits: math.Log2(1996) - math.Log2(1970)},
		{What: "cmdline", Extent: Extent{0x20000, 6}, Bytes: 6},
		{What: "boot_params", Extent: Extent{0x13d00, 0x1000}, Bytes: 0x1000},
		{What: "minimum", Extent: Extent{0, 0x1000000}, Bytes: 0x9fc00 + 0xf00000, Slots: 5, Bits: math.Log2(1975) - math.Log2(1970)},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Error(diff)
	}
}

func TestExclusionsOfBounds(t *testing.T) {
	in := bare() // RAM from 0 to 4 GiB, minimum 16 MiB, the kernel needs 1 GiB
	in.Cmdline = "mem=3G hugepagesz=1G hugepages=1"
	in.Immovable = []Extent{{0, 2*memmap.GiB + 512*memmap.MiB}}
	// In [16 MiB, 2.5 GiB), page [1 GiB, 2 GiB) is taken; neither side of it has room.
	got, err := Exclusions(in)
	if err != nil {
		t.Fatal(err)
	}
	gib := func(n float64) uint64 { return uint64(n * float64(memmap.GiB)) }
	want := []Exclusion{
		{What: "minimum", Extent: Extent{0, 16 * memmap.MiB}, Bytes: 16 * memmap.MiB},
		{What: "limit", Extent: Extent{gib(3), math.MaxUint64 - gib(3)}, Bytes: gib(1)},
		// up to the limit, [2 GiB, 3 GiB) has one place
		{What: "immovable", Bytes: gib(1.5), Slots: 1},
		// (2.5 GiB - 16 MiB - 1 GiB) / 2 MiB + 1
		{What: "hugepages", Bytes: gib(1), Slots: 761, Bits: math.Log2(761)},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Error(diff)
	}
}

func TestLiftedAvoid(t *testing.T) {
	var p Plan
	if err := p.make(plain(), restrictions{skip: 0}); err != nil || p.Avoid[0].What != "image" || p.Slots != 1996 {
		t.Errorf("%v, %d slots", err, p.Slots)
	}
}

// Each piece of 2 GiB has 513 places. Only the first is mirrored and not reserved for
// a driver; each reason alone costs one of the others.
func TestExclusionsByAttributes(t *testing.T) {
	piece := func(gib uint64, attr memmap.EFIAttr) memmap.EFIDescriptor {
		return memmap.EFIDescriptor{Type: memmap.EFIConventional, Phys: gib * memmap.GiB, Pages: 2 * memmap.GiB / memmap.PageSize, Attr: attr}
	}
	in := bare()
	in.SoftReserve = true
	in.EFI = EFIInfo{Signature: "EL64", DescSize: 48, MapSize: 3 * 48, Descs: []memmap.EFIDescriptor{
		piece(1, memmap.EFIMoreReliable), piece(4, 0), piece(8, memmap.EFISP|memmap.EFIMoreReliable),
	}}
	got, err := Exclusions(in)
	if err != nil {
		t.Fatal(err)
	}
	want := []Exclusion{
		{What: "soft-reserved", Bytes: 2 * memmap.GiB, Slots: 513, Bits: 1},
		{What: "not-mirrored", Bytes: 2 * memmap.GiB, Slots: 513, Bits: 1},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Error(diff)
	}
}
