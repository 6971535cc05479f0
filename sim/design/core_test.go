package design_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/sim"
)

// bareActs are what follows the boot loader, in order.
func bareActs(r *sim.Result) []string {
	var list []string
	for _, s := range r.Steps {
		if s.Phase == sim.Decompressor {
			list = append(list, fmt.Sprintf("%s %s", s.Op, s.Object))
		}
	}
	return list
}

// Both proposals do the same until the kernel is unpacked: a flat one has no segments that
// would have to move.
func TestCoreInOrder(t *testing.T) {
	before := []string{
		"exec decompressor", "write page tables", "switch page tables",
		"map decompressor", "map compressed payload", "map decompressor's BSS", "map command line", "map boot_params",
		"read boot_params", "write decompressor's BSS",
		"alloc paging trampoline", "map paging trampoline", "write paging trampoline", "protect paging trampoline", "write page tables", "exec paging trampoline",
		"alloc kernel block", "map kernel block", "alloc work space", "map work space", "write work space",
		"copy kernel", // unpacked
	}
	after := []string{
		"read relocation table", "write kernel",
		"protect kernel", "protect kernel", "protect kernel", "protect kernel", "protect kernel", // text, data, percpu, init text, init data with the BSS
		"exec kernel",
	}
	segments := []string{"copy kernel", "copy kernel", "copy kernel", "copy kernel"}
	for name, moves := range map[string][]string{"middle-ground": segments, "hybrid": nil} {
		sc := bios(t, "")
		sc.Random = sim.Fixed{Seed: [2]uint32{1 << 31, 1 << 31}}
		r := boot(t, name, sc)
		want := append(append(append([]string{}, before...), moves...), after...)
		if diff := cmp.Diff(want, bareActs(r)); diff != "" {
			t.Errorf("%s: -expected +simulated:\n%s", name, diff)
		}
		if len(r.Findings) > 0 || r.Outcome != sim.Boots {
			t.Errorf("%s: %s %s, findings %v", name, r.Outcome, r.Failure, r.Findings)
		}
	}
}

// highRAM has 256 MiB from 1 MiB on, and a gigabyte above 4 GiB.
func highRAM() *memmap.Map {
	return &memmap.Map{Kind: memmap.E820, Entries: []memmap.E820Entry{
		{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM},
		{Addr: 0x100000, Size: 0x10000000, Type: memmap.E820RAM},
		{Addr: 0x100000000, Size: 0x40000000, Type: memmap.E820RAM},
	}}
}

