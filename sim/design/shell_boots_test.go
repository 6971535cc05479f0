package design_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/image"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/design"
)

// shellBoot is a recorded boot from the UEFI Shell, which printed the firmware's map
// before it loaded the kernel.
type shellBoot struct {
	recorded
	Before []struct{ Type, Start, End, Attributes string } `json:"efi_map_before"`
	After  []struct{ Type, Start, End string }             `json:"efi_map_after"`
	Seen   string                                          `json:"kernel_cmdline_seen"`
	Params struct {
		SetupData string `json:"setup_data"`
	} `json:"boot_params"`
	EFIStub struct {
		BootParams string `json:"boot_params"`
	} `json:"efi_stub"`
	Debug struct{ Seed string } `json:"debugger"`
}

// shellTypes are the names of the memory types as the Shell prints them; a kernel log has
// others.
var shellTypes = map[string]memmap.EFIType{
	"Available": memmap.EFIConventional, "Conventional": memmap.EFIConventional,
	"BS_Code": memmap.EFIBootServicesCode, "BS_Data": memmap.EFIBootServicesData, "Boot Data": memmap.EFIBootServicesData,
	"LoaderCode": memmap.EFILoaderCode, "LoaderData": memmap.EFILoaderData, "Loader Data": memmap.EFILoaderData,
	"RT_Code": memmap.EFIRuntimeServicesCode, "RT_Data": memmap.EFIRuntimeServicesData,
	"ACPI_Recl": memmap.EFIACPIReclaim, "ACPI_NVS": memmap.EFIACPINVS, "Reserved": memmap.EFIReserved, "MMIO": memmap.EFIMMIO,
}

// shellPlaces are the addresses that the stub got; those that were not recorded are 0.
type shellPlaces struct{ Image, BootParams, Cmdline, Trampoline, Kernel, Initrd, ROM uint64 }

