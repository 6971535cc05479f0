package sim_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

// story is a design that only does what the function does.
type story func(b *sim.Boot) error

func (story) Name() string             { return "story" }
func (s story) Boot(b *sim.Boot) error { return s(b) }

func e820(entries ...memmap.E820Entry) *sim.Scenario {
	return &sim.Scenario{Map: &memmap.Map{Kind: memmap.E820, Entries: entries}}
}

func tell(t *testing.T, sc *sim.Scenario, s story) *sim.Result {
	t.Helper()
	r, err := sim.Run(s, sc, sim.Options{Trace: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func r(start, end uint64) memmap.Range { return memmap.Range{Start: start, End: end} }

// TestSeeded: the first three outputs of splitmix64 from 0, as published with it.
func TestSeeded(t *testing.T) {
	f := sim.Seeded(0)
	p, v := f.StubSeed()
	got := [3]uint64{f.Physical(), f.Virtual(), uint64(v)<<32 | uint64(p)}
	if diff := cmp.Diff([3]uint64{0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f}, got); diff != "" {
		t.Error(diff)
	}
}

func TestPerm(t *testing.T) {
	for text, want := range map[string]sim.Perm{"---": 0, "r--": sim.R, "rw-": sim.RW, "r-x": sim.RX, "rwx": sim.RWX, "--x": sim.X} {
		got, err := sim.ParsePerm(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("ParsePerm(%q) = %v, %v", text, got, err)
		}
	}
	if _, err := sim.ParsePerm("rxw"); err == nil {
		t.Error("rxw: expected an error")
	}
}

// TestOverlappingEntries: where entries overlap, the more restrictive one counts,
// in whatever order they come.
func TestOverlappingEntries(t *testing.T) {
	ram := memmap.E820Entry{Addr: 0, Size: 0x3000, Type: memmap.E820RAM}
	reserved := memmap.E820Entry{Addr: 0x1000, Size: 0x1000, Type: memmap.E820Reserved}
	want := []memmap.Span[sim.Use]{
		{Range: r(0, 0x1000), Value: sim.UseRAM}, {Range: r(0x1000, 0x2000), Value: sim.UseReserved}, {Range: r(0x2000, 0x3000), Value: sim.UseRAM},
	}
	for _, entries := range [][]memmap.E820Entry{{ram, reserved}, {reserved, ram}} {
		m := sim.NewMachine(&memmap.Map{Kind: memmap.E820, Entries: entries})
		if diff := cmp.Diff(want, m.Use.All()); diff != "" {
			t.Error(diff)
		}
	}
}

// TestUses: what each type of memory is for, and whether boot code may use it.
func TestUses(t *testing.T) {
	type use struct {
		Use sim.Use
		RAM bool
	}
	free := use{sim.UseRAM, true}
	for kind, want := range map[memmap.E820Type]use{
		memmap.E820RAM: free, memmap.E820ReservedKern: free,
		memmap.E820Reserved: {sim.UseReserved, false}, memmap.E820ACPI: {sim.UseACPI, false}, memmap.E820NVS: {sim.UseNVS, false},
		memmap.E820Unusable: {sim.UseUnusable, false}, memmap.E820PMEM: {sim.UsePersistent, false}, 77: {sim.UseReserved, false},
	} {
		m := sim.NewMachine(&memmap.Map{Kind: memmap.E820, Entries: []memmap.E820Entry{{Size: 1, Type: kind}}})
		if got := m.Use.At(0); got != want.Use || got.IsRAM() != want.RAM {
			t.Errorf("e820 type %d: %s", kind, got)
		}
	}
	for kind, want := range map[memmap.EFIType]use{
		memmap.EFIConventional: free, memmap.EFILoaderCode: {sim.UseLoader, true}, memmap.EFILoaderData: {sim.UseLoader, true},
		memmap.EFIBootServicesCode: {sim.UseBoot, true}, memmap.EFIBootServicesData: {sim.UseBoot, true},
		memmap.EFIRuntimeServicesCode: {sim.UseRuntime, false}, memmap.EFIRuntimeServicesData: {sim.UseRuntime, false},
		memmap.EFIReserved: {sim.UseReserved, false}, memmap.EFIUnusable: {sim.UseUnusable, false},
		memmap.EFIACPIReclaim: {sim.UseACPI, false}, memmap.EFIACPINVS: {sim.UseNVS, false}, memmap.EFIMMIO: {sim.UseMMIO, false},
		memmap.EFIPersistent: {sim.UsePersistent, false}, memmap.EFIUnaccepted: {sim.UseUnaccepted, false}, 77: {sim.UseReserved, false},
	} {
		m := sim.NewMachine(&memmap.Map{Kind: memmap.EFI, Descriptors: []memmap.EFIDescriptor{{Pages: 1, Type: kind}}})
		if got := m.Use.At(0); got != want.Use || got.IsRAM() != want.RAM {
			t.Errorf("EFI type %d: %s", kind, got)
		}
	}
}

// TestWX counts RAM that is mapped W+X: not what is only mapped, nor what is no RAM.
func TestWX(t *testing.T) {
	m := sim.NewMachine(&memmap.Map{Kind: memmap.E820, Entries: []memmap.E820Entry{
		{Addr: 0x100000, Size: 0x400000, Type: memmap.E820RAM},
		{Addr: 0x500000, Size: 0x1000, Type: memmap.E820ACPI},
		{Addr: 0xe0000000, Size: 0x10000000, Type: memmap.E820Reserved}, // address space of a device
	}})
	if m.WX() != 0 {
		t.Error("no paging, yet something is mapped")
	}
	m.Tables = &sim.Tables{Paging: true}
	m.Tables.Perm.Set(r(0, 1<<32), sim.RWX)
	m.Tables.Perm.Set(r(0x100000, 0x200000), sim.RX)
	if got, want := m.WX(), uint64(0x300000+0x1000); got != want {
		t.Errorf("WX() = %#x, want %#x", got, want)
	}
}

// TestFaultHandler: what is not mapped is mapped on first touch, whole 2 MiB pages,
// once, and before the step that needed it.
func TestFaultHandler(t *testing.T) {
	var grown []memmap.Range
	result := tell(t, e820(), func(b *sim.Boot) error {
		tables := &sim.Tables{Paging: true, OnFault: sim.RW, Grow: func(r memmap.Range) error { grown = append(grown, r); return nil }}
		tables.Perm.Set(r(0x400000, 0x600000), sim.RWX)
		b.SwitchTo(tables, sim.Step{})
		b.Do(sim.Step{Op: sim.Write, Object: "x", Range: r(0x3fffff, 0x600001)})
		b.Do(sim.Step{Op: sim.Read, Object: "x", Range: r(0x200000, 0x800000)})
		return nil
	})
	want := []memmap.Range{r(0x200000, 0x400000), r(0x600000, 0x800000)}
	if diff := cmp.Diff(want, grown); diff != "" {
		t.Error(diff)
	}
	var ops []sim.Op
	for _, s := range result.Steps {
		ops = append(ops, s.Op)
	}
	if diff := cmp.Diff([]sim.Op{sim.Switch, sim.Map, sim.Map, sim.Write, sim.Read}, ops); diff != "" {
		t.Error(diff)
	}
}

// TestExhaustedPageTables: a handler without pages ends the boot at the step that
// needed it.
func TestExhaustedPageTables(t *testing.T) {
	result := tell(t, e820(), func(b *sim.Boot) error {
		b.SwitchTo(&sim.Tables{Paging: true, OnFault: sim.RW, Grow: func(memmap.Range) error { return errors.New("none left") }}, sim.Step{})
		b.Do(sim.Step{Op: sim.Write, Object: "x", Range: r(0, 1)})
		b.Do(sim.Step{Op: sim.Write, Object: "y", Range: r(0, 1)})
		return nil
	})
	if f := result.Findings[0]; result.Outcome != sim.Faults || f.Rule != "pagetables-exhausted" || f.Step != 1 {
		t.Errorf("outcome %s, findings %v", result.Outcome, result.Findings)
	}
	if len(result.Steps) != 2 || result.Steps[1].Object != "x" || result.StepCount() != 2 {
		t.Errorf("steps %v", result.Steps)
	}
}

// TestFailure: a boot that gives up is a result, any other error is not.
func TestFailure(t *testing.T) {
	result := tell(t, e820(), func(*sim.Boot) error { return &sim.Failure{Rule: "no-memory", Message: "nothing fits"} })
	want := []sim.Finding{{Rule: "no-memory", Severity: rule.Error, Message: "nothing fits"}}
	if diff := cmp.Diff(want, result.Findings); diff != "" || result.Outcome != sim.Fails || result.Failure != "nothing fits" {
		t.Errorf("outcome %s %q, findings %s", result.Outcome, result.Failure, diff)
	}
	if _, err := sim.Run(story(func(*sim.Boot) error { return errors.New("no kernel") }), e820(), sim.Options{}); err == nil || err.Error() != "story: no kernel" {
		t.Errorf("error %v", err)
	}
}

// TestLowMemory counts what is written below 1 MiB without an allocation, once.
func TestLowMemory(t *testing.T) {
	result := tell(t, e820(), func(b *sim.Boot) error {
		b.In(sim.Loader)
		b.Do(sim.Step{Op: sim.Write, Object: "loader", Range: r(0x1000, 0x2000)})
		b.In(sim.Decompressor)
		b.Do(sim.Step{Op: sim.Alloc, Object: "mine", Range: r(0x8000, 0x9000)})
		b.Do(sim.Step{Op: sim.Write, Object: "mine", Range: r(0x8000, 0x9000)})
		b.Do(sim.Step{Op: sim.Write, Object: "grabbed", Range: r(0xfe000, 0x101000)})
		b.Do(sim.Step{Op: sim.Write, Object: "grabbed", Range: r(0xff000, 0x100000)})
		return nil
	})
	if m, _ := result.Metric(sim.LowMemoryBytes); m.Value != 0x2000 {
		t.Errorf("%v bytes, want 0x2000", m.Value)
	}
}

func TestPolicies(t *testing.T) {
	type perms struct{ Code, Data, Free, Services sim.Perm }
	want := map[string]perms{
		"ovmf":               {sim.RWX, sim.RWX, sim.RWX, sim.RWX},
		"ovmf-attr":          {sim.RWX, sim.RWX, sim.RWX, sim.RWX},
		"edk2-nx":            {sim.RWX, sim.RW, sim.RW, sim.RWX}, // measured: code types stay W+X
		"edk2-nx-attr":       {sim.RWX, sim.RW, sim.RW, sim.RWX},
		"edk2-nx-image":      {sim.RWX, sim.RW, sim.RW, sim.RWX},
		"edk2-nx-image-attr": {sim.RWX, sim.RW, sim.RW, sim.RWX},
		"strict":             {sim.RW, sim.RW, 0, sim.RW}, // free memory is not mapped
		"strict-block":       {sim.RW, sim.RW, 0, sim.RW}, // free memory is not mapped
	}
	got := map[string]perms{}
	for _, name := range sim.Policies() {
		p, err := sim.PolicyNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = perms{p.Of(memmap.EFILoaderCode), p.Of(memmap.EFILoaderData), p.Of(memmap.EFIConventional), p.Of(memmap.EFIBootServicesCode)}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := sim.PolicyNamed("lax"); err == nil {
		t.Error("lax: expected an error")
	}
}
