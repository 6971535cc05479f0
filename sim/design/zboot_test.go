package design_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/image"
	"bootplan/memmap"
	"bootplan/memmap/gallery"
	"bootplan/sim"
)

// mainObjects are those in whose order the designs of the thread differ.
var mainObjects = []string{
	"EFI stub", "command line", "kernel block", "kernel", "relocation table", "paging trampoline", "page tables", "boot_params",
	"initrd", "work space", "boot services",
}

// acts are what the stub does, in order: what, to which of the main objects.
func acts(r *sim.Result) []string {
	var list []string
	for _, s := range r.Steps {
		if s.Phase == sim.Stub && slices.Contains(mainObjects, s.Object) {
			list = append(list, fmt.Sprintf("%s %s", s.Op, s.Object))
		}
	}
	return list
}

// threadScenario is OVMF with 2 GiB that protects memory, offers random numbers, and has a
// ROM and an initrd to give.
func threadScenario(t *testing.T, protection, cmdline string) *sim.Scenario {
	t.Helper()
	return &sim.Scenario{
		Map: gallery.OVMF2G(), Kernel: debian612(t), Cmdline: cmdline, CPU: sim.CPU{LA57: true, NX: true}, Policy: policy(t, protection),
		Initrd: sim.Initrd{Size: 20 * memmap.MiB}, ROMs: []uint64{0x9c00}, Services: sim.Services{RNG: true},
		Random: sim.Fixed{Seed: [2]uint32{1 << 31, 1 << 31}, PhysicalValue: 100, VirtualValue: 100},
	}
}

// The order is that of the RFC's own code: the kernel is unpacked, relocated and made
// executable before anything else is allocated but the command line.
func TestZbootRFCInOrder(t *testing.T) {
	r := boot(t, "zboot-x86-rfc", threadScenario(t, "strict", ""))
	want := []string{
		"exec EFI stub", "alloc command line", "write command line",
		"alloc kernel block", "write EFI stub", "copy kernel", "read relocation table", "write kernel", "free relocation table", "protect kernel",
		"alloc paging trampoline", "write paging trampoline", "protect paging trampoline",
		"alloc boot_params", "write boot_params", "alloc initrd", "write initrd", "exit boot services", "write boot_params",
		"write page tables", "exec paging trampoline", "exec kernel",
	}
	if diff := cmp.Diff(want, acts(r)); diff != "" {
		t.Errorf("-the RFC +simulated:\n%s", diff)
	}
	if r.Outcome != sim.Boots {
		t.Errorf("%s: %s", r.Outcome, r.Failure)
	}
}

// withImage is Debian's 6.12 as if it had image bytes in memory and a relocation table of
// relocs bytes; without one it was built without CONFIG_RANDOMIZE_BASE.
func withImage(t *testing.T, bytes, relocs uint64) *image.Kernel {
	t.Helper()
	k, vo := *debian612(t), *debian612(t).VO
	vo.TotalSize = bytes
	k.VO, k.Relocs = &vo, nil
	if relocs != 0 {
		k.Relocs = &image.Relocs{Bytes: relocs}
	}
	return &k
}

