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

const (
	top    = ^uint64(0)
	page   = memmap.PageSize
	cached = memmap.EFIUC | memmap.EFIWC | memmap.EFIWT | memmap.EFIWB
	gib    = memmap.GiB
)

// e820 is a table in which nothing is odd, with entries after it.
func e820(more ...memmap.E820Entry) memmap.Map {
	quiet := []memmap.E820Entry{
		{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM},
		{Addr: memmap.MiB, Size: 15 * memmap.MiB, Type: memmap.E820RAM},
	}
	return memmap.Map{Kind: memmap.E820, Entries: append(quiet, more...)}
}

// only is a table of nothing but entries.
func only(entries ...memmap.E820Entry) memmap.Map {
	return memmap.Map{Kind: memmap.E820, Entries: entries}
}

// efi is an EFI map in which nothing is odd, with descriptors after it.
func efi(more ...memmap.EFIDescriptor) memmap.Map {
	quiet := []memmap.EFIDescriptor{
		{Type: memmap.EFIConventional, Phys: 0, Pages: 160, Attr: cached},
		{Type: memmap.EFIConventional, Phys: memmap.MiB, Pages: 15 * 256, Attr: cached},
	}
	return memmap.Map{Kind: memmap.EFI, Descriptors: append(quiet, more...)}
}

func found(id string, severity rule.Severity, start, end uint64, entries ...int) Finding {
	return Finding{Rule: id, Severity: severity, Range: memmap.Range{Start: start, End: end}, Entries: entries, Count: 1}
}

// entry and desc keep the cases short.
func entry(start, end uint64, t memmap.E820Type) memmap.E820Entry {
	return memmap.E820Entry{Addr: start, Size: end - start, Type: t}
}

func desc(phys, pages uint64, t memmap.EFIType, attr memmap.EFIAttr) memmap.EFIDescriptor {
	return memmap.EFIDescriptor{Type: t, Phys: phys, Pages: pages, Attr: attr}
}

