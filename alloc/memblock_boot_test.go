package alloc_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/alloc"
	"bootplan/linux"
	"bootplan/memmap"
)

// recordedBoot is a boot of QEMU's "pc" machine with 1 GiB and SeaBIOS, started with
// memblock=debug. The log is what it printed about early memory, without the offsets in
// the functions.
type recordedBoot struct {
	version  linux.Version
	log      string
	kernel   memmap.Range // up to its end
	brk      memmap.Range // what is in use of the kernel's .brk
	logSizes []uint64     // what setup_log_buf allocates
}

func TestEarlyMemoryOfRecordedBoots(t *testing.T) {
	for name, boot := range map[string]recordedBoot{
		"Debian 6.12.117": {
			linux.V6_12, "testdata/early_memory_bios_1g.log",
			memmap.Range{Start: 0x1000000, End: 0x3c30000}, memmap.Range{Start: 0x3c00000, End: 0x3c11000},
			[]uint64{1048576, 786432, 2883584},
		},
		"Debian 7.2.13": {
			linux.V7_2, "testdata/early_memory_bios_1g_7_2.log",
			memmap.Range{Start: 0x37600000, End: 0x3a830000}, memmap.Range{Start: 0x3a800000, End: 0x3a811000},
			[]uint64{1048576, 786432, 3670016},
		},
	} {
		t.Run(name, func(t *testing.T) {
			recorded, err := os.ReadFile(boot.log)
			if err != nil {
				t.Fatal(err)
			}
			var printed strings.Builder
			if err := boot.setupArch(func(line string) { printed.WriteString(line + "\n") }); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(strings.Split(string(recorded), "\n"), strings.Split(printed.String(), "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// setupArch goes through the memory part of setup_arch.
func (b recordedBoot) setupArch(log func(string)) error {
	m := alloc.NewMemblock(b.version)
	e820 := memmap.NewKernelE820(b.version, log)
	var end uint64
	by := func(caller string, f func(base, size uint64) error, base, size uint64) func() error {
		return func() error {
			m.Caller = caller
			return f(base, size)
		}
	}
	for _, step := range []func() error{
		by("", m.ReserveKern, b.kernel.Start, b.brk.Start-b.kernel.Start),
		by("", m.Reserve, 0, 64*memmap.KiB),
		by("", m.ReserveKern, 0x3fe88000, 0x158000), // the initrd, in whole pages
		func() error { return m.ReserveBIOS(linux.BIOSWords{BaseKiB: 639, EBDASegment: 0x9fc0}) },
		func() error {
			e820.Setup(memmap.BootMemory{Table: pc1G})
			m.Log = log // memblock=debug is read here
			return e820.FinishEarlyParams()
		},
		func() error {
			e820.AddKernel(b.kernel)
			e820.TrimBIOS()
			end = e820.Table.EndOfRAM(true) * memmap.PageSize
			return nil
		},
		by("smp_scan_config", m.Reserve, 0xf5ba0, 0x10),
		by("smp_scan_config", m.Reserve, 0xf5bb0, 0xc8),
		by("setup_arch", m.ReserveKern, b.brk.Start, b.brk.Len()),
		func() error {
			m.Limit = memmap.MiB
			return m.AddE820(&e820.Table)
		},
		func() error { return b.realMode(m) },
		func() error { return b.initMemMapping(m, end) },
		func() error { return b.logBuffers(m, end) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// realMode allocates the trampoline, which lies at 0x98000 on every recorded PC.
func (recordedBoot) realMode(m *alloc.Memblock) error {
	at, err := m.AllocRealMode(7 * memmap.PageSize)
	if err == nil && at != 0x98000 {
		err = fmt.Errorf("the trampoline is at %#x", at)
	}
	if err != nil {
		return err
	}
	return m.ReserveFirstMiB()
}

// initMemMapping looks for room for page tables in the highest memory.
func (recordedBoot) initMemMapping(m *alloc.Memblock, end uint64) error {
	m.Caller = "init_mem_mapping"
	at, err := m.AllocRange(2*memmap.MiB, 2*memmap.MiB, memmap.MiB, end)
	if err != nil {
		return err
	}
	return m.Free(at, 2*memmap.MiB)
}

func (b recordedBoot) logBuffers(m *alloc.Memblock, end uint64) error {
	m.Limit = end
	m.Caller = "setup_log_buf"
	for _, size := range b.logSizes {
		if _, err := m.AllocTryNode(size, 8, 0, alloc.Accessible, alloc.AnyNode); err != nil {
			return err
		}
	}
	return nil
}

// pc1G is what SeaBIOS reported.
var pc1G = []memmap.E820Entry{
	{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM},
	{Addr: 0x9fc00, Size: 0x400, Type: memmap.E820Reserved},
	{Addr: 0xf0000, Size: 0x10000, Type: memmap.E820Reserved},
	{Addr: 0x100000, Size: 0x3fee0000, Type: memmap.E820RAM},
	{Addr: 0x3ffe0000, Size: 0x20000, Type: memmap.E820Reserved},
	{Addr: 0xfffc0000, Size: 0x40000, Type: memmap.E820Reserved},
	{Addr: 0xfd00000000, Size: 0x300000000, Type: memmap.E820Reserved},
}
