package lint

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"bootplan/memmap"
	"bootplan/memmap/mapgen"
	"bootplan/rule"
)

type pairCase struct {
	name string
	e820 []memmap.E820Entry
	efi  []memmap.EFIDescriptor
	want []Finding
}

var pairs = []pairCase{
	{"equal, but split differently",
		[]memmap.E820Entry{entry(0, 3*page, 1)},
		[]memmap.EFIDescriptor{desc(0, 1, memmap.EFILoaderCode, cached), desc(page, 2, memmap.EFIConventional, cached)}, nil},
	{"RAM over runtime data",
		[]memmap.E820Entry{entry(0, 3*page, 1)},
		[]memmap.EFIDescriptor{desc(0, 2, memmap.EFIConventional, cached), desc(2*page, 1, memmap.EFIRuntimeServicesData, cached)},
		[]Finding{found("map-pair-ram", rule.Error, 2*page, 3*page)}},
	{"RAM over nothing",
		[]memmap.E820Entry{entry(0, 3*page, 1)},
		[]memmap.EFIDescriptor{desc(0, 2, memmap.EFIConventional, cached)},
		[]Finding{found("map-pair-ram", rule.Error, 2*page, 3*page)}},
	{"RAM that is reserved, then left out",
		[]memmap.E820Entry{entry(0, page, 1), entry(page, 2*page, 2)},
		[]memmap.EFIDescriptor{desc(0, 3, memmap.EFIBootServicesCode, cached)},
		[]Finding{found("map-pair-lost", rule.Warning, page, 3*page)}},
	{"NVS that is reserved",
		[]memmap.E820Entry{entry(0, page, 2)},
		[]memmap.EFIDescriptor{desc(0, 1, memmap.EFIACPINVS, cached)},
		[]Finding{found("map-pair-type", rule.Info, 0, page)}},
	{"runtime code as GRUB states it, device memory left out, reserved memory added",
		[]memmap.E820Entry{entry(0, page, 20), entry(2*page, 3*page, 2)},
		[]memmap.EFIDescriptor{desc(0, 1, memmap.EFIRuntimeServicesCode, cached), desc(page, 1, memmap.EFIMMIO, memmap.EFIUC)}, nil},
	{"unaccepted and special-purpose memory left out or reserved",
		[]memmap.E820Entry{entry(0, page, memmap.E820SoftReserved)},
		[]memmap.EFIDescriptor{desc(0, 1, memmap.EFIConventional, cached|memmap.EFISP), desc(page, 1, memmap.EFIUnaccepted, cached)}, nil},
	{"unaccepted and special-purpose memory as RAM",
		[]memmap.E820Entry{entry(0, 2*page, 1)},
		[]memmap.EFIDescriptor{desc(0, 1, memmap.EFIConventional, cached|memmap.EFISP), desc(page, 1, memmap.EFIUnaccepted, cached)}, nil},
}

func TestPair(t *testing.T) {
	for _, c := range pairs {
		got := Pair(&memmap.Map{Kind: memmap.E820, Entries: c.e820}, &memmap.Map{Kind: memmap.EFI, Descriptors: c.efi})
		if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(Finding{}, "Message"), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func TestPairMessage(t *testing.T) {
	got := Pair(&memmap.Map{Kind: memmap.E820, Entries: pairs[1].e820}, &memmap.Map{Kind: memmap.EFI, Descriptors: pairs[1].efi})
	want := "[mem 0x0000000000002000-0x0000000000002fff] is usable in the e820 table, but the EFI map makes it reserved"
	if len(got) != 1 || got[0].Message != want {
		t.Errorf("%v", got)
	}
}

// What the stub makes of a map agrees with the map, whatever the stub was built with.
func TestPairAgreesWithTheStub(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		descs := mapgen.EFI().Draw(t, "efi")
		o := memmap.ConvertOptions{UnacceptedMemory: rapid.Bool().Draw(t, "unaccepted"), SoftReserve: rapid.Bool().Draw(t, "soft")}
		e := memmap.Map{Kind: memmap.E820, Entries: memmap.ToE820(descs, o)}
		if got := Pair(&e, &memmap.Map{Kind: memmap.EFI, Descriptors: descs}); len(got) > 0 {
			t.Fatalf("%+v", got)
		}
	})
}

// Whatever the maps, the listed disagreements of one kind are disjoint and ascending.
func TestPairOfAnyMaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := memmap.Map{Kind: memmap.E820, Entries: mapgen.HostileE820().Draw(t, "e820")}
		d := memmap.Map{Kind: memmap.EFI, Descriptors: mapgen.CrowdEFI().Draw(t, "efi")}
		var last Finding
		for _, f := range Pair(&e, &d) {
			if f.Range.Empty() || f.Rule == last.Rule && f.Range.Start < last.Range.End {
				t.Fatalf("%+v after %+v", f, last)
			}
			last = f
		}
	})
}

func BenchmarkPairOfCrowds(b *testing.B) {
	e := crowd()
	d := memmap.Map{Kind: memmap.EFI}
	for i := range uint64(10_000) {
		d.Descriptors = append(d.Descriptors, desc(2*i*memmap.MiB, 1<<20, memmap.EFIType(i%15), cached))
	}
	for b.Loop() {
		Pair(&e, &d)
	}
}