// Each rule has a smallest map that it reports and a smallest change of it that it
// does not.
var cases = []struct {
	name string
	m    memmap.Map
	want []Finding
}{
	{"nothing odd in the e820 table", e820(), nil},
	{"nothing odd in the EFI map", efi(), nil},

	{"no entries", only(), []Finding{found("map-empty", rule.Error, 0, 0)}},
	{"all-zero entries", only(memmap.E820Entry{}, memmap.E820Entry{}), []Finding{
		found("map-empty", rule.Error, 0, 0), found("map-zero-length", rule.Warning, 0, 0, 0, 1)}},

	{"a single e820 entry", only(entry(0, gib, memmap.E820Reserved)), []Finding{
		found("map-single-entry", rule.Error, 0, gib, 0), found("map-no-ram", rule.Error, 0, 0)}},
	{"a single EFI descriptor", memmap.Map{Kind: memmap.EFI, Descriptors: []memmap.EFIDescriptor{desc(0, 1, memmap.EFIReserved, 0)}}, []Finding{
		found("map-no-ram", rule.Error, 0, 0)}},

	{"an entry passes 2^64", e820(memmap.E820Entry{Addr: top - 0xfff, Size: 0x2000, Type: memmap.E820Reserved}), []Finding{
		found("map-wrap", rule.Error, top-0xfff, top, 2)}},
	{"an entry reaches 2^64", efi(desc(top-0xfff, 1, memmap.EFIReserved, 0)), []Finding{
		found("map-wrap", rule.Error, top-0xfff, top, 2)}},
	{"an entry ends below 2^64", e820(entry(top-0x1fff, top-0xfff, memmap.E820Reserved)), []Finding{
		found("map-physical-width", rule.Warning, top-0x1fff, top-0xfff, 2)}},

	{"no length", efi(desc(gib, 0, memmap.EFIReserved, 0)), []Finding{found("map-zero-length", rule.Warning, gib, gib, 2)}},
	{"one byte", e820(entry(gib, gib+1, memmap.E820Reserved)), nil},

	{"reserved over RAM", e820(entry(15*memmap.MiB, 17*memmap.MiB, memmap.E820Reserved)), []Finding{
		found("map-overlap", rule.Error, 15*memmap.MiB, 16*memmap.MiB, 1, 2)}},
	{"RAM over RAM", efi(desc(15*memmap.MiB, 256, memmap.EFIBootServicesData, cached)), []Finding{
		found("map-overlap", rule.Warning, 15*memmap.MiB, 16*memmap.MiB, 1, 2)}},
	{"reserved beside RAM", e820(entry(16*memmap.MiB, 17*memmap.MiB, memmap.E820Reserved)), nil},
	{"RAM behind a far reaching reserved entry, with another between",
		e820(entry(gib, 2*gib, memmap.E820Reserved), entry(gib, gib+page, memmap.E820ACPI), entry(gib+2*page, gib+3*page, memmap.E820RAM)), []Finding{
			found("map-overlap", rule.Error, gib+2*page, gib+3*page, 2, 4), found("map-overlap", rule.Warning, gib, gib+page, 2, 3)}},

	{"no RAM", only(entry(0, page, 2), entry(gib, 2*gib, 2)), []Finding{found("map-no-ram", rule.Error, 0, 0)}},

	{"RAM in base memory and above 4 GiB only", only(entry(0, 0xa0000, 1), entry(4*gib, 5*gib, 1)), []Finding{
		found("map-no-ram-below-4g", rule.Error, memmap.MiB, 4*gib)}},

	{"one page of RAM in base memory beside page 0", only(entry(0, 2*page, 1), entry(memmap.MiB, gib, 1)), []Finding{
		found("map-no-low-ram", rule.Warning, page, 640*memmap.KiB)}},
	{"two single pages", only(entry(page, 2*page, 1), entry(3*page, 4*page, 1), entry(memmap.MiB, gib, 1)), []Finding{
		found("map-no-low-ram", rule.Warning, page, 640*memmap.KiB)}},
	{"two pages of RAM in base memory beside page 0", only(entry(0, 3*page, 1), entry(memmap.MiB, gib, 1)), nil},

	{"RAM up to 4 GiB", e820(entry(3*gib, 4*gib, 1)), []Finding{
		found("map-ram-on-device", rule.Error, 0xfec00000, 0xfec01000, 2),
		found("map-ram-on-device", rule.Error, 0xfee00000, 0xfee01000, 2),
		found("map-ram-on-device", rule.Error, 0xfffff000, 4*gib, 2)}},
	{"RAM in the VGA window", e820(entry(0xaf000, 0xb1000, 1)), []Finding{
		found("map-unsorted", rule.Info, 0xaf000, 0xb1000, 2), found("map-ram-on-device", rule.Warning, 0xaf000, 0xb1000, 2)}},
	{"RAM up to the I/O APIC", e820(entry(3*gib, 0xfec00000, 1)), nil},

	{"RAM beyond 52 bits", e820(entry(1<<52-page, 1<<52+page, 1)), []Finding{
		found("map-physical-width", rule.Error, 1<<52-page, 1<<52+page, 2)}},
	{"RAM up to 52 bits", e820(entry(1<<52-page, 1<<52, 1)), nil},

	{"an EFI descriptor within a page", efi(desc(gib+512, 1, memmap.EFIReserved, 0)), []Finding{
		found("map-unaligned", rule.Error, gib+512, gib+512+page, 2)}},
	{"e820 RAM that ends within a page", e820(entry(gib, 2*gib+512, 1)), []Finding{
		found("map-unaligned", rule.Info, gib, 2*gib+512, 2)}},
	{"e820 RAM that goes on within a page", e820(entry(gib, gib+512, 1), entry(gib+512, 2*gib, 1)), nil},
	{"e820 RAM that begins within a page", e820(entry(gib+512, gib+600, 1)), []Finding{
		found("map-unaligned", rule.Info, gib+512, gib+600, 2)}},
	{"e820 reserved memory that ends within a page", e820(entry(gib, 2*gib+512, 2)), nil},

	{"runtime code without RUN", efi(desc(gib, 1, memmap.EFIRuntimeServicesCode, cached)), []Finding{
		found("map-runtime-unmapped", rule.Error, gib, gib+page, 2)}},
	{"runtime code with RUN", efi(desc(gib, 1, memmap.EFIRuntimeServicesCode, cached|memmap.EFIRuntime)), nil},

	{"RAM with RUN", efi(desc(gib, 1, memmap.EFIBootServicesData, cached|memmap.EFIRuntime)), []Finding{
		found("map-runtime-attribute", rule.Warning, gib, gib+page, 2)}},
	{"ACPI memory with RUN", efi(desc(gib, 1, memmap.EFIACPINVS, cached|memmap.EFIRuntime)), []Finding{
		found("map-runtime-attribute", rule.Info, gib, gib+page, 2)}},
	{"device memory with RUN", efi(desc(gib, 1, memmap.EFIMMIO, memmap.EFIUC|memmap.EFIRuntime)), nil},

	{"RAM without WB", efi(desc(gib, 1, memmap.EFIConventional, memmap.EFIUC)), []Finding{
		found("map-no-write-back", rule.Warning, gib, gib+page, 2)}},
	{"reserved memory without WB", efi(desc(gib, 1, memmap.EFIReserved, memmap.EFIUC)), nil},

	{"unknown e820 types", e820(entry(gib, gib+page, 20), entry(2*gib, 2*gib+page, 9), entry(3*gib, 3*gib+page, 9)), []Finding{
		found("map-unknown-type", rule.Info, gib, gib+page, 2), found("map-unknown-type", rule.Info, 2*gib, 2*gib+page, 3, 4)}},
	{"an unknown EFI type", efi(desc(gib, 1, 16, cached)), []Finding{found("map-unknown-type", rule.Warning, gib, gib+page, 2)}},
	{"the last known EFI type", efi(desc(gib, 1, 15, cached)), nil},

	{"129 e820 entries", e820(crumbs(127)...), []Finding{found("map-many-entries", rule.Info, gib+126*2*memmap.MiB, gib+126*2*memmap.MiB)}},
	{"128 e820 entries", e820(crumbs(126)...), nil},

	{"a hole of a page above RAM", e820(entry(16*memmap.MiB+page, gib, 2)), []Finding{
		found("map-small-hole", rule.Info, 16*memmap.MiB, 16*memmap.MiB+page)}},
	{"a hole of 1 MiB above RAM", e820(entry(17*memmap.MiB, gib, 2)), nil},
	{"a hole between reserved entries", e820(entry(gib, gib+page, 2), entry(gib+2*page, gib+3*page, 2)), nil},

	{"a table that steps back", e820(entry(2*gib, 3*gib, 2), entry(gib, 2*gib, 2)), []Finding{found("map-unsorted", rule.Info, gib, 2*gib, 3)}},
	{"an EFI map that steps back", efi(desc(2*gib, 1, 0, 0), desc(gib, 1, 0, 0)), nil},
}

