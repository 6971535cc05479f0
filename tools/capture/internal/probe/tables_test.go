package probe

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/tools/capture/internal/record"
)

// lay puts numbers into memory from an address on.
func lay(start uint64, words ...uint64) memory {
	m := memory{start: start}
	for _, w := range words {
		m.bytes = binary.LittleEndian.AppendUint64(m.bytes, w)
	}
	return m
}

// The tables of the recorded boot bios-pc-2g-510-memmaps, behind a stack that holds the
// compressed kernel's address as well.
var recordedBSS = lay(0x4b37000,
	0x447545c, 0x13d80, 0, 0x4b37000, 0x6ae89c, // the stack
	0, 850, 3, 0, // 0, slot_max, slot_area_index
	0x4c00000, 189, 0x24000000, 195, 0x42000000, 466, 0, 0,
	0x447545c, 0x705ba4, 0x7fe88000, 0x157cf6, 0x20000, 0x81, 0x13d80, 0x1000,
	0x20000000, 0x4000000, 0x40000000, 0x2000000, 0, 0, 0, 0,
	0, 0x400000000000, // num_immovable_mem, mem_limit
	0, 0xa0000, 0x100000, 0x7ff00000, 0, 0,
)

// slotMax is where slot_max lies in recordedBSS.
const slotMax = 0x4b37000 + 6*8

// In a boot with three memmap= options, their number in the upper half of the word before
// slot_max looked like the address of an area with slot_max slots: words of a boot of
// 6.12 with 1 GiB of RAM.
func TestTheSumIsNoArea(t *testing.T) {
	bss := lay(0x4b37000, 0x300000000, 294, 0, 0x4800000, 1, 0x9000000, 29, 0x10200000, 100, 0x28000000, 164, 0)
	want := []record.SlotAreas{
		{Addr: 0x4800000, Slots: 1}, {Addr: 0x9000000, Slots: 29},
		{Addr: 0x10200000, Slots: 100}, {Addr: 0x28000000, Slots: 164},
	}
	if diff := cmp.Diff(want, bss.areas(0x4b37008, 0x200000, 1<<46)); diff != "" {
		t.Error(diff)
	}
}

func TestRecordedTables(t *testing.T) {
	want := []record.Avoided{
		{What: "compressed kernel + run space (ZO)", Span: record.Span{Start: 0x447545c, Size: 0x705ba4}},
		{What: "initrd", Span: record.Span{Start: 0x7fe88000, Size: 0x157cf6}},
		{What: "command line", Span: record.Span{Start: 0x20000, Size: 0x81}},
		{What: "boot_params", Span: record.Span{Start: 0x13d80, Size: 0x1000}},
		{What: "memmap 1", Span: record.Span{Start: 0x20000000, Size: 0x4000000}},
		{What: "memmap 2", Span: record.Span{Start: 0x40000000, Size: 0x2000000}},
	}
	if diff := cmp.Diff(want, recordedBSS.avoided(0x447545c, 0x13d80)); diff != "" {
		t.Error(diff)
	}
	areas := []record.SlotAreas{{Addr: 0x4c00000, Slots: 189}, {Addr: 0x24000000, Slots: 195}, {Addr: 0x42000000, Slots: 466}}
	if diff := cmp.Diff(areas, recordedBSS.areas(slotMax, 0x200000, 1<<46)); diff != "" {
		t.Error(diff)
	}
	srat := []record.Range{{Start: 0, End: 0x9ffff}, {Start: 0x100000, End: 0x7fffffff}}
	immovable := []record.Span{{Start: 0, Size: 0xa0000}, {Start: 0x100000, Size: 0x7ff00000}}
	if diff := cmp.Diff(immovable, recordedBSS.immovable(srat)); diff != "" {
		t.Error(diff)
	}
}

func TestTablesThatAreNotThere(t *testing.T) {
	if got := recordedBSS.avoided(0x447545c, 0x14790); got != nil {
		t.Errorf("got %v: expected none for other boot_params", got)
	}
	if got := recordedBSS.areas(slotMax+8, 0x200000, 1<<46); len(got) != 0 {
		t.Errorf("got %v: expected none with another sum, 3", got)
	}
	if got := recordedBSS.areas(slotMax, 0x200000, 0x42000000); len(got) != 0 {
		t.Errorf("got %v: expected none above the limit", got)
	}
	if got := recordedBSS.areas(slotMax-8, 0x200000, 1<<46); len(got) != 0 {
		t.Errorf("got %v: expected none without slots", got)
	}
	if got := recordedBSS.immovable([]record.Range{{Start: 0x5000, End: 0x5fff}}); len(got) != 0 {
		t.Errorf("got %v: expected none", got)
	}
	if got := recordedBSS.immovable(nil); len(got) != 0 {
		t.Errorf("got %v: expected none without an SRAT", got)
	}
}

// A table of slot areas is found wherever it lies.
func TestAreasAreFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const align = 0x200000
		var words []uint64
		for range rapid.IntRange(0, 20).Draw(t, "before") {
			words = append(words, rapid.Uint64Range(0, align-1).Draw(t, "noise"))
		}
		var want []record.SlotAreas
		sum := uint64(0)
		for range rapid.IntRange(1, 100).Draw(t, "areas") {
			area := record.SlotAreas{
				Addr:  record.Hex(align * rapid.Uint64Range(1, 1<<30).Draw(t, "addr")),
				Slots: rapid.Uint64Range(1, 1<<20).Draw(t, "slots"),
			}
			want = append(want, area)
			words = append(words, uint64(area.Addr), area.Slots)
			sum += area.Slots
		}
		words = append(words, 0, 0, sum)
		m := lay(0x1000, words...)
		got := m.areas(m.start+8*uint64(len(words)-1), align, 1<<52)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzTables(f *testing.F) {
	f.Add(recordedBSS.bytes, uint64(850))
	f.Fuzz(func(_ *testing.T, data []byte, n uint64) {
		m := memory{0x1000, data}
		m.avoided(n, n)
		m.areas(0x1000, 0x200000, n)
		m.immovable([]record.Range{{Start: record.Hex(n), End: record.Hex(n + 1)}})
	})
}
