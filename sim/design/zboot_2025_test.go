package design_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/sim"
)

// The order is that of the released stub, but for the kernel: its segments come to their
// places one by one, with zeroes behind those whose file bytes end before they do.
func TestZboot2025InOrder(t *testing.T) {
	sc := threadScenario(t, "strict", "")
	r := boot(t, "zboot-x86-2025", sc)
	want := []string{
		"exec EFI stub", "alloc boot_params", "write boot_params", "alloc command line", "write command line",
		"alloc paging trampoline", "write paging trampoline", "protect paging trampoline", "protect paging trampoline",
		"alloc work space", "alloc kernel block", "write work space",
		"copy kernel", "copy kernel", "copy kernel", "copy kernel", // four segments, which end in the file where they end in memory
		"free work space", "write kernel",
		"protect kernel", "protect kernel", // text
		"protect kernel", "protect kernel", // init text
		"alloc initrd", "write initrd", "exit boot services", "write boot_params", "write page tables", "exec paging trampoline", "exec kernel",
	}
	if diff := cmp.Diff(want, acts(r)); diff != "" {
		t.Errorf("-the redesign +simulated:\n%s", diff)
	}
	kernel, _ := r.Placement("kernel")
	block, _ := r.Placement("kernel_block")
	if r.Outcome != sim.Boots || block.Range.Len() != 0x3200000 || kernel.Virtual == 0xffffffff81000000 {
		t.Errorf("%s: %s, block of %#x bytes, virtual %#x", r.Outcome, r.Failure, block.Range.Len(), kernel.Virtual)
	}
	entry, _ := r.Metric("wx_bytes_at_stub_entry")
	if exit, _ := r.Metric("wx_bytes_at_exit_boot_services"); exit.Value != entry.Value {
		t.Errorf("%v bytes are writable and executable at the end, %v at the beginning: expected nothing to be added", exit.Value, entry.Value)
	}
}

// TestZboot2025Seeds: without random numbers of the firmware the seeds are 0, which is the
// lowest place from 16 MiB on; mem= makes the physical seed 0.
func TestZboot2025Seeds(t *testing.T) {
	const linked = 0xffffffff81000000
	type place struct {
		Lowest bool
		Virt   uint64
	}
	half := uint64(linked + (0x40000000-0x1000000-0x3200000)/2)
	for name, test := range map[string]struct {
		cmdline string
		rng     bool
		want    place
	}{
		"random":            {"", true, place{false, half}},
		"no random numbers": {"", false, place{true, linked}},
		"nokaslr":           {"nokaslr", true, place{true, linked}},
		"mem=":              {"mem=1G", true, place{true, half}},
	} {
		sc := threadScenario(t, "ovmf", test.cmdline)
		sc.Services.RNG = test.rng
		kernel, _ := boot(t, "zboot-x86-2025", sc).Placement("kernel")
		want := test.want
		want.Virt = memmap.AlignDown(want.Virt, 0x200000)
		if diff := cmp.Diff(want, place{kernel.Range.Start == 0x1600000, kernel.Virtual}); diff != "" {
			t.Errorf("%s: -worked out +simulated:\n%s", name, diff)
		}
	}
}