// crumbs are n reserved pages, 2 MiB from one to the next.
func crumbs(n uint64) []memmap.E820Entry {
	var list []memmap.E820Entry
	for i := range n {
		list = append(list, entry(gib+i*2*memmap.MiB, gib+i*2*memmap.MiB+page, memmap.E820Reserved))
	}
	return list
}

func TestEachRule(t *testing.T) {
	for _, c := range cases {
		got := Map(&c.m, Options{})
		opts := []cmp.Option{cmpopts.IgnoreFields(Finding{}, "Message"), cmpopts.EquateEmpty()}
		if diff := cmp.Diff(c.want, got, append(opts, cmpopts.SortSlices(before))...); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func before(a, b Finding) bool {
	if a.Rule != b.Rule {
		return a.Rule < b.Rule
	}
	return a.Range.Start < b.Range.Start
}

func TestEveryRuleHasACase(t *testing.T) {
	var all []Finding
	for _, c := range cases {
		all = append(all, c.want...)
	}
	for _, p := range pairs {
		all = append(all, p.want...)
	}
	fired := map[string]rule.Severity{}
	for _, f := range all {
		fired[f.Rule] = max(fired[f.Rule], f.Severity)
	}
	for _, r := range Rules() {
		if worst, ok := fired[r.ID]; !ok || worst != r.Severity {
			t.Errorf("%s: the cases reach severity %v (fired: %v), the rule says %v", r.ID, worst, ok, r.Severity)
		}
		if r.Title == "" || len(r.Text) < 100 || len(r.Sources) == 0 {
			t.Errorf("%s is not explained", r.ID)
		}
	}
}

func TestMessages(t *testing.T) {
	for want, m := range map[string]memmap.Map{
		"[mem 0x0000000000f00000-0x0000000000ffffff] is usable in one entry and reserved in another":                     e820(entry(15*memmap.MiB, 17*memmap.MiB, 2)),
		"[mem 0x0000000000f00000-0x0000000000ffffff] is usable in two entries":                                           e820(entry(15*memmap.MiB, 16*memmap.MiB, 1)),
		"the entry at 0xfffffffffffff000 (reserved, 0x2000 bytes) reaches or passes the end of the 64-bit address space": e820(memmap.E820Entry{Addr: top - 0xfff, Size: 0x2000, Type: 2}),
		"2 entries have no length, the first at 0x40000000":                                                              efi(desc(gib, 0, 0, 0), desc(2*gib, 0, 0, 0)),
		"[mem 0x0000000040000000-0x00000000800001ff] usable: 512 bytes at its ends are less than a page and stay unused": e820(entry(gib, 2*gib+512, 1)),
		"[mem 0x0000000040000000-0x0000000040000fff] and 1 more: type 20 is GRUB's for EFI runtime code; Linux reserves it": e820(
			entry(gib, gib+page, 20), entry(2*gib, 2*gib+page, 20)),
		"[mem 0x0000000040000000-0x0000000040000fff] comes after the entry at 0x80000000": e820(
			entry(2*gib, 2*gib+page, 2), entry(gib, gib+page, 2)),
		"[mem 0x0000000040000000-0x0000000040000fff] comes after the entry at 0x80000000, the first of 2 that step back": e820(
			entry(2*gib, 2*gib+page, 2), entry(gib, gib+page, 2), entry(gib-page, gib, 2)),
		"the table has 129 entries; those from number 129 on, at 0x4fc00000, don't fit in boot_params": e820(crumbs(127)...),
	} {
		got := Map(&m, Options{})
		if len(got) != 1 || got[0].Message != want {
			t.Errorf("got %v\nwant %s", got, want)
		}
	}
}

func TestPartOfAMapMayLackRAM(t *testing.T) {
	runtime := desc(gib, 1, memmap.EFIRuntimeServicesCode, cached|memmap.EFIRuntime)
	high := desc(8*gib, 1, memmap.EFIConventional, cached)
	for _, m := range []memmap.Map{
		{Kind: memmap.EFI, Descriptors: []memmap.EFIDescriptor{runtime}},
		{Kind: memmap.EFI, Descriptors: []memmap.EFIDescriptor{high}},
	} {
		if got := Map(&m, Options{Part: true}); len(got) > 0 {
			t.Errorf("%v", got)
		}
		if got := Map(&m, Options{}); len(got) == 0 {
			t.Error("as a whole map it would be odd")
		}
	}
}

func TestPhysicalAddressBitsAreTheMachines(t *testing.T) {
	m := e820(entry(1<<46, 1<<46+page, 2))
	if got := Map(&m, Options{PhysBits: 46}); len(got) != 1 || got[0].Rule != "map-physical-width" {
		t.Errorf("%v", got)
	}
}

func TestManyFindingsOfOneKindAreAbridged(t *testing.T) {
	var entries []memmap.E820Entry
	for i := range uint64(10) {
		entries = append(entries, entry(memmap.MiB+i*page, memmap.MiB+i*page+page, memmap.E820Reserved))
	}
	m := e820(entries...)
	got := Map(&m, Options{})
	want := Finding{
		Rule: "map-overlap", Severity: rule.Error, Count: 5,
		Range:   memmap.Range{Start: memmap.MiB + 5*page, End: memmap.MiB + 10*page},
		Message: "5 more of this kind within [mem 0x0000000000105000-0x0000000000109fff]",
	}
	if len(got) != 6 {
		t.Fatalf("%d findings: %v", len(got), got)
	}
	if diff := cmp.Diff(want, got[5]); diff != "" {
		t.Error(diff)
	}
}

// Whatever the map, lint answers in order, with entries that exist, briefly.
func TestAnyMap(t *testing.T) {
	maps := rapid.OneOf(
		rapid.Map(mapgen.HostileE820(), func(e []memmap.E820Entry) memmap.Map { return memmap.Map{Kind: memmap.E820, Entries: e} }),
		rapid.Map(mapgen.HostileEFI(), func(d []memmap.EFIDescriptor) memmap.Map { return memmap.Map{Kind: memmap.EFI, Descriptors: d} }),
		rapid.Map(mapgen.CrowdE820(), func(e []memmap.E820Entry) memmap.Map { return memmap.Map{Kind: memmap.E820, Entries: e} }),
	)
	known := map[string]bool{}
	for _, r := range Rules() {
		known[r.ID] = true
	}
	rapid.Check(t, func(t *rapid.T) {
		m := maps.Draw(t, "map")
		last := rule.Error
		for _, f := range Map(&m, Options{}) {
			if !known[f.Rule] || f.Count < 1 || f.Severity > last || f.Range.End < f.Range.Start {
				t.Fatalf("finding %+v after severity %v", f, last)
			}
			for _, i := range f.Entries {
				if i < 0 || i >= m.Len() {
					t.Fatalf("finding %+v of %d entries", f, m.Len())
				}
			}
			last = f.Severity
		}
	})
}

// What firmware reports in practice must not be called an error.
func TestRealisticMapsHaveNoErrors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := memmap.Map{Kind: memmap.E820, Entries: mapgen.RealisticE820().Draw(t, "e820")}
		d := memmap.Map{Kind: memmap.EFI, Descriptors: mapgen.RealisticEFI().Draw(t, "efi")}
		for _, f := range append(Map(&e, Options{}), Map(&d, Options{})...) {
			if f.Severity == rule.Error {
				t.Fatalf("%+v", f)
			}
		}
	})
}

// crowd is 10,000 entries that all overlap, which would be 50 million pairs.
func crowd() memmap.Map {
	var m memmap.Map
	m.Kind = memmap.E820
	for i := range uint64(10_000) {
		m.Entries = append(m.Entries, memmap.E820Entry{Addr: (10_000 - i) * page, Size: gib, Type: memmap.E820Type(1 + i%4)})
	}
	return m
}

func BenchmarkMapOfCrowd(b *testing.B) {
	m := crowd()
	for b.Loop() {
		Map(&m, Options{})
	}
}
