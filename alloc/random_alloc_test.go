package alloc

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/memmap"
)

// free is Conventional memory of the given bytes.
func free(start, end uint64, attr memmap.EFIAttr) memmap.EFIDescriptor {
	return memmap.EFIDescriptor{
		Type: memmap.EFIConventional, Phys: start, Pages: (end - start) / memmap.PageSize, Attr: attr,
	}
}

// The slots were counted by hand: 2 MiB at a multiple of 2 MiB.
func TestAreas(t *testing.T) {
	request := Request{Size: 2 * memmap.MiB, Align: 2 * memmap.MiB, Min: 16 * memmap.MiB, Max: ^uint64(0)}
	low := free(0, 0x2000000, memmap.EFIWB) // 16 MiB … 30 MiB
	for _, c := range []struct {
		name  string
		descs []memmap.EFIDescriptor
		edit  func(*Request)
		want  []Area
	}{
		{"half of the entry is below the minimum", []memmap.EFIDescriptor{low}, nil, []Area{{0x1000000, 8}}},
		{"the limit is the last byte", []memmap.EFIDescriptor{low},
			func(q *Request) { q.Max = 0x13fffff }, []Area{{0x1000000, 2}}},
		{"one byte less costs a slot", []memmap.EFIDescriptor{low},
			func(q *Request) { q.Max = 0x13ffffe }, []Area{{0x1000000, 1}}},
		{"minimum 0 becomes one alignment", []memmap.EFIDescriptor{low},
			func(q *Request) { q.Min = 0 }, []Area{{0x200000, 15}}},
		{"old stubs know no minimum", []memmap.EFIDescriptor{low},
			func(q *Request) { q.Min, q.AllowZero = 0, true }, []Area{{0, 16}}},
		{"an odd page at the start costs a slot", []memmap.EFIDescriptor{free(0x1001000, 0x2000000, 0)}, nil, []Area{{0x1200000, 7}}},
		{"a size is rounded up to pages", []memmap.EFIDescriptor{low},
			func(q *Request) { q.Size-- }, []Area{{0x1000000, 8}}},
		{"a small alignment becomes a page", []memmap.EFIDescriptor{free(0x1000000, 0x1005000, 0)},
			func(q *Request) { q.Size, q.Align = 0x2000, 1 }, []Area{{0x1000000, 4}}},
		{"map order, not address order", []memmap.EFIDescriptor{free(0x3000000, 0x3400000, 0), free(0x2000000, 0x2200000, 0)}, nil,
			[]Area{{0x3000000, 2}, {0x2000000, 1}}},
		{"hot-pluggable and other types do not count", []memmap.EFIDescriptor{
			free(0x2000000, 0x3000000, memmap.EFIHotPluggable), {Type: memmap.EFIBootServicesData, Phys: 0x4000000, Pages: 0x4000}}, nil, nil},
		{"specific-purpose memory counts unless reserved", []memmap.EFIDescriptor{free(0x2000000, 0x2200000, memmap.EFISP)}, nil, []Area{{0x2000000, 1}}},
		{"soft reserve", []memmap.EFIDescriptor{free(0x2000000, 0x2200000, memmap.EFISP)},
			func(q *Request) { q.SoftReserve = true }, nil},
		{"only mirrored memory, if it has a slot", []memmap.EFIDescriptor{low, free(0x2000000, 0x2400000, memmap.EFIMoreReliable)}, nil, []Area{{0x2000000, 2}}},
		{"mirrored memory that is too small does not count", []memmap.EFIDescriptor{low, free(0x2000000, 0x2100000, memmap.EFIMoreReliable)}, nil, []Area{{0x1000000, 8}}},
	} {
		q := request
		if c.edit != nil {
			c.edit(&q)
		}
		if diff := cmp.Diff(c.want, q.Areas(nil, c.descs)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// pagesMap draws a small map of free pieces with gaps, and a request for it.
func pagesMap(t *rapid.T) ([]memmap.EFIDescriptor, Request) {
	page := rapid.Uint64Range(0, 64)
	var descs []memmap.EFIDescriptor
	at := uint64(0)
	for range rapid.IntRange(0, 6).Draw(t, "pieces") {
		start := at + page.Draw(t, "gap")
		at = start + 1 + page.Draw(t, "more pages")
		attr := rapid.SampledFrom([]memmap.EFIAttr{0, 0, 0, memmap.EFIMoreReliable, memmap.EFISP, memmap.EFIHotPluggable}).Draw(t, "attr")
		descs = append(descs, free(start*memmap.PageSize, at*memmap.PageSize, attr))
	}
	return descs, Request{
		Size:        page.Draw(t, "size")*memmap.PageSize + 1,
		Align:       memmap.PageSize << rapid.IntRange(0, 4).Draw(t, "align"),
		Min:         page.Draw(t, "min") * memmap.PageSize,
		Max:         rapid.Uint64Range(0, 400*memmap.PageSize).Draw(t, "max"),
		SoftReserve: rapid.Bool().Draw(t, "soft"),
	}
}

// places lists by brute force where q may go, address by address.
func places(descs []memmap.EFIDescriptor, q Request) []uint64 {
	size := memmap.AlignUp(q.Size, memmap.PageSize)
	var all, mirrored []uint64
	for _, d := range descs {
		if d.Attr&memmap.EFIHotPluggable != 0 || (q.SoftReserve && d.Attr&memmap.EFISP != 0) {
			continue
		}
		end := d.Phys + d.Pages*memmap.PageSize
		for at := d.Phys; at+size <= end && at+size-1 <= q.Max; at += memmap.PageSize {
			if at%q.Align != 0 || at < q.Min || at == 0 {
				continue
			}
			all = append(all, at)
			if d.Attr&memmap.EFIMoreReliable != 0 {
				mirrored = append(mirrored, at)
			}
		}
	}
	if len(mirrored) > 0 {
		return mirrored
	}
	return all
}

// Slot k is hit by the seeds from k·2^32/n, rounded up, to the one before slot k+1's:
// together with the brute-force list that is the exact distribution.
func TestRandomAllocHitsEverySlotAsOftenAsItShould(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		descs, q := pagesMap(t)
		fw := NewModelFirmware(descs)
		want := places(descs, q)
		n := uint64(len(want))
		if n == 0 {
			if _, status := RandomAlloc(fw, q, 0, memmap.EFILoaderCode); status != OutOfResources {
				t.Fatalf("no place: got %v", status)
			}
			return
		}
		for k := range n {
			first := (k<<32 + n - 1) / n
			last := ((k+1)<<32+n-1)/n - 1
			for _, seed := range []uint64{first, last, first | 0xabcd<<32} {
				got, status := RandomAlloc(fw, q, seed, memmap.EFILoaderCode)
				if status != Success || got != want[k] {
					t.Fatalf("seed %#x: got %#x (%v), want slot %d of %d, %#x", seed, got, status, k, n, want[k])
				}
			}
		}
	})
}

func TestAreasAreTheSlots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		descs, q := pagesMap(t)
		var got []uint64
		for _, a := range q.Areas(nil, descs) {
			for i := range a.Slots {
				got = append(got, a.Start+i*q.Align)
			}
		}
		if diff := cmp.Diff(places(descs, q), got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// 2^33 slots: half of the seeds would need a 65-bit product.
func TestTargetSlotLosesHighBits(t *testing.T) {
	for seed, want := range map[uint64]uint64{
		0x00000001: 2,
		0x7fffffff: 0xfffffffe,
		0x80000000: 0, // the middle would be 0x100000000
		0xffffffff: 0xfffffffe,
	} {
		if got := TargetSlot(1<<33, seed); got != want {
			t.Errorf("seed %#x: got %#x, want %#x", seed, got, want)
		}
	}
}

// A descriptor without pages at address 0 ends at 0-1, which is the last address.
func TestEmptyDescriptorAtZeroIsAllOfMemory(t *testing.T) {
	q := Request{Size: 0x200000, Align: 0x200000, Min: 0x1000000, Max: 0x17fffff}
	if diff := cmp.Diff([]Area{{0x1000000, 4}}, q.Areas(nil, []memmap.EFIDescriptor{free(0, 0, 0)})); diff != "" {
		t.Error(diff)
	}
	if got := q.Areas(nil, []memmap.EFIDescriptor{free(0x1000000, 0x1000000, 0)}); len(got) > 0 {
		t.Errorf("an empty descriptor elsewhere has slots: %v", got)
	}
}

// The kernel's own code counts from 0 where rounding the first slot up wraps around,
// however small the descriptor: 0x7e9 slots below 4 GiB, or 9 below its end.
func TestFirstSlotWrapsAround(t *testing.T) {
	request := Request{Size: 0x3000000, Align: 0x200000, Min: 0x1000000, Max: 0xffffffff}
	for _, c := range []struct {
		name      string
		phys, min uint64
		want      []Area
	}{
		{"the last multiple does not wrap", 0xffffffffffe00000, request.Min, nil},
		{"a descriptor above it does", 0xffffffffffe01000, request.Min, []Area{{0, 0x7e9}}},
		{"the last multiple as the minimum", 0x4000000, 0xffffffffffe00000, nil},
		{"a minimum above it", 0x4000000, 0xffffffffffe01000, []Area{{0, 9}}},
	} {
		q := request
		q.Min = c.min
		if diff := cmp.Diff(c.want, q.Areas(nil, []memmap.EFIDescriptor{free(c.phys, c.phys+0x1000, 0)})); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestRandomAllocTriesOneAddress(t *testing.T) {
	descs := []memmap.EFIDescriptor{free(0x1000000, 0x2000000, 0)}
	fw := NewModelFirmware(descs, memmap.Range{Start: 0x1000000, End: 0x1001000})
	q := Request{Size: 0x200000, Align: 0x200000, Min: 0x1000000, Max: ^uint64(0)}
	if _, status := RandomAlloc(fw, q, 0, memmap.EFILoaderCode); status != NotFound {
		t.Errorf("the first slot is not free: got %v", status)
	}
	if at, status := RandomAlloc(fw, q, 0xffffffff, memmap.EFILoaderCode); at != 0x1e00000 || status != Success {
		t.Errorf("the last slot is free: got %#x, %v", at, status)
	}
}

func TestNoSlot(t *testing.T) {
	fw := NewModelFirmware([]memmap.EFIDescriptor{free(0x100000, 0x900000, 0)})
	q := Request{Size: 0x200000, Align: 0x200000, Min: 0x1000000, Max: ^uint64(0)}
	if _, status := RandomAlloc(fw, q, 7, memmap.EFILoaderCode); status != OutOfResources {
		t.Errorf("v6.12: got %v", status)
	}
	q.NoSlotSucceeds = true
	if _, status := RandomAlloc(fw, q, 7, memmap.EFILoaderCode); status != NoAddress {
		t.Errorf("v6.1: got %v", status)
	}
}
