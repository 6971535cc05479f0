package alloc_test

import (
	"errors"
	"testing"

	"bootplan/alloc"
	"bootplan/linux"
	"bootplan/memmap"
)

// memblockExamples says of every rule whether its example is true.
var memblockExamples = map[string]func(t *testing.T) bool{
	"memblock-trim-total": func(t *testing.T) bool {
		m := memory(t, memmap.Range{Start: 0x1000, End: 0x9fc00})
		m.TrimMemory(memmap.PageSize)
		return m.EndOfDRAM() == 0x9f000 && m.Memory.Total == 0x9ec00
	},
	"memblock-page-0": func(t *testing.T) bool {
		m := memory(t, memmap.Range{Start: 0, End: 0x1000})
		_, err := m.Alloc(16, 16)
		return errors.Is(err, alloc.ErrNoMemory)
	},
	"memblock-end-1": func(t *testing.T) bool {
		m := memory(t, memmap.Range{Start: 0x100000, End: 0x200000})
		at, err := m.AllocRange(4096, 4096, 0, 1)
		return err == nil && at == 0x1ff000
	},
	"memblock-cannot-resize": func(t *testing.T) bool {
		m := alloc.NewMemblock(linux.V6_12)
		for i := range uint64(128) {
			if err := m.Reserve(0x2000*i, 0x1000); err != nil {
				t.Fatal(err)
			}
		}
		var p *linux.Panic
		return errors.As(m.Reserve(1<<30, 1), &p) && p.Text == "memblock: cannot resize reserved array"
	},
	"memblock-grows-to-shrink": func(t *testing.T) bool {
		m := memory(t, memmap.Range{Start: 0x100000, End: 0x200000})
		m.AllowResize()
		for i := range uint64(100) {
			if err := m.Reserve(0x2000*i, 0x1000); err != nil {
				t.Fatal(err)
			}
		}
		err := m.Reserve(0, 200*0x1000)
		return err == nil && m.Reserved.Capacity == 256 && len(m.Reserved.Regions) == 2
	},
	"memblock-last-byte": func(*testing.T) bool {
		m := alloc.NewMemblock(linux.V6_12)
		return m.Reserve(0xfffffffffffff000, 0x1000) == nil && m.Reserved.Total == 0xfff
	},
	"memblock-boot-services-first": func(t *testing.T) bool {
		low := memmap.EFIDescriptor{Type: memmap.EFIBootServicesData, Pages: 0xa0, Attr: memmap.EFIWB}
		efi, err := memmap.NewKernelEFIMap(1<<30, []memmap.EFIDescriptor{low}, 48, 48)
		if err != nil {
			t.Fatal(err)
		}
		m := memory(t, memmap.Range{Start: 0x1000, End: 0xa0000})
		if _, err := m.ReserveBootServices(efi, &memmap.E820Table{}, memmap.Range{}); err != nil {
			t.Fatal(err)
		}
		_, err = m.AllocRange(7*memmap.PageSize, memmap.PageSize, 0, memmap.MiB)
		return errors.Is(err, alloc.ErrNoMemory)
	},
}

func TestMemblockRulesAreTrue(t *testing.T) {
	rules := alloc.MemblockRules()
	for _, r := range rules {
		switch example, ok := memblockExamples[r.ID]; {
		case !ok:
			t.Errorf("%s: no test of its example", r.ID)
		case !example(t):
			t.Errorf("%s: the example %q does not show it", r.ID, r.Example)
		case r.Title == "" || r.Text == "" || r.Example == "" || len(r.Sources) == 0:
			t.Errorf("%s: not told in full", r.ID)
		}
	}
	if len(rules) != len(memblockExamples) {
		t.Errorf("%d rules, %d examples", len(rules), len(memblockExamples))
	}
}
