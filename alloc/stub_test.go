package alloc

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/memmap"
)

// asked is a firmware that notes what it is asked for.
type asked struct {
	Firmware
	calls []string
	pages []uint64
	addrs []uint64
}

func (a *asked) AllocatePages(kind Kind, t memmap.EFIType, pages, addr uint64) (uint64, Status) {
	a.calls = append(a.calls, kind.String())
	a.pages, a.addrs = append(a.pages, pages), append(a.addrs, addr)
	return a.Firmware.AllocatePages(kind, t, pages, addr)
}

func (a *asked) FreePages(addr, pages uint64) Status {
	a.calls = append(a.calls, "FreePages")
	a.pages, a.addrs = append(a.pages, pages), append(a.addrs, addr)
	return a.Firmware.FreePages(addr, pages)
}

func TestAllocatePagesWithoutALimit(t *testing.T) {
	fw := &asked{Firmware: NewModelFirmware([]memmap.EFIDescriptor{free(0x100000, 0x200000, 0)})}
	if at, status := AllocatePages(fw, 1, 0); at != 0x1ff000 || status != Success {
		t.Errorf("limit 0: got %#x, %v", at, status)
	}
	if at, status := AllocatePages(fw, 0x2000, 0x180000); at != 0x17e000 || status != Success {
		t.Errorf("limit inside a page: got %#x, %v", at, status)
	}
	if _, status := AllocatePages(fw, ^uint64(0), 0x180000); status != InvalidParameter {
		t.Errorf("size 2^64-1: got %v", status)
	}
	if diff := cmp.Diff([]uint64{1, 2, 0}, fw.pages); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]uint64{^uint64(0), 0x17ffff, 0x17ffff}, fw.addrs); diff != "" {
		t.Error(diff)
	}
}

// What is left of the pages taken by AllocatePagesAligned is an aligned block of the
// size asked for, whichever place the firmware found.
func TestAllocatePagesAlignedKeepsWhatItPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		descs := smallMap(t)
		p, err := EFIPagesFromMap(EFIConfig{}, descs)
		if err != nil {
			t.Fatal(err)
		}
		size := rapid.Uint64Range(1, 8*memmap.PageSize).Draw(t, "size")
		align := uint64(memmap.PageSize) << rapid.IntRange(0, 3).Draw(t, "align")
		last := rapid.Uint64Range(0, 100*memmap.PageSize).Draw(t, "last")
		addr, status := AllocatePagesAligned(p, size, last, align, code)
		got := pageTypes(p.Map())
		want := pageTypes(descs)
		if status == Success {
			if addr%align != 0 || (last >= align-1 && addr+size-1 > last) {
				t.Fatalf("got %#x for %#x bytes at a multiple of %#x up to %#x", addr, size, align, last)
			}
			for at := addr; at < addr+size; at += memmap.PageSize {
				want[at/memmap.PageSize] = code
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestAllocatePagesAlignedGivesBothEndsBack(t *testing.T) {
	// Four pages and three spare ones below 0x1fe000 begin at 0x1f7000.
	fw := &asked{Firmware: NewModelFirmware([]memmap.EFIDescriptor{free(0x100000, 0x1fe000, 0)})}
	addr, status := AllocatePagesAligned(fw, 0x4000, ^uint64(0), 0x4000, code)
	if addr != 0x1f8000 || status != Success {
		t.Fatalf("got %#x, %v", addr, status)
	}
	if diff := cmp.Diff([]string{"AllocateMaxAddress", "FreePages", "FreePages"}, fw.calls); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]uint64{7, 1, 2}, fw.pages); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]uint64{0x1f7000, 0x1fc000}, fw.addrs[1:]); diff != "" {
		t.Error(diff)
	}
}

// The stub counts spare pages in 32 bits: 16 TiB need 2^32-1 of them, which is -1.
func TestAllocatePagesAlignedOverflows(t *testing.T) {
	fw := &asked{Firmware: NewModelFirmware([]memmap.EFIDescriptor{free(0x100000, 0x200000, 0)})}
	if _, status := AllocatePagesAligned(fw, 0x2000, ^uint64(0), 1<<44, code); status != Success {
		t.Fatal(status)
	}
	if diff := cmp.Diff([]uint64{1}, fw.pages); diff != "" {
		t.Error(diff)
	}
}

func TestLowAllocAboveTriesOneAddressPerDescriptor(t *testing.T) {
	descs := []memmap.EFIDescriptor{
		free(0x1000000, 0x2000000, 0), free(0x3000000, 0x3100000, 0),
		free(0x4000000, 0x5000000, memmap.EFIHotPluggable), free(0x5000000, 0x5400000, 0),
	}
	fw := &asked{Firmware: NewModelFirmware(descs, memmap.Range{Start: 0x1000000, End: 0x1001000})}
	q := Request{Size: 0x200000, Align: 0x200000, Min: 0x100000}
	if addr, status := LowAllocAbove(fw, q); addr != 0x5000000 || status != Success {
		t.Errorf("got %#x, %v", addr, status)
	}
	if diff := cmp.Diff([]uint64{0x1000000, 0x5000000}, fw.addrs); diff != "" {
		t.Error(diff)
	}
	q.Min = 0x5200001
	if _, status := LowAllocAbove(fw, q); status != NotFound {
		t.Errorf("minimum above all: got %v", status)
	}
}

func TestRelocateKernel(t *testing.T) {
	fw := NewModelFirmware([]memmap.EFIDescriptor{free(0x1000000, 0x2000000, 0)})
	r := Relocation{ImageSize: 0x1000, AllocSize: 0x200000, Preferred: 0x1100000, Align: 0x200000, Min: 0x1300000}
	if addr, status := RelocateKernel(fw, r); addr != 0x1100000 || status != Success {
		t.Errorf("preferred: got %#x, %v", addr, status)
	}
	r.Preferred = 0x800000
	if addr, status := RelocateKernel(fw, r); addr != 0x1400000 || status != Success {
		t.Errorf("elsewhere: got %#x, %v", addr, status)
	}
	r.AllocSize = 0xfff
	if _, status := RelocateKernel(fw, r); status != InvalidParameter {
		t.Errorf("allocation smaller than the image: got %v", status)
	}
}
