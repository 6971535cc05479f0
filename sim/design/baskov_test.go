package design_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/kaslr"
	"bootplan/memmap"
	"bootplan/sim"
)

// The order is that of the series' own code: initrd and trampoline come before the kernel,
// and every range is cleared of restrictions before it gets its own.
func TestBaskovInOrder(t *testing.T) {
	r := boot(t, "baskov-v5", threadScenario(t, "edk2-nx-image-attr", ""))
	want := []string{
		"exec EFI stub", "write boot_params", "alloc command line", "write command line", "write EFI stub",
		"alloc initrd", "write initrd",
		"alloc paging trampoline", "write paging trampoline", "write paging trampoline",
		"protect paging trampoline", "protect paging trampoline", // table: clear RO, set XP
		"protect paging trampoline", "protect paging trampoline", // code: clear XP, set RO
		"protect paging trampoline", "protect paging trampoline", // stack: as table
		"alloc kernel block", "protect kernel block", "protect kernel block", "write EFI stub", "copy kernel", // unpacked
		"copy kernel", "copy kernel", "copy kernel", "copy kernel", // four segments
		"read relocation table", "write kernel",
		"protect kernel", "protect kernel", // text
		"protect kernel", "protect kernel", // data
		"protect kernel", "protect kernel", // percpu
		"protect kernel", "protect kernel", // init text
		"protect kernel", "protect kernel", // init data and BSS
		"exit boot services", "write boot_params", "write page tables", "write paging trampoline", "exec paging trampoline", "exec kernel",
	}
	if diff := cmp.Diff(want, acts(r)); diff != "" {
		t.Errorf("-the series +simulated:\n%s", diff)
	}
	if r.Outcome != sim.Boots {
		t.Errorf("%s: %s", r.Outcome, r.Failure)
	}
}

// TestBaskovRights: with the protocol and KASLR nothing of the kernel or the trampoline is
// writable and executable in the end. The program headers say where what is.
func TestBaskovRights(t *testing.T) {
	r := boot(t, "baskov-v5", threadScenario(t, "edk2-nx-image-attr", ""))
	kernel, _ := r.Placement("kernel_block")
	switches, _ := r.Placement("paging_trampoline")
	type stretch struct {
		Start, Bytes uint64
		Perm         string
	}
	rights := func(whole memmap.Range) []stretch {
		var list []stretch
		r.After.Tables.Over(whole, func(s memmap.Span[sim.Perm]) bool {
			list = append(list, stretch{s.Start - whole.Start, s.Len(), s.Value.String()})
			return true
		})
		return list
	}
	// Text and read-only data, data, percpu and init text, the rest with the BSS.
	if diff := cmp.Diff([]stretch{
		{0, 0x1b71000, "r-x"}, {0x1b71000, 0x233a000 - 0x1b71000, "rw-"}, {0x233a000, 0xa4000, "r-x"}, {0x23de000, 0x3800000 - 0x23de000, "rw-"},
	}, rights(kernel.Range)); diff != "" {
		t.Errorf("kernel, -expected +simulated:\n%s", diff)
	}
	if diff := cmp.Diff([]stretch{{0, 0x1000, "rw-"}, {0x1000, 0x1000, "r-x"}, {0x2000, 0x1000, "rw-"}}, rights(switches.Range)); diff != "" {
		t.Errorf("trampoline, -expected +simulated:\n%s", diff)
	}
	if switches.Range.End > 0xa0000 {
		t.Errorf("trampoline %v: expected it below 640 KiB", switches.Range)
	}
}

// TestBaskovWithoutKASLR: where data memory cannot be executed, the series as posted
// faults at the kernel's first instruction with nokaslr; as intended the kernel's whole
// block is executable.
func TestBaskovWithoutKASLR(t *testing.T) {
	type facts struct {
		Outcome sim.Outcome
		Last    string
		Perm    string // of the kernel's first instruction
	}
	faults := facts{sim.Faults, "exec kernel", "rw-"}
	boots := facts{sim.Boots, "protect kernel", "rwx"}
	for _, policy := range []string{"edk2-nx", "edk2-nx-attr", "edk2-nx-image", "edk2-nx-image-attr", "strict", "strict-block"} {
		for intent, want := range map[string]facts{"as-posted": faults, "intended": boots} {
			r := tell(t, withChoices(t, "baskov-v5", "intent", intent), threadScenario(t, policy, "nokaslr"))
			last, kernel := r.Steps[len(r.Steps)-1], r.Steps[0]
			for _, s := range r.Steps {
				if s.Op == sim.Exec && s.Object == "kernel" {
					kernel = s
				}
			}
			if diff := cmp.Diff(want, facts{r.Outcome, fmt.Sprintf("%s %s", last.Op, last.Object), kernel.Perm.String()}); diff != "" {
				t.Errorf("%s, %s: -expected +simulated:\n%s", policy, intent, diff)
			}
		}
	}
}

