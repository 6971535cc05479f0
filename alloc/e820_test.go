package alloc

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/memmap"
	"bootplan/memmap/mapgen"
)

// scattered is n single pages of RAM, none of which touch.
func scattered(n uint64) []memmap.EFIDescriptor {
	var descs []memmap.EFIDescriptor
	for i := range n {
		descs = append(descs, desc(conv, 2*i, 2*i+1))
	}
	return descs
}

func TestAllocateE820(t *testing.T) {
	for _, c := range []struct{ descriptors, slack, want uint32 }{
		{96, MapSlack, 0}, {97, MapSlack, 16 + 20}, {128, MapSlack, 16 + 20*32},
		{120, OldMapSlack, 0}, {121, OldMapSlack, 16 + 20},
	} {
		if got := AllocateE820(c.descriptors, c.slack); got != c.want {
			t.Errorf("%d descriptors, slack %d: got %d bytes, want %d", c.descriptors, c.slack, got, c.want)
		}
	}
}

func TestSetupE820NeedsRoomForWhatMayNotBeThere(t *testing.T) {
	descs := append(scattered(129), desc(conv, 257, 258)) // the last one merges with the one before
	for bytes, want := range map[uint32]Status{0: BufferTooSmall, 55: BufferTooSmall, 56: Success} {
		table, status := SetupE820(descs, bytes, memmap.ConvertOptions{})
		if status != want {
			t.Errorf("extension of %d bytes: got %v", bytes, status)
		}
		if status == Success && len(table.Extension) != 1 {
			t.Errorf("%d entries in the extension", len(table.Extension))
		}
	}
	if table, status := SetupE820(scattered(128), 0, memmap.ConvertOptions{}); status != Success || len(table.Entries) != 128 {
		t.Errorf("128 entries without extension: got %d, %v", len(table.Entries), status)
	}
}

func TestSetupE820ReportsUnaccepted(t *testing.T) {
	descs := []memmap.EFIDescriptor{desc(memmap.EFIUnaccepted, 1, 3), desc(conv, 3, 4), desc(memmap.EFIUnaccepted, 4, 5)}
	table, _ := SetupE820(descs, 0, memmap.ConvertOptions{UnacceptedMemory: true})
	want := E820Table{
		Entries:    []memmap.E820Entry{{Addr: 0x1000, Size: 0x4000, Type: memmap.E820RAM}},
		Unaccepted: [][2]uint64{{0x1000, 0x3000}, {0x4000, 0x5000}},
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Error(diff)
	}
}

// The plain conversion of package memmap, which knows no limit, is the oracle.
func TestSetupE820IsTheConversionInTwoParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		descs := rapid.OneOf(mapgen.HostileEFI(), mapgen.RealisticEFI(), rapid.Map(rapid.Uint64Range(100, 200), scattered)).Draw(t, "map")
		o := memmap.ConvertOptions{UnacceptedMemory: rapid.Bool().Draw(t, "unaccepted"), SoftReserve: rapid.Bool().Draw(t, "soft")}
		table, status := SetupE820(descs, uint32(setupDataHead+e820EntrySize*len(descs)), o)
		if status != Success || len(table.Entries) > memmap.MaxE820Table {
			t.Fatalf("%v, %d entries", status, len(table.Entries))
		}
		if len(table.Entries) < memmap.MaxE820Table && len(table.Extension) > 0 {
			t.Fatal("an extension behind a table that is not full")
		}
		got := append(table.Entries, table.Extension...)
		if diff := cmp.Diff(memmap.ToE820(descs, o), got); diff != "" {
			t.Fatal(diff)
		}
	})
}
