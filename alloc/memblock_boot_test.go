package alloc_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/alloc"
	"bootplan/linux"
	"bootplan/memmap"
)

// TestEarlyMemoryOfARecordedBoot goes through setup_arch on QEMU's "pc" machine with
// 1 GiB and SeaBIOS, and prints what Debian's Linux 6.12.117 printed there with
// memblock=debug (without the offsets in the functions).
func TestEarlyMemoryOfARecordedBoot(t *testing.T) {
	recorded, err := os.ReadFile("testdata/early_memory_bios_1g.log")
	if err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	log := func(line string) { printed.WriteString(line + "\n") }
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	m := alloc.NewMemblock()
	e820 := memmap.NewKernelE820(linux.V6_12, log)
	ok(m.Reserve(0x1000000, 0x2c00000)) // the kernel up to its .brk
	ok(m.Reserve(0, 64*memmap.KiB))
	ok(m.Reserve(0x3fe88000, 0x158000)) // the initrd, in whole pages
	ok(m.ReserveBIOS(alloc.BIOSData{EBDASegment: 0x9fc0, BaseMemKiB: 639}))
	e820.Setup(memmap.BootMemory{Table: []memmap.E820Entry{
		{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM},
		{Addr: 0x9fc00, Size: 0x400, Type: memmap.E820Reserved},
		{Addr: 0xf0000, Size: 0x10000, Type: memmap.E820Reserved},
		{Addr: 0x100000, Size: 0x3fee0000, Type: memmap.E820RAM},
		{Addr: 0x3ffe0000, Size: 0x20000, Type: memmap.E820Reserved},
		{Addr: 0xfffc0000, Size: 0x40000, Type: memmap.E820Reserved},
		{Addr: 0xfd00000000, Size: 0x300000000, Type: memmap.E820Reserved},
	}})
	m.Log = log // memblock=debug is read here
	ok(e820.FinishEarlyParams())
	e820.AddKernel(memmap.Range{Start: 0x1000000, End: 0x3c30000})
	e820.TrimBIOS()
	end := e820.Table.EndOfRAM(true)
	m.Caller = "smp_scan_config"
	ok(m.Reserve(0xf5ba0, 0x10))
	ok(m.Reserve(0xf5bb0, 0xc8))
	m.Caller = "setup_arch"
	ok(m.Reserve(0x3c00000, 0x11000)) // .brk
	m.Limit = memmap.MiB
	m.Caller = "e820__memblock_setup"
	ok(m.AddE820(&e820.Table))
	m.Caller = "reserve_real_mode"
	at, err := m.AllocRange(7*memmap.PageSize, memmap.PageSize, 0, memmap.MiB)
	ok(err)
	m.Caller = "setup_arch"
	ok(m.Reserve(0, memmap.MiB))
	if at != 0x98000 {
		t.Errorf("the trampoline is at %#x", at)
	}
	m.Caller = "init_mem_mapping"
	at, err = m.AllocRange(2*memmap.MiB, 2*memmap.MiB, memmap.MiB, end*memmap.PageSize)
	ok(err)
	ok(m.Free(at, 2*memmap.MiB))
	m.Limit = end * memmap.PageSize
	m.Caller = "setup_log_buf"
	for _, size := range []uint64{1 << 20, 786432, 2883584} {
		_, err = m.AllocTryNode(size, 8, 0, alloc.Accessible, alloc.AnyNode)
		ok(err)
	}
	if diff := cmp.Diff(strings.Split(string(recorded), "\n"), strings.Split(printed.String(), "\n")); diff != "" {
		t.Error(diff)
	}
}
