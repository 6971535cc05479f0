package design_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/image"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/memmap/gallery"
	"bootplan/memmap/parse"
	"bootplan/sim"
	"bootplan/sim/check"
	"bootplan/sim/design"
)

// recorded is what a recording of a real boot states.
type recorded struct {
	Name     string
	Firmware struct {
		Kind, Loader   string
		Build, Version string
		NX             string `json:"nx_memory_policy"`
		Image          string `json:"image_protection_policy"`
		Attribute      string `json:"memory_attribute_protocol"`
	}
	Kernel  struct{ Version string }
	Cmdline string `json:"kernel_append"`
	Initrd  struct{ Size uint64 }
	Capture struct {
		Userspace bool `json:"reached_userspace"`
	}
	CPU     string
	Tables  string `json:"efi_tables_line"`
	Ramdisk struct{ Image string }
	Mixed   struct {
		Loaded string `json:"loaded_at"`
		Moved  string `json:"bzimage_addr"`
	} `json:"mixed_mode"`
	Stub struct {
		Image string `json:"image_base"`
	} `json:"efi_stub"`
	BootParams struct {
		Cmdline string `json:"cmd_line_ptr"`
	} `json:"boot_params"`

	Placement struct {
		Phys string `json:"kernel_phys_base"`
		Virt string `json:"kernel_virt_base"`
	}
	Decompressor struct {
		BootParams string `json:"boot_params"`
		Relocated  string `json:"relocated_base"`
		End        string `json:"relocated_end"`
	}
	Trampoline struct {
		Executed bool
		Base     string
	} `json:"la57_trampoline_32bit"`
	MapAtAllocation []struct{ Type, Start, End, Attributes string } `json:"efi_map_at_kernel_allocation"`
	Debugger        struct {
		EBDA           string `json:"bda_ebda_segment_40e"`
		BaseKiB        uint16 `json:"bda_base_memory_kb_413"`
		RandomPhysical string `json:"random_physical"`
		RandomVirtual  string `json:"random_virtual"`
	}
}

// profiles of the recorded kernels.
var profiles = map[string]string{
	"6.1.0-56-amd64": "debian-6.1", "6.1.0-56-cloud-amd64": "debian-6.1-cloud",
	"6.12.117+deb12-amd64": "debian-6.12", "6.12.117+deb12-cloud-amd64": "debian-6.12-cloud",
	"7.2.13+deb14-amd64": "debian-7.2", "5.10.0-46-amd64": "debian-5.10",
}