// TestCorePlaces: the allocator takes the first room that it comes to, from the end that
// the design says. The core is 0xbc8000 bytes long with the memory behind its file
// (0xb81200 bytes in whole pages, and 70 pages), and lies at 1 MiB; its work space takes
// 0x30000 bytes, the switch two pages; the kernel goes to the lowest place from 16 MiB on.
func TestCorePlaces(t *testing.T) {
	for _, test := range []struct {
		malloc, cmdline string
		want            map[string]memmap.Range
	}{
		{"either", "", map[string]memmap.Range{
			"paging_trampoline": {Start: 0x100fe000, End: 0x10100000}, "work space": {Start: 0x100ce000, End: 0x100fe000}, "kernel_block": {Start: 0x1000000, End: 0x4800000},
		}},
		{"either-upwards", "", map[string]memmap.Range{
			"paging_trampoline": {Start: 0xcc8000, End: 0xcca000}, "work space": {Start: 0xcca000, End: 0xcfa000}, "kernel_block": {Start: 0x1000000, End: 0x4800000},
		}},
		{"either-anywhere", "", map[string]memmap.Range{ // but for the switch, which 32-bit code has to reach
			"paging_trampoline": {Start: 0x100fe000, End: 0x10100000}, "work space": {Start: 0x13ffd0000, End: 0x140000000}, "kernel_block": {Start: 0x1000000, End: 0x4800000},
		}},
		{"either", "mem=128M", map[string]memmap.Range{
			"paging_trampoline": {Start: 0x7ffe000, End: 0x8000000}, "work space": {Start: 0x7fce000, End: 0x7ffe000}, "kernel_block": {Start: 0x1000000, End: 0x4800000},
		}},
		{"either", "memmap=32M$16M no5lvl", map[string]memmap.Range{
			"work space": {Start: 0x100d0000, End: 0x10100000}, "kernel_block": {Start: 0x3000000, End: 0x6800000},
		}},
	} {
		sc := bios(t, test.cmdline+" nokaslr")
		sc.Map, sc.Initrd = highRAM(), sim.Initrd{}
		r := tell(t, withChoices(t, "middle-ground", "malloc", test.malloc), sc)
		got := map[string]memmap.Range{}
		for _, s := range r.Steps {
			if s.Op == sim.Alloc && s.Object == "work space" {
				got[s.Object] = s.Range
			}
		}
		for _, name := range []string{"paging_trampoline", "kernel_block"} {
			if p, ok := r.Placement(name); ok {
				got[name] = p.Range
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" || r.Outcome != sim.Boots {
			t.Errorf("%s, %q: %s %s, -worked out +simulated:\n%s", test.malloc, test.cmdline, r.Outcome, r.Failure, diff)
		}
	}
}

// TestCoreNeedsRoom: a machine on which the kernel does not fit apart from the file that
// carries it does not boot: 0x3800000 bytes as an ELF file, 0x2d2a000 as it lies in memory.
func TestCoreNeedsRoom(t *testing.T) {
	for mem, want := range map[string][2]sim.Outcome{
		"mem=72M": {sim.Boots, sim.Boots}, // to 0x4800000, all that lies from 16 MiB on
		"mem=71M": {sim.Fails, sim.Boots},
		"mem=62M": {sim.Fails, sim.Boots}, // to 0x3e00000
		"mem=61M": {sim.Fails, sim.Fails},
	} {
		for i, name := range []string{"middle-ground", "hybrid"} {
			sc := bios(t, mem+" nokaslr")
			sc.Initrd = sim.Initrd{}
			d := withChoices(t, name, "malloc", "either-upwards") // which leaves what is above 16 MiB to the kernel
			if r := tell(t, d, sc); r.Outcome != want[i] {
				t.Errorf("%s, %s: %s %s, expected that it %s", name, mem, r.Outcome, r.Failure, want[i])
			}
		}
	}
}

// TestCoreRights: what the kernel is entered with allows each page what it is for, and
// memory that nobody needs is not mapped.
func TestCoreRights(t *testing.T) {
	sc := bios(t, "nokaslr no5lvl")
	r := boot(t, "middle-ground", sc)
	type stretch struct {
		Start, End uint64
		Perm       string
	}
	var got []stretch
	for _, s := range r.After.Tables.Perm.All() {
		got = append(got, stretch{s.Start, s.End, s.Value.String()})
	}
	want := []stretch{
		{0x14000, 0x16000, "rw-"},                                                             // boot_params
		{0x20000, 0x21000, "r--"},                                                             // the command line
		{0x100000, 0x101000, "r-x"}, {0x101000, 0xc4a000, "r--"}, {0xc4a000, 0xc82000, "r-x"}, // the core around its payload
		{0xc82000, 0xcc8000, "rw-"},                                                                                                // its memory
		{0x1000000, 0x2b71000, "r-x"}, {0x2b71000, 0x333a000, "rw-"}, {0x333a000, 0x33de000, "r-x"}, {0x33de000, 0x4800000, "rw-"}, // the kernel's block
		{0x3feb4000, 0x3fee4000, "rw-"}, // work space below the initrd
	}
	if diff := cmp.Diff(want, got); diff != "" || r.Outcome != sim.Boots {
		t.Errorf("%s %s, -expected +simulated:\n%s", r.Outcome, r.Failure, diff)
	}
	sc.CPU.NX = false
	r = boot(t, "middle-ground", sc)
	if got := r.After.Tables.Least(memmap.Range{Start: 0x3feb4000, End: 0x3fee4000}); got != sim.RWX {
		t.Errorf("work space is mapped %s where the CPU has no NX, expected rwx", got)
	}
}

// TestHybridOnEFI: started by EFI firmware the file boots as the RFC has it, step by step.
func TestHybridOnEFI(t *testing.T) {
	for _, policy := range []string{"ovmf", "strict"} {
		rfc, got := boot(t, "zboot-x86-rfc", threadScenario(t, policy, "")), boot(t, "hybrid", threadScenario(t, policy, ""))
		if diff := cmp.Diff(rfc.Steps, got.Steps); diff != "" {
			t.Errorf("%s: -RFC +hybrid:\n%s", policy, diff)
		}
	}
}

// TestMiddleGroundOnEFI: the allocator is the firmware's. Text becomes executable and
// nothing else, where there is a protocol for it; what else loader code may do remains
// as the firmware's policy has it.
func TestMiddleGroundOnEFI(t *testing.T) {
	for policy, want := range map[string][]string{
		"edk2-nx-image":      {"rwx", "rwx", "rwx", "rwx", "rwx"},
		"edk2-nx-image-attr": {"r-x", "rwx", "rwx", "r-x", "rwx"},
		"strict":             {"r-x", "rw-", "rw-", "r-x", "rw-"},
	} {
		r := boot(t, "middle-ground", threadScenario(t, policy, ""))
		kernel, _ := r.Placement("kernel")
		var got []string
		for _, at := range []uint64{0, 0x1c00000, 0x2301000, 0x233a000, 0x23de000} { // the segments, in order
			got = append(got, r.After.Tables.Least(memmap.Range{Start: kernel.Range.Start + at, End: kernel.Range.Start + at + 1}).String())
		}
		if diff := cmp.Diff(want, got); diff != "" || r.Outcome != sim.Boots {
			t.Errorf("%s: %s %s, -expected +simulated:\n%s", policy, r.Outcome, r.Failure, diff)
		}
		if !did(r, sim.Alloc, "work space") || !did(r, sim.Free, "work space") {
			t.Errorf("%s: expected work space from the firmware, given back", policy)
		}
	}
}