// The worked example: a kernel that takes 0x2a00000 bytes, and a map in which the lowest
// multiple of 2 MiB with room is 0x200000 and the highest 0x17d600000.
func TestZbootRFCPlaces(t *testing.T) {
	firmware := &memmap.Map{Kind: memmap.EFI}
	for _, r := range [][3]uint64{
		{uint64(memmap.EFIConventional), 0, 0xa0000}, {uint64(memmap.EFIConventional), 0x100000, 0x7f00000},
		{uint64(memmap.EFILoaderData), 0x8000000, 0x8200000}, {uint64(memmap.EFIConventional), 0x10000000, 0x70000000},
		{uint64(memmap.EFIConventional), 0x100000000, 0x180000000},
	} {
		firmware.Descriptors = append(firmware.Descriptors, memmap.EFIDescriptor{
			Type: memmap.EFIType(r[0]), Phys: r[1], Pages: (r[2] - r[1]) / memmap.PageSize, Attr: memmap.EFIWB,
		})
	}
	const linked, last, lowest = 0xffffffff81000000, 0x17d600000, 0x200000
	type place struct{ Phys, Virt uint64 }
	for name, test := range map[string]struct {
		cmdline string
		relocs  uint64
		rng     bool
		seed    uint32
		want    place
	}{
		"lowest seed":           {"", 0x1000, true, 0, place{lowest, linked + 16*memmap.MiB}},
		"highest seed":          {"", 0x1000, true, ^uint32(0), place{last, 0xffffffff80000000 + 0x3e600000}},
		"nokaslr":               {"nokaslr", 0x1000, true, 0, place{last, linked + 16*memmap.MiB}},
		"no random numbers":     {"", 0x1000, false, 0, place{last, linked}},
		"built without KASLR":   {"", 0, true, ^uint32(0), place{lowest, linked}},
		"without, with nokaslr": {"nokaslr", 0, true, ^uint32(0), place{lowest, linked}},
	} {
		sc := threadScenario(t, "ovmf", test.cmdline)
		sc.Map, sc.Kernel = firmware, withImage(t, 0x2a00000-0x1000, test.relocs)
		if test.relocs == 0 {
			sc.Kernel = withImage(t, 0x2a00000, 0)
		}
		sc.Services.RNG, sc.Random = test.rng, sim.Fixed{Seed: [2]uint32{test.seed, test.seed}}
		kernel, _ := boot(t, "zboot-x86-rfc", sc).Placement("kernel")
		if diff := cmp.Diff(test.want, place{kernel.Range.Start, kernel.Virtual}); diff != "" {
			t.Errorf("%s: -worked out +simulated:\n%s", name, diff)
		}
	}
}

// TestZbootRFCGivesTheTailBack: the pages behind the kernel that held its relocations are
// free again, and no others.
func TestZbootRFCGivesTheTailBack(t *testing.T) {
	r := boot(t, "zboot-x86-rfc", threadScenario(t, "strict", ""))
	kernel, _ := r.Placement("kernel")
	type facts struct{ Bytes, Freed, FreedAt uint64 }
	got := facts{Bytes: kernel.Range.Len()}
	for _, s := range r.Steps {
		if s.Op == sim.Free && s.Object == "relocation table" {
			got.Freed, got.FreedAt = s.Range.Len(), s.Range.Start-kernel.Range.Start
		}
	}
	if diff := cmp.Diff(facts{0x2c30000, 0xfa000, 0x2c30000}, got); diff != "" { // a table of 0xf92a4 bytes
		t.Error(diff)
	}
}

// TestZbootRFCUnderStrictFirmware: without its third patch the RFC faults at the first
// code that it put into memory of its own, and in the cases in which the third patch
// does nothing it faults at the kernel.
func TestZbootRFCUnderStrictFirmware(t *testing.T) {
	type facts struct {
		Outcome sim.Outcome
		Step    string
	}
	ends := func(sc *sim.Scenario, choices ...string) facts {
		r := tell(t, withChoices(t, "zboot-x86-rfc", choices...), sc)
		last := r.Steps[len(r.Steps)-1]
		return facts{r.Outcome, fmt.Sprintf("%s %s", last.Op, last.Object)}
	}
	const four = "no5lvl"
	noRNG, noTable := threadScenario(t, "strict", four), threadScenario(t, "strict", four)
	noRNG.Services.RNG = false
	noTable.Kernel = withImage(t, 0x2c30000, 0)
	far := threadScenario(t, "strict", four)
	far.Random = sim.Fixed{Seed: [2]uint32{0, ^uint32(0)}}
	boots := facts{sim.Boots, "protect kernel"}
	atKernel := facts{sim.Faults, "exec kernel"}
	for name, test := range map[string]struct {
		got, want facts
	}{
		"all patches":                   {ends(threadScenario(t, "strict", "")), boots},
		"two patches":                   {ends(threadScenario(t, "strict", ""), "nx", "none"), facts{sim.Faults, "exec paging trampoline"}},
		"two patches, nothing switched": {ends(threadScenario(t, "strict", four), "nx", "none"), atKernel},
		"no random numbers":             {ends(noRNG), atKernel},
		"no relocations":                {ends(noTable), atKernel},
		"nokaslr":                       {ends(threadScenario(t, "strict", "nokaslr")), boots},
		"revised":                       {ends(threadScenario(t, "strict", ""), "virtual", "rfc-revised"), boots},
		"beyond the kernel's mapping":   {ends(far), atKernel},
		"revised, beyond as well":       {ends(far, "virtual", "rfc-revised"), atKernel},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s: -expected +simulated:\n%s", name, diff)
		}
	}
}