func hex(t *testing.T, s string) uint64 {
	t.Helper()
	if s == "" {
		return 0
	}
	n, err := strconv.ParseUint(s, 0, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// loaderOf names the loader of a recording, and whether the EFI stub ran.
func loaderOf(r *recorded) (loader string, stub bool) {
	switch {
	case strings.HasPrefix(r.Firmware.Loader, "GRUB"):
		return "grub", false
	case strings.HasPrefix(r.Firmware.Loader, "iPXE"):
		return "ipxe", false
	}
	return "qemu", r.Firmware.Kind == "OVMF"
}

// scenarioOf makes the scenario of a recording from its log and what the debugger read.
func scenarioOf(t *testing.T, r *recorded, log string) *sim.Scenario {
	kernel, err := image.Profile(profiles[r.Kernel.Version])
	if err != nil {
		t.Fatal(err)
	}
	loader, _ := loaderOf(r)
	sc := &sim.Scenario{
		Kernel: kernel, Cmdline: r.Cmdline, Loader: loader,
		CPU:    sim.CPU{LA57: !strings.Contains(r.CPU, "la57=off") && !strings.Contains(r.CPU, "Skylake"), NX: true},
		Initrd: sim.Initrd{Size: r.Initrd.Size, Addr: hex(t, r.Ramdisk.Image)},
		BIOS:   linux.BIOSWords{EBDASegment: uint16(hex(t, r.Debugger.EBDA)), BaseKiB: r.Debugger.BaseKiB},
		Policy: policyOf(t, r), Firmware: firmwareOf(r),
		Services: sim.Services{RNG: strings.Contains(r.Tables, " RNG=")},
		Random:   sim.Fixed{PhysicalValue: hex(t, r.Debugger.RandomPhysical), VirtualValue: hex(t, r.Debugger.RandomVirtual)},
	}
	if !r.Capture.Userspace { // the boot ended before the kernel printed a map
		sc.Map = gallery.OVMF2G()
		if len(r.MapAtAllocation) > 0 {
			sc.Map = mapAtAllocation(t, r)
		}
		return sc
	}
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := parse.Read(log, f, "")
	if err != nil {
		t.Fatal(err)
	}
	sc.Map, sc.AfterExit = doc.FirmwareMap()
	return sc
}

// firmwareOf is the firmware of a recording, as far as it makes a difference.
func firmwareOf(r *recorded) sim.FirmwareProfile {
	p := sim.FirmwareProfile{IA32: strings.HasPrefix(r.Firmware.Build, "OVMF32")}
	switch {
	case strings.HasPrefix(r.Firmware.Version, "edk2 2025.02"):
		p.Kind = sim.EDK2Stable202502
	case strings.HasPrefix(r.Firmware.Version, "edk2 2026.08"):
		p.Kind = sim.EDK2Stable202605
	}
	return p
}

// policyOf is how the recorded firmware protects memory.
func policyOf(t *testing.T, r *recorded) sim.Policy {
	name := "ovmf"
	if hex(t, r.Firmware.NX) != 0 {
		name = "edk2-nx"
	}
	if r.Firmware.Image == "0x3" {
		name += "-image"
	}
	if strings.HasPrefix(r.Firmware.Attribute, "installed") {
		name += "-attr"
	}
	policy, err := sim.PolicyNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

// mapAtAllocation is the map that the stub worked on, as the debugger read it.
func mapAtAllocation(t *testing.T, r *recorded) *memmap.Map {
	types := map[string]memmap.EFIType{}
	for code := range memmap.EFIUnaccepted + 1 {
		types[code.String()] = code
	}
	m := &memmap.Map{Kind: memmap.EFI}
	for _, e := range r.MapAtAllocation {
		code, known := types[e.Type]
		if !known {
			t.Fatalf("EFI type %q", e.Type)
		}
		start, last := hex(t, e.Start), hex(t, e.End)
		m.Descriptors = append(m.Descriptors, memmap.EFIDescriptor{
			Type: code, Phys: start, Pages: (last + 1 - start) / memmap.PageSize, Attr: memmap.EFIAttr(hex(t, e.Attributes)),
		})
	}
	return m
}

// TestRecordedBoots holds both designs against recorded boots of real kernels.
func TestRecordedBoots(t *testing.T) {
	files, err := filepath.Glob("testdata/boots/*.json")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../../../shared/boots/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(more) == 0 {
		t.Log("../shared/boots is missing: only the copied boots are checked")
	}
	for _, file := range append(files, more...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r recorded
		if err := json.Unmarshal(text, &r); err != nil || profiles[r.Kernel.Version] == "" {
			continue // no boot, or a kernel that these designs do not describe
		}
		t.Run(r.Name, func(t *testing.T) { checkBoot(t, &r, strings.TrimSuffix(file, ".json")+".log") })
	}
}

func checkBoot(t *testing.T, r *recorded, log string) {
	sc := scenarioOf(t, r, log)
	_, stub := loaderOf(r)
	d, err := design.Named(design.Fitting(sc.Kernel, stub))
	if err != nil {
		t.Fatal(err)
	}
	result, err := sim.Run(d, sc, sim.Options{Checks: check.All()})
	if err != nil {
		t.Fatal(err)
	}
	if got := result.Outcome == sim.Boots; got != r.Capture.Userspace {
		t.Fatalf("outcome %s (%s), recorded: reached user space %v", result.Outcome, result.Failure, r.Capture.Userspace)
	}
	switch {
	case stub && sc.Kernel.Version < linux.V5_19:
		checkOldStub(t, r, result)
	case stub:
		checkStub(t, r, result)
	default:
		checkDecompressor(t, r, result)
	}
}

// checkStub compares what does not depend on a seed that was not recorded.
func checkStub(t *testing.T, r *recorded, result *sim.Result) {
	if strings.HasPrefix(r.Name, "shell-") { // recorded with the map as it was before the image was loaded
		type facts struct{ Image, Initrd, CmdlineInPage uint64 } // what else is free depends on pages that firmware takes meanwhile
		at := func(name string) uint64 {
			p, _ := result.Placement(name)
			return p.Range.Start
		}
		want := facts{hex(t, r.Stub.Image), hex(t, r.Ramdisk.Image), hex(t, r.BootParams.Cmdline) % memmap.PageSize}
		if diff := cmp.Diff(want, facts{at("pe_image"), at("initrd"), at("command_line") % memmap.PageSize}); diff != "" {
			t.Errorf("-recorded +simulated:\n%s", diff)
		}
	}
	if r.Mixed.Loaded != "" {
		checkMixed(t, r, result)
	}
	if !slices.Contains(strings.Fields(r.Cmdline), "nokaslr") {
		return
	}
	kernel, _ := result.Placement("kernel")
	want := [2]uint64{hex(t, r.Placement.Phys), hex(t, r.Placement.Virt)}
	if diff := cmp.Diff(want, [2]uint64{kernel.Range.Start, kernel.Virtual}); diff != "" {
		t.Error(diff)
	}
}

// checkMixed compares where OVMF's own loader of Linux, which 32-bit firmware uses, has
// put things.
func checkMixed(t *testing.T, r *recorded, result *sim.Result) {
	type facts struct{ Loaded, BootParams, Cmdline uint64 }
	at := func(name string) uint64 {
		p, _ := result.Placement(name)
		return p.Range.Start
	}
	want := facts{hex(t, r.Mixed.Loaded), hex(t, r.Decompressor.BootParams), hex(t, r.BootParams.Cmdline)}
	if diff := cmp.Diff(want, facts{at("compressed_kernel"), at("boot_params"), at("command_line")}); diff != "" {
		t.Errorf("-recorded +simulated:\n%s", diff)
	}
}

func checkDecompressor(t *testing.T, r *recorded, result *sim.Result) {
	type facts struct{ Phys, Virt, Relocated, End, BootParams, Trampoline uint64 }
	want := facts{
		hex(t, r.Placement.Phys), hex(t, r.Placement.Virt), hex(t, r.Decompressor.Relocated), hex(t, r.Decompressor.End),
		hex(t, r.Decompressor.BootParams), hex(t, r.Trampoline.Base),
	}
	at := func(name string) sim.Placement {
		p, _ := result.Placement(name)
		return p
	}
	kernel, moved := at("kernel"), at("relocated_image")
	got := facts{
		kernel.Range.Start, kernel.Virtual, moved.Range.Start, moved.Range.End,
		at("boot_params").Range.Start, at("paging_trampoline").Range.Start,
	}
	if r.Debugger.RandomPhysical == "" && !slices.Contains(strings.Fields(r.Cmdline), "nokaslr") {
		got.Phys, got.Virt = want.Phys, want.Virt // random, and the numbers were not recorded
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-recorded +simulated:\n%s", diff)
	}
}
