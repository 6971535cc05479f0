package firmware_test

import (
	"testing"

	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/check"
	"bootplan/sim/firmware"
)

// tale is a design that does one thing with a firmware.
type tale func(b *sim.Boot, f *firmware.Firmware)

func (tale) Name() string { return "tale" }

func (t tale) Boot(b *sim.Boot) error {
	f, err := firmware.Start(b)
	if err == nil {
		b.In(sim.Stub)
		t(b, f)
	}
	return err
}

// tell runs a tale on a machine with 64 MiB of free memory from 1 MiB on, its own code
// below that, and what the scenario says besides.
func tell(t *testing.T, sc sim.Scenario, tale tale) *sim.Result {
	t.Helper()
	if sc.Map == nil {
		sc.Map = &memmap.Map{Kind: memmap.EFI, Descriptors: []memmap.EFIDescriptor{
			{Type: memmap.EFIBootServicesCode, Phys: 0, Pages: 16, Attr: memmap.EFIWB},
			{Type: memmap.EFIConventional, Phys: 0x10000, Pages: 0x90, Attr: memmap.EFIWB},
			{Type: memmap.EFIConventional, Phys: 0x100000, Pages: 0x4000, Attr: memmap.EFIWB},
			{Type: memmap.EFIRuntimeServicesData, Phys: 0x4100000, Pages: 0x10, Attr: memmap.EFIWB | memmap.EFIRuntime},
			{Type: memmap.EFIMMIO, Phys: 0xffc00000, Pages: 0x400, Attr: memmap.EFIUC | memmap.EFIRuntime},
		}}
	}
	sc.CPU.NX = true
	r, err := sim.Run(tale, &sc, sim.Options{Trace: true, Checks: check.All()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func policy(t *testing.T, name string) sim.Policy {
	t.Helper()
	p, err := sim.PolicyNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// pages is a range of n pages from addr.
func pages(addr, n uint64) memmap.Range {
	return memmap.Range{Start: addr, End: addr + n*memmap.PageSize}
}
