package memmap_test

import (
	"errors"
	"testing"

	"bootplan/linux"
	"bootplan/memmap"
)

// parsed returns the tables of a machine with 1 GiB after memmap=text.
func parsed(text string) (*memmap.KernelE820, error) {
	k := memmap.NewKernelE820(linux.V6_12, nil)
	k.Setup(memmap.BootMemory{Table: []memmap.E820Entry{{0, 0x9f000, memmap.E820RAM}, {1 << 20, 1 << 30, memmap.E820RAM}}})
	err := k.ParseMemmap(text)
	return k, err
}

// examples says of every rule whether its example is true.
var examples = map[string]func(t *testing.T) bool{
	"e820-single-entry": func(*testing.T) bool {
		k := memmap.NewKernelE820(linux.V6_12, nil)
		k.Setup(memmap.BootMemory{Table: []memmap.E820Entry{{0, 1 << 30, memmap.E820RAM}}})
		return k.Table.EndOfRAM(false) == 636*1024/4096
	},
	"e820-end-of-space": func(*testing.T) bool {
		k := memmap.NewKernelE820(linux.V6_12, nil)
		k.Setup(memmap.BootMemory{Table: []memmap.E820Entry{{^uint64(0xfff), 0x1000, memmap.E820Reserved}, {0, 0x1000, memmap.E820RAM}}})
		return k.Table.Entries()[0].Addr == ^uint64(0xfff)
	},
	"e820-splinters": func(*testing.T) bool {
		tab := table(memmap.E820Entry{Addr: 0x1000, Size: 0x2000, Type: memmap.E820PRAM}, memmap.E820Entry{Addr: 0x1800, Size: 0x800, Type: memmap.E820RAM})
		tab.Sanitize()
		return len(tab.Entries()) == 3 && tab.Entries()[1].Type == memmap.E820PRAM
	},
	"e820-table-full": func(*testing.T) bool {
		var tab memmap.E820Table
		tab.Add(1<<30, 1<<30, memmap.E820RAM)
		for range memmap.MaxE820Entries - 1 {
			tab.Add(0, 1, memmap.E820Reserved)
		}
		updated := tab.Update(3<<29, 0x1000, memmap.E820RAM, memmap.E820Reserved)
		return updated == 0x1000 && tab.Entries()[0].Size == 1<<29 && tab.Dropped == 2
	},
	"e820-acpi-is-ram": func(*testing.T) bool {
		tab := table(memmap.E820Entry{Addr: 0, Size: 1 << 30, Type: memmap.E820RAM}, memmap.E820Entry{Addr: 2 << 30, Size: 0x1000, Type: memmap.E820ACPI})
		return tab.EndOfRAM(false) == 0x80001
	},
	"e820-gap-below": func(*testing.T) bool {
		tab := table(memmap.E820Entry{Addr: 4 << 30, Size: 1 << 30, Type: memmap.E820RAM})
		before := tab.PCIGap(tab.EndOfRAM(false))
		tab.Version = linux.V7_2
		return before == 0x140100000 && tab.PCIGap(tab.EndOfRAM(false)) == 0
	},
	"e820-efi-tail": func(t *testing.T) bool {
		m := kernelEFIMap(t, 2*48+24, free, free, memmap.EFIDescriptor{})
		m.Clean()
		return len(m.Descriptors()) == 1
	},
	"e820-exactmap-prefix": func(*testing.T) bool {
		k, err := parsed("exactmapping")
		return err == nil && len(k.Table.Entries()) == 0
	},
	"e820-user-map-panic": func(*testing.T) bool {
		k, err := parsed("exactmap,1G@0")
		var p *linux.Panic
		return err == nil && errors.As(k.FinishEarlyParams(), &p)
	},
	"e820-memmap-half-applied": func(*testing.T) bool {
		k, err := parsed("1M@16Mx")
		entries := k.Table.Entries()
		return err == nil && entries[len(entries)-1] == memmap.E820Entry{Addr: 16 << 20, Size: 1 << 20, Type: memmap.E820RAM}
	},
	"e820-memmap-bug": func(*testing.T) bool {
		_, err := parsed("1M%16M-1+1")
		var p *linux.Panic
		return errors.As(err, &p) && p.BUG
	},
	"e820-size-overflow": func(*testing.T) bool {
		k, _ := parsed("")
		return k.ParseMem("17179869185G") && k.MaxMemSize == 1<<30
	},
}

func TestRulesAreTrue(t *testing.T) {
	rules := memmap.Rules()
	for _, r := range rules {
		switch example, ok := examples[r.ID]; {
		case !ok:
			t.Errorf("%s: no test of its example", r.ID)
		case !example(t):
			t.Errorf("%s: the example %q does not show it", r.ID, r.Example)
		case r.Title == "" || r.Text == "" || r.Example == "" || len(r.Sources) == 0:
			t.Errorf("%s: not told in full", r.ID)
		}
	}
	if len(rules) != len(examples) {
		t.Errorf("%d rules, %d examples", len(rules), len(examples))
	}
}
