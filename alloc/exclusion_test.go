package alloc

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/memmap"
	"bootplan/memmap/mapgen"
)

// All figures were worked out by hand: slots of 2 MiB at multiples of 2 MiB, from 16
// MiB up to 4 GiB.
func TestExclusions(t *testing.T) {
	const mib = memmap.MiB
	typed := func(kind memmap.EFIType, d memmap.EFIDescriptor) memmap.EFIDescriptor {
		d.Type = kind
		return d
	}
	descs := []memmap.EFIDescriptor{
		free(1*mib, 9*mib, 0), // below the minimum: slots at 2, 4 and 6 MiB
		free(16*mib, 32*mib, 0),
		typed(memmap.EFIBootServicesData, free(32*mib, 36*mib, 0)),
		typed(memmap.EFIBootServicesCode, free(36*mib, 37*mib, 0)), // has a slot only together with what follows
		free(37*mib, 38*mib, 0),
		typed(memmap.EFIBootServicesData, free(40*mib, 42*mib, 0)),
		typed(memmap.EFIMMIO, free(42*mib, 48*mib, 0)),
		free(48*mib, 64*mib, memmap.EFIHotPluggable),
		free(64*mib, 70*mib, memmap.EFISP),
		free(71*mib, 73*mib, 0), // no multiple of 2 MiB with 2 MiB behind it
		free(4096*mib, 4104*mib, 0),
	}
	q := Request{Size: 2 * mib, Align: 2 * mib, Min: 16 * mib, Max: 4*memmap.GiB - 1, SoftReserve: true}
	want := []Exclusion{
		{"Boot Data", 6 * mib, 3},
		{"Boot Code", 1 * mib, 1},
		{"hot-pluggable", 16 * mib, 8},
		{"soft-reserved", 6 * mib, 3},
		{"minimum", 8 * mib, 3},
		{"limit", 8 * mib, 4},
		{"too-small", 3 * mib, 0},
	}
	if diff := cmp.Diff(want, q.Exclusions(descs)); diff != "" {
		t.Error(diff)
	}

	descs[1].Attr = memmap.EFIMoreReliable // its 8 slots are all that count now; 4 of 4096 MiB and up are above the limit
	q.SoftReserve = false
	want = []Exclusion{
		{"Boot Data", 6 * mib, 0},
		{"Boot Code", 1 * mib, 0},
		{"hot-pluggable", 16 * mib, 0},
		{"not-mirrored", 8*mib + 1*mib + 16*mib + 6*mib + 2*mib + 8*mib, 3}, // the soft-reserved ones
		{"minimum", 8 * mib, 0},
		{"limit", 8 * mib, 0},
	}
	if diff := cmp.Diff(want, q.Exclusions(descs)); diff != "" {
		t.Errorf("mirrored: %s", diff)
	}
}

// A map on which nothing is excluded is all slots and the ends of its pieces.
func TestExclusionsOnAnyMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		descs := rapid.OneOf(mapgen.HostileEFI(), mapgen.RealisticEFI()).Draw(t, "map")
		q := Request{
			Size: rapid.Uint64Range(1, 64).Draw(t, "size") * memmap.MiB, Align: 2 * memmap.MiB,
			Min: 16 * memmap.MiB, Max: ^uint64(0), SoftReserve: rapid.Bool().Draw(t, "soft"),
		}
		seen := map[string]bool{}
		for _, e := range q.Exclusions(descs) {
			if seen[e.What] || e.Bytes == 0 {
				t.Fatalf("%+v", e)
			}
			seen[e.What] = true
			mirrored := memmap.EFIAttr(0)
			for _, d := range descs {
				mirrored |= d.Attr & memmap.EFIMoreReliable
			}
			if e.Slots < 0 && mirrored == 0 {
				t.Fatalf("without mirrored memory nothing can gain from a reason: %+v", e)
			}
		}
	})
}