// TestShellBoots holds the simulated stub, which starts from the firmware's own map,
// against the real one. Pages that the firmware takes and frees for itself meanwhile, such
// as pool pages for handles, are in no map that was printed before: what depends on them
// is compared with these pages given.
func TestShellBoots(t *testing.T) {
	files, err := filepath.Glob("testdata/boots/shell-*.json")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../../../shared/boots/*shell-*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, more...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r shellBoot
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatal(err)
		}
		t.Run(r.Name, func(t *testing.T) {
			sc := r.scenario(t)
			want := r.places(t)
			from := func(p shellPlaces) shellPlaces { // what no single page can disturb
				return shellPlaces{Image: p.Image, Kernel: p.Kernel, Initrd: p.Initrd, ROM: p.ROM}
			}
			if diff := cmp.Diff(from(want), from(r.simulate(t, sc, want))); diff != "" {
				t.Errorf("from the map alone: -recorded +simulated:\n%s", diff)
			}
			sc.Map = r.withFirmwarePages(t, sc.Map)
			if diff := cmp.Diff(want, r.simulate(t, sc, want)); diff != "" {
				t.Errorf("with the firmware's own pages: -recorded +simulated:\n%s", diff)
			}
		})
	}
}

// places are the recorded addresses. Where KASLR was on and the seed was not recorded,
// the kernel's is not compared.
func (r *shellBoot) places(t *testing.T) shellPlaces {
	p := shellPlaces{
		Image: hex(t, r.Stub.Image), BootParams: hex(t, r.EFIStub.BootParams), Cmdline: hex(t, r.BootParams.Cmdline),
		Trampoline: hex(t, r.Trampoline.Base), Kernel: hex(t, r.Placement.Phys), Initrd: hex(t, r.Ramdisk.Image), ROM: hex(t, r.Params.SetupData),
	}
	if r.Debug.Seed == "" && !strings.Contains(r.Seen, "nokaslr") {
		p.Kernel = 0
	}
	return p
}

// scenario starts the recorded kernel on the map before it was loaded.
func (r *shellBoot) scenario(t *testing.T) *sim.Scenario {
	profile, known := profiles[r.Kernel.Version]
	if !known {
		profile = "debian-5.10"
	}
	kernel, err := image.Profile(profile)
	if err != nil {
		t.Fatal(err)
	}
	m := &memmap.Map{Kind: memmap.EFI}
	for _, e := range r.Before {
		code, known := shellTypes[e.Type]
		if !known {
			t.Fatalf("memory type %q", e.Type)
		}
		start, last := hex(t, e.Start), hex(t, e.End)
		m.Descriptors = append(m.Descriptors, memmap.EFIDescriptor{
			Type: code, Phys: start, Pages: (last + 1 - start) / memmap.PageSize, Attr: memmap.EFIAttr(hex(t, e.Attributes)),
		})
	}
	seed := hex(t, r.Debug.Seed)
	return &sim.Scenario{
		Map: m, Kernel: kernel, Cmdline: r.Seen, CPU: sim.CPU{LA57: !strings.Contains(r.CPU, "la57=off"), NX: true},
		Initrd: sim.Initrd{Size: r.Initrd.Size}, ROMs: []uint64{0x9c00}, Policy: policyOf(t, &r.recorded), Firmware: firmwareOf(&r.recorded),
		Services: sim.Services{RNG: strings.Contains(r.Tables, " RNG=")},
		Random:   sim.Fixed{Seed: [2]uint32{uint32(seed), uint32(seed >> 32)}},
	}
}

// simulate returns where everything ends up of which want knows where it was.
func (r *shellBoot) simulate(t *testing.T, sc *sim.Scenario, want shellPlaces) shellPlaces {
	name := "efistub"
	switch {
	case strings.HasPrefix(r.Kernel.Version, "7.2"):
		name = "efistub@v7.2"
	case strings.HasPrefix(r.Kernel.Version, "5.10"):
		name = "efistub@v5.10"
	}
	d, err := design.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	result, err := sim.Run(d, sc, sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	at := func(recorded uint64, name string) uint64 {
		p, _ := result.Placement(name)
		if recorded == 0 {
			return 0
		}
		return p.Range.Start
	}
	return shellPlaces{
		at(want.Image, "pe_image"), at(want.BootParams, "boot_params"), at(want.Cmdline, "command_line"),
		at(want.Trampoline, "paging_trampoline"), at(want.Kernel, "kernel"), at(want.Initrd, "initrd"), at(want.ROM, "pci_rom"),
	}
}

// withFirmwarePages is m with the pages that the firmware took or freed for itself before
// the stub asked for any, as far as a later map of the same boot shows them: boot services
// data that was free, or the other way round.
func (r *shellBoot) withFirmwarePages(t *testing.T, m *memmap.Map) *memmap.Map {
	var taken, kept memmap.Set // boot services data later; loader memory and free memory later
	later := func(name, start, end string) {
		whole := memmap.Range{Start: hex(t, start), End: hex(t, end) + 1}
		switch shellTypes[name] {
		case memmap.EFIBootServicesData:
			taken.Add(whole)
		case memmap.EFILoaderData, memmap.EFIConventional:
			kept.Add(whole)
		}
	}
	for _, e := range r.MapAtAllocation {
		later(e.Type, e.Start, e.End)
	}
	if len(r.MapAtAllocation) == 0 {
		for _, e := range r.After {
			later(e.Type, e.Start, e.End)
		}
	}
	with := &memmap.Map{Kind: memmap.EFI}
	for _, d := range m.Descriptors {
		whole, err := d.Range()
		if err != nil {
			t.Fatal(err)
		}
		other, to := &kept, memmap.EFIConventional // boot services data that is not so any more
		switch d.Type {
		case memmap.EFIConventional:
			other, to = &taken, memmap.EFIBootServicesData
		case memmap.EFIBootServicesData:
		default:
			with.Descriptors = append(with.Descriptors, d)
			continue
		}
		changed, same := other.Intersection(whole)
		for _, part := range changed {
			with.Descriptors = append(with.Descriptors, piece(d, part, to))
		}
		for _, part := range same {
			with.Descriptors = append(with.Descriptors, piece(d, part, d.Type))
		}
	}
	return with
}

// piece is the part r of d as memory of type t.
func piece(d memmap.EFIDescriptor, r memmap.Range, t memmap.EFIType) memmap.EFIDescriptor {
	return memmap.EFIDescriptor{Type: t, Phys: r.Start, Pages: r.Len() / memmap.PageSize, Attr: d.Attr}
}