// TestBaskovPlaces: the decompressor's own code chooses, from 16 MiB on, and keeps out of
// what the user asks it to; without KASLR the kernel gets the first room above 16 MiB.
func TestBaskovPlaces(t *testing.T) {
	type facts struct {
		First, Slots uint64
		Phys, Virt   uint64
	}
	// OVMF's map has 16 to 21 MiB in the firmware volume, and its first free MiB from there at
	// 0x1500000; the image lies below the file buffer's hole, 56 MiB is the kernel's block.
	for cmdline, want := range map[string]facts{
		"":             {0x1600000, 0, 0x1600000 + 100*0x200000, 0xffffffff81000000 + 100*0x200000},
		"nokaslr":      {0, 0, 0x1600000, 0xffffffff81000000},
		"memmap=1G$1M": {0x40200000, 0, 0x40200000 + 100*0x200000, 0xffffffff81000000 + 100*0x200000},
		"mem=512M":     {0x1600000, 1 + (0x20000000-0x1600000-0x3800000)/0x200000, 0x1600000 + 100*0x200000, 0xffffffff81000000 + 100*0x200000},
	} {
		r := boot(t, "baskov-v5", threadScenario(t, "ovmf", cmdline))
		kernel, _ := r.Placement("kernel")
		plan := r.Randomness.Decompressor
		got := facts{Slots: plan.Slots, Phys: kernel.Range.Start, Virt: kernel.Virtual}
		if len(plan.Areas) > 0 {
			got.First = plan.Areas[0].Start
		}
		if want.Slots == 0 {
			got.Slots = 0 // depends on where the image and the initrd lie
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: -worked out +simulated:\n%s", cmdline, diff)
		}
		// The list of what must be avoided begins with the image, whose extent wraps around,
		// because it lies above the address at which it expects to be.
		if !plan.Disabled && (plan.Avoid[0].What != "image" || !plan.Avoid[0].Wraps()) {
			t.Errorf("%q: avoids %v first", cmdline, plan.Avoid[0])
		}
	}
}

// TestBaskovKeepsOut: the code of the decompressor also keeps out of what the stub has
// linked into setup_data, and of memory that could be unplugged, unless ACPI is off.
func TestBaskovKeepsOut(t *testing.T) {
	sc := threadScenario(t, "ovmf", "") // which has a ROM that the stub passes on
	sc.Immovable = []memmap.Range{{Start: 0x20000000, End: 0x40000000}}
	plan := boot(t, "baskov-v5", sc).Randomness.Decompressor
	want := []kaslr.Area{{Start: 0x20000000, Slots: 1 + (0x20000000-0x3800000)/0x200000}}
	if diff := cmp.Diff(want, plan.Areas); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
	var roms int
	for _, avoid := range plan.Avoid {
		if avoid.What == "setup_data" {
			roms++
		}
	}
	if roms != 1 {
		t.Errorf("avoids %v: expected the one ROM", plan.Avoid)
	}
	sc.Cmdline = "acpi=off"
	if plan := boot(t, "baskov-v5", sc).Randomness.Decompressor; plan.Areas[0].Start != 0x1600000 {
		t.Errorf("without ACPI the first place is %#x, expected 0x1600000", plan.Areas[0].Start)
	}
}

// TestBaskovFailures: each allocation of its own can fail, and says what it was for.
func TestBaskovFailures(t *testing.T) {
	const mib = memmap.MiB
	free := func(start, end uint64) memmap.EFIDescriptor {
		return memmap.EFIDescriptor{Type: memmap.EFIConventional, Phys: start, Pages: (end - start) / memmap.PageSize, Attr: memmap.EFIWB}
	}
	for want, descs := range map[string][]memmap.EFIDescriptor{
		"paging trampoline: no memory for 0x3000 bytes":                                 {free(mib, 256*mib)},
		"Unable to allocate memory for uncompressed kernel: no memory for 0x3800000 by": {free(0x1000, 0xa0000), free(mib, 64*mib)},
	} {
		sc := threadScenario(t, "ovmf", "")
		sc.Map = &memmap.Map{Kind: memmap.EFI, Descriptors: descs}
		sc.Initrd.Size = 0
		if r := boot(t, "baskov-v5", sc); r.Outcome != sim.Fails || !strings.HasPrefix(r.Failure, want) {
			t.Errorf("%s: %q, expected %q", r.Outcome, r.Failure, want)
		}
	}
}

// TestBaskovOn32Bits: 32-bit firmware that loads the image itself is told a wrong entry
// point, as posted; a boot loader that uses the handover protocol finds the right one.
func TestBaskovOn32Bits(t *testing.T) {
	for loader, want := range map[string]sim.Outcome{"image": sim.Fails, "handover": sim.Boots} {
		sc := threadScenario(t, "ovmf", "")
		sc.Firmware.IA32, sc.Loader, sc.CPU.LA57 = true, loader, false
		if r := boot(t, "baskov-v5", sc); r.Outcome != want || want == sim.Fails && !strings.Contains(r.Failure, "0x2000 bytes too high") {
			t.Errorf("%s: %s, %s", loader, r.Outcome, r.Failure)
		}
	}
}
