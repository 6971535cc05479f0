package mapgen

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/memmap"
)

// proper fails the test unless the entries are page aligned, not empty, sorted,
// disjoint and below limit.
func proper(t *rapid.T, m memmap.Map, align, limit uint64) {
	var end uint64
	for i := range m.Len() {
		r, err := m.Range(i)
		if err != nil || r.Empty() || r.Start < end || r.End > limit || r.Start%align != 0 || r.End%align != 0 {
			t.Fatalf("entry %d: %v (%v), the entry before ends at %#x", i, r, err, end)
		}
		end = r.End
	}
}

func TestProper(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		proper(t, memmap.Map{Kind: memmap.E820, Entries: E820().Draw(t, "e820")}, memmap.PageSize, memmap.TiB)
		proper(t, memmap.Map{Kind: memmap.EFI, Descriptors: EFI().Draw(t, "efi")}, memmap.PageSize, memmap.TiB)
	})
}

func TestRealisticIsProperAndHasLowRAM(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, m := range []memmap.Map{
			{Kind: memmap.E820, Entries: RealisticE820().Draw(t, "e820")},
			{Kind: memmap.EFI, Descriptors: RealisticEFI().Draw(t, "efi")},
		} {
			proper(t, m, memmap.KiB, 1<<46)
			ram := m.RAM()
			if !ram.Covers(memmap.Range{Start: 0, End: 512 * memmap.KiB}) || !ram.Covers(memmap.Range{Start: memmap.MiB, End: 8 * memmap.MiB}) {
				t.Fatalf("RAM is only %v", ram.Ranges())
			}
		}
	})
}

// The figures are those that Linux logged on QEMU 7.2 with SeaBIOS 1.16.2, machine "pc", 128 MiB.
func TestSeaBIOSIsWhatQEMUReports(t *testing.T) {
	want := []memmap.E820Entry{
		{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM},
		{Addr: 0x9fc00, Size: 0x400, Type: memmap.E820Reserved},
		{Addr: 0xf0000, Size: 0x10000, Type: memmap.E820Reserved},
		{Addr: 0x100000, Size: 0x7ee0000, Type: memmap.E820RAM},
		{Addr: 0x7fe0000, Size: 0x20000, Type: memmap.E820Reserved},
		{Addr: 0xfffc0000, Size: 0x40000, Type: memmap.E820Reserved},
		{Addr: 0xfd00000000, Size: 0x300000000, Type: memmap.E820Reserved},
	}
	if diff := cmp.Diff(want, seaBIOS(639*memmap.KiB, 128*memmap.MiB, 0)); diff != "" {
		t.Error(diff)
	}
}

// The figures are those of the e820 table that Linux logged on QEMU's "q35" with
// OVMF 2022.11 and 1 GiB, where the stub had made it of OVMF's map.
func TestOVMFIsWhatQEMUReports(t *testing.T) {
	descs := ovmf(memmap.GiB, 0, []piece[kind]{{0, 16, kind{memmap.EFILoaderCode, cached}}})
	span := func(start, end uint64, t memmap.E820Type) memmap.E820Entry {
		return memmap.E820Entry{Addr: start, Size: end - start, Type: t}
	}
	want := []memmap.E820Entry{
		span(0x0, 0xa0000, memmap.E820RAM),
		span(0x100000, 0x806000, memmap.E820RAM),
		span(0x806000, 0x808000, memmap.E820NVS),
		span(0x808000, 0x810000, memmap.E820RAM),
		span(0x810000, 0x900000, memmap.E820NVS),
		span(0x900000, 0x3eaa0000, memmap.E820RAM),
		span(0x3eaa0000, 0x3eba2000, memmap.E820Reserved),
		span(0x3eba2000, 0x3f4ec000, memmap.E820RAM),
		span(0x3f4ec000, 0x3f76c000, memmap.E820Reserved),
		span(0x3f76c000, 0x3f77e000, memmap.E820ACPI),
		span(0x3f77e000, 0x3f7fe000, memmap.E820NVS),
		span(0x3f7fe000, 0x3fef4000, memmap.E820RAM),
		span(0x3fef4000, 0x3ff78000, memmap.E820Reserved),
		span(0x3ff78000, 0x40000000, memmap.E820NVS),
		span(0xb0000000, 0xc0000000, memmap.E820Reserved),
		span(0xffc00000, 0x100000000, memmap.E820Reserved),
	}
	if diff := cmp.Diff(want, memmap.ToE820(descs, memmap.ConvertOptions{})); diff != "" {
		t.Error(diff)
	}
}

func TestHostileStaysWithinItsSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if n := len(HostileE820().Draw(t, "e820")); n > 64 {
			t.Fatalf("%d entries", n)
		}
		if n := len(CrowdEFI().Draw(t, "crowd")); n == 0 || n > 10_000 {
			t.Fatalf("%d descriptors", n)
		}
	})
}

// A property that no hostile map violates would mean that the generator is tame.
func TestHostileFindsEveryOddity(t *testing.T) {
	var wrapped, overlapping, empty, unsorted, unknown bool
	rapid.Check(t, func(t *rapid.T) {
		m := memmap.Map{Kind: memmap.E820, Entries: HostileE820().Draw(t, "e820")}
		m.Overlaps(func(int, int, memmap.Range) bool { overlapping = true; return false })
		for i, e := range m.Entries {
			_, err := e.Range()
			wrapped = wrapped || err != nil
			empty = empty || e.Size == 0
			unknown = unknown || e.Type == 0
			unsorted = unsorted || i > 0 && e.Addr < m.Entries[i-1].Addr
		}
	})
	if !wrapped || !overlapping || !empty || !unsorted || !unknown {
		t.Errorf("wrapped %v, overlapping %v, empty %v, unsorted %v, unknown type %v", wrapped, overlapping, empty, unsorted, unknown)
	}
}
