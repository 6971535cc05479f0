package kernel_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"bootplan/alloc"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/memmap/mapgen"
	"bootplan/sim/kernel"
	"bootplan/trampoline"
)

// versions are those of which logs were recorded.
var versions = []linux.Version{linux.V5_10, linux.V6_1, linux.V6_12, linux.V7_2}

// TestTrampolineEqualsTheShortRule: the whole story ends with the trampoline where the
// rule that package trampoline states in a few lines puts it.
func TestTrampolineEqualsTheShortRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := pc()
		h.Version = rapid.SampledFrom(versions[1:]).Draw(t, "version")
		h.Memory.Table = rapid.OneOf(mapgen.E820(), mapgen.SeaBIOS()).Draw(t, "map")
		h.BIOS = linux.BIOSWords{BaseKiB: uint16(rapid.IntRange(0, 700).Draw(t, "base")), EBDASegment: uint16(rapid.IntRange(0, 0xa000).Draw(t, "ebda"))}
		h.Initrd = memmap.Range{Start: 0x60123, End: 0x60123 + uint64(rapid.IntRange(0, 0x20000).Draw(t, "initrd"))}
		rule := &trampoline.RealModeInput{BIOS: h.BIOS, Table: h.Memory.Table, Size: h.Image.RealModeSize}
		if !h.Initrd.Empty() {
			rule.Reserved = []memmap.Range{{Start: h.Initrd.Start, End: memmap.AlignUp(h.Initrd.End, memmap.PageSize)}}
		}
		want, err := trampoline.FindRealMode(rule)
		s, stopped := kernel.SetupArch(h)
		if stopped != nil && !s.RealMode.Empty() {
			return // it stopped later, for another reason
		}
		if s.RealMode != want || (err == nil) != (stopped == nil) {
			t.Errorf("trampoline at %v (%v), by the rule %v (%v)", s.RealMode, stopped, want, err)
		}
	})
}

// TestDirectMapCoversAllRAM: whatever the map, every whole page of RAM is mapped, at
// page sizes that do not reach far beyond it.
func TestDirectMapCoversAllRAM(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := pc()
		h.Version = rapid.SampledFrom(versions).Draw(t, "version")
		h.Memory.Table = append(slices.Clone(h.Memory.Table), rapid.OneOf(mapgen.E820(), mapgen.RealisticE820()).Draw(t, "more")...)
		h.CPU = kernel.CPU{LA57: rapid.Bool().Draw(t, "la57"), GBPages: rapid.Bool().Draw(t, "1G")}
		if rapid.Bool().Draw(t, "movable") {
			h.Cmdline = "movable_node"
		}
		s, err := kernel.SetupArch(h)
		if err != nil {
			return // no room for tables or trampoline
		}
		for _, r := range s.Memblock.Memory.Regions {
			if r.End <= s.MaxPFN*memmap.PageSize && !s.Mapped.Covers(r.Range) {
				t.Errorf("%v is not mapped; mapped: %v", r.Range, s.Mapped.Ranges())
			}
		}
		if reach := s.Memblock.Limit; reach < s.MaxPFN*memmap.PageSize && s.Memblock.EndOfDRAM() <= s.MaxPFN*memmap.PageSize && reach < s.Memblock.EndOfDRAM() {
			t.Errorf("mapped up to %#x of %#x", reach, s.Memblock.EndOfDRAM())
		}
	})
}

// outcome is what is left of a run that the next one may not change.
type outcome struct {
	Stopped          string
	RealMode         memmap.Range
	Memory, Reserved []alloc.Region
	Table            []memmap.E820Entry
}

func outcomeOf(s *kernel.State, err error) outcome {
	return outcome{fmt.Sprint(err), s.RealMode, slices.Clone(s.Memblock.Memory.Regions), slices.Clone(s.Memblock.Reserved.Regions), slices.Clone(s.E820.Table.Entries())}
}

// TestHostileHandovers: nonsense gives a state, or a panic of the kernel's own. It gives
// the same in memory that served another run, and whether anybody listens or not.
func TestHostileHandovers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := pc()
		h.Version = rapid.SampledFrom(versions).Draw(t, "version")
		h.Memory = memmap.BootMemory{Table: mapgen.HostileE820().Draw(t, "map"), AltMemK: rapid.Uint32().Draw(t, "alt")}
		h.Image.Phys = rapid.Uint64().Draw(t, "phys")
		h.Cmdline = rapid.SampledFrom([]string{
			"", "memblock=debug efi=debug log_buf_len=2G", "mem=1", "memmap=exactmap", "movable_node kernelcore=mirror", "memmap=1M%16M-1+1", `"mem`,
		}).Draw(t, "cmdline")
		start := rapid.Uint64().Draw(t, "initrd")
		h.Initrd = memmap.Range{Start: start, End: start + rapid.Uint64Range(0, ^start).Draw(t, "size")}
		h.SetupData = []kernel.SetupData{{
			SetupDataNode: memmap.SetupDataNode{Addr: rapid.Uint64().Draw(t, "node"), Type: 1, Len: rapid.Uint32().Draw(t, "len")},
			E820:          mapgen.HostileE820().Draw(t, "extension"),
		}}
		if rapid.Bool().Draw(t, "efi") {
			h.EFI = &kernel.EFI{MapAddr: rapid.Uint64().Draw(t, "efi map"), DescSize: 48, Descriptors: mapgen.HostileEFI().Draw(t, "descriptors")}
		}
		h.Log = func(string) {}
		s, err := kernel.SetupArch(h)
		var stopped *linux.Panic
		if err != nil && !errors.As(err, &stopped) {
			t.Fatalf("no panic of the kernel: %v", err)
		}
		h.Log = nil
		var used kernel.Setup
		if _, err := used.Arch(pc()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(outcomeOf(s, err), outcomeOf(used.Arch(h)), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("-first +second run:\n%s", diff)
		}
	})
}