// TestZbootRFCLacks: what the design does not do is said, or ends the boot.
func TestZbootRFCLacks(t *testing.T) {
	bios := threadScenario(t, "ovmf", "")
	bios.Map = oneGiB()
	narrow := threadScenario(t, "ovmf", "")
	narrow.Firmware.IA32 = true
	for name, sc := range map[string]*sim.Scenario{"no EFI": bios, "32-bit firmware": narrow} {
		for _, design := range []string{"zboot-x86-rfc", "zboot-x86-2025"} {
			r := boot(t, design, sc)
			if n := len(r.Findings); r.Outcome != sim.Fails || n == 0 || r.Findings[n-1].Rule != "unsupported" {
				t.Errorf("%s, %s: %s, findings %v", design, name, r.Outcome, r.Findings)
			}
		}
	}
	// The place is the highest one, far above the limit, and the kernel's memory regions are
	// not random although its address is.
	sc := threadScenario(t, "ovmf", "mem=1G")
	sc.Random = sim.Fixed{Seed: [2]uint32{^uint32(0), 0}, MemoryValue: 1 << 63}
	r := boot(t, "zboot-x86-rfc", sc)
	rules := map[string]bool{}
	for _, f := range r.Findings {
		rules[f.Rule] = true
	}
	if !rules["unsupported"] || !rules["policy-ignored"] {
		t.Errorf("mem=1G: findings %v", r.Findings)
	}
	const unrandomised = 0xff11000000000000
	if regions, _ := r.Placement("direct_map"); regions.Virtual != unrandomised {
		t.Errorf("direct map at %#x, expected %#x", regions.Virtual, uint64(unrandomised))
	}
}

// TestZbootRFCKeeps: what the stub still has when it ends boot services, as worked out by
// hand for the kernel of the example: image, kernel without its relocations, paging
// switch and boot_params.
func TestZbootRFCKeeps(t *testing.T) {
	sc := threadScenario(t, "ovmf", "")
	sc.Kernel = roundKernel(t)
	r := boot(t, "zboot-x86-rfc", sc)
	want := map[string]uint64{"PE image": 0x961000, "kernel block": 0x2800000, "paging trampoline": 0x2000, "boot_params": 0x1000}
	got := map[string]uint64{}
	for _, s := range r.Steps {
		if s.Op == sim.Alloc {
			got[s.Object] += s.Range.Len()
		}
		if s.Op == sim.Free && s.Object == "relocation table" {
			got["kernel block"] -= s.Range.Len()
		}
	}
	maps.DeleteFunc(got, func(object string, _ uint64) bool { return want[object] == 0 })
	if diff := cmp.Diff(want, got); diff != "" || r.Outcome != sim.Boots {
		t.Errorf("%s %s, -worked out +simulated:\n%s", r.Outcome, r.Failure, diff)
	}
}

// TestZbootRFCMixed: the branch that came after the RFC has an entry point for 32-bit
// firmware, which needs paging to be on: EDK2 has, U-Boot has not.
func TestZbootRFCMixed(t *testing.T) {
	type facts struct {
		Outcome sim.Outcome
		Failure string
		Tables  uint64 // bytes of page tables that are written into the image
		Switch  bool
	}
	for text, test := range map[string]struct {
		layout string
		want   facts
	}{
		"edk2-stable202502":      {"zboot-compat", facts{sim.Boots, "", 0, true}},
		"edk2-stable202502,ia32": {"zboot-compat", facts{sim.Boots, "", 0x2000, false}},
		"u-boot,ia32":            {"zboot-compat", facts{sim.Fails, "32-bit firmware without paging: the entry point returns an error", 0, false}},
		"bottom-up,ia32":         {"zboot", facts{sim.Fails, "the image has no entry point for 32-bit firmware", 0, false}},
	} {
		profile, err := sim.ParseFirmware(text)
		if err != nil {
			t.Fatal(err)
		}
		sc := threadScenario(t, "ovmf", "")
		sc.Firmware = profile
		r := tell(t, withChoices(t, "zboot-x86-rfc", "pe-layout", test.layout), sc)
		got := facts{r.Outcome, r.Failure, 0, false}
		image, _ := r.Placement("pe_image")
		for _, s := range r.Steps {
			if s.Op == sim.Write && s.Object == "page tables" && image.Range.Covers(s.Range) {
				got.Tables += s.Range.Len()
			}
		}
		_, got.Switch = switched(r)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: -expected +simulated:\n%s", text, diff)
		}
	}
}
