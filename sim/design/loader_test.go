package design_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/image"
	"bootplan/memmap"
	"bootplan/memmap/gallery"
	"bootplan/sim"
	"bootplan/sim/design"
)

// TestInitrdPlaces holds the loaders' own choice for an initrd of 0x157cf6 bytes
// against recorded boots, and those at the edge against what was worked out.
func TestInitrdPlaces(t *testing.T) {
	const recorded = 0x157cf6
	q35 := &memmap.Map{Kind: memmap.E820, Entries: []memmap.E820Entry{
		{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM},
		{Addr: 0x100000, Size: 0x7fedf000, Type: memmap.E820RAM},
		{Addr: 0x100000000, Size: 0x80000000, Type: memmap.E820RAM},
	}}
	pc := &memmap.Map{Kind: memmap.E820, Entries: []memmap.E820Entry{
		{Addr: 0, Size: 0x9fc00, Type: memmap.E820RAM},
		{Addr: 0x100000, Size: 0xbfee0000, Type: memmap.E820RAM},
		{Addr: 0x100000000, Size: 0x40000000, Type: memmap.E820RAM},
	}}
	islands := oneGiB()
	islands.Entries = append(islands.Entries, memmap.E820Entry{Addr: 0x40010000, Size: 0x20000, Type: memmap.E820RAM})
	for name, test := range map[string]struct {
		Map    *memmap.Map
		Loader string
		Size   uint64
		Want   uint64
	}{
		"QEMU, 1 GiB":           {oneGiB(), "qemu", recorded, 0x3ffe0000 - 0x158000},
		"QEMU, RAM above 4G":    {q35, "qemu", recorded, 0x7ffd0000 - 0x158000},
		"GRUB, 4 GiB":           {q35, "grub", recorded, 0x37d3f000}, // as recorded with this map
		"GRUB on EFI":           {gallery.OVMF2G(), "grub", recorded, 0x37d3f000},
		"GRUB, one page":        {q35, "grub", 1, 0x37fee000 - 0x1000},
		"QEMU, all it can be":   {q35, "qemu", 0x7ffd0000 - 0x100000, 0x100000},
		"QEMU, 4 GiB, one hole": {pc, "qemu", recorded, 0xbfe88000}, // as recorded
		"QEMU, small RAM last":  {islands, "qemu", recorded, 0x3ffe0000 - 0x158000},
	} {
		r := boot(t, "bzimage", &sim.Scenario{
			Map: test.Map, Kernel: debian612(t), Cmdline: "nokaslr", Loader: test.Loader,
			Initrd: sim.Initrd{Size: test.Size}, Random: sim.Fixed{},
		})
		initrd, _ := r.Placement("initrd")
		if diff := cmp.Diff(memmap.Range{Start: test.Want, End: test.Want + test.Size}, initrd.Range); diff != "" {
			t.Errorf("%s: %s\n%s", name, r.Outcome, diff)
		}
	}
}

// TestGRUBOnEFI: GRUB asks the firmware. Debian's 6.12 wants 0x37ee000 bytes, at
// 0x1000000 if it can; else they come twice: as a buffer, and aligned behind it.
func TestGRUBOnEFI(t *testing.T) {
	free := func(start, end uint64) []memmap.EFIDescriptor {
		return []memmap.EFIDescriptor{{Type: memmap.EFIConventional, Pages: 0xa0, Attr: memmap.EFIWB},
			{Type: memmap.EFIConventional, Phys: start, Pages: (end - start) / memmap.PageSize, Attr: memmap.EFIWB}}
	}
	for name, test := range map[string]struct {
		Map  []memmap.EFIDescriptor
		Want uint64 // 0: no room
	}{
		"preferred":           {free(0x100000, 0x40000000), 0x1000000},
		"a page too late":     {free(0x1001000, 0x40000000), 0x4800000}, // behind 0x1001000+0x37ee000
		"room for the buffer": {free(0x1001000, 0x1001000+0x37ee000), 0},
		"above 4 GiB":         {free(4*memmap.GiB, 5*memmap.GiB), 0},
	} {
		r := boot(t, "bzimage", &sim.Scenario{
			Map:    &memmap.Map{Kind: memmap.EFI, Descriptors: test.Map},
			Kernel: debian612(t), Cmdline: "nokaslr", Random: sim.Fixed{},
		})
		file, _ := r.Placement("compressed_kernel")
		if file.Range.Start != test.Want || (r.Outcome == sim.Boots) != (test.Want != 0) {
			t.Errorf("%s: at %#x, %s %s", name, file.Range.Start, r.Outcome, r.Failure)
		}
	}
}

// TestWrongScenario: what makes no sense for a design is an error, no result.
func TestWrongScenario(t *testing.T) {
	arm, err := image.Profile("debian-7.2-arm64")
	if err != nil {
		t.Fatal(err)
	}
	noPayload, noELF, noSymbols, noStub := *debian612(t), *debian612(t), *debian612(t), *debian612(t)
	noPayload.Payload, noELF.ELF, noSymbols.Decompressor, noStub.PE = nil, nil, nil, nil
	for name, test := range map[string]struct {
		Design string
		Kernel *image.Kernel
		Map    *memmap.Map
		Loader string
		Want   string
	}{
		"arm64":            {"bzimage", arm, oneGiB(), "", "this design boots an x86 bzImage"},
		"no payload":       {"bzimage", &noPayload, oneGiB(), "", "payload was not read"},
		"no ELF":           {"efistub", &noELF, oneGiB(), "", "the kernel inside the payload was not read"},
		"no symbols":       {"bzimage", &noSymbols, oneGiB(), "", "symbols were not found"},
		"no stub":          {"efistub", &noStub, oneGiB(), "", "expected CONFIG_EFI_STUB"},
		"unknown loader":   {"bzimage", debian612(t), oneGiB(), "lilo", "expected qemu, ipxe, grub or kexec64"},
		"BIOS loader, EFI": {"bzimage", debian612(t), gallery.OVMF2G(), "ipxe", "does not run on EFI firmware"},
	} {
		d, err := design.Named(test.Design)
		if err != nil {
			t.Fatal(err)
		}
		_, err = sim.Run(d, &sim.Scenario{Map: test.Map, Kernel: test.Kernel, Loader: test.Loader, Random: sim.Fixed{}}, sim.Options{})
		if err == nil || !strings.Contains(err.Error(), test.Want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestInitrdTooLarge: a loader that has no room says so, and starts nothing.
func TestInitrdTooLarge(t *testing.T) {
	for _, loader := range []string{"qemu", "grub"} {
		r := boot(t, "bzimage", &sim.Scenario{
			Map: oneGiB(), Kernel: debian612(t), Loader: loader, Initrd: sim.Initrd{Size: memmap.GiB}, Random: sim.Fixed{},
		})
		if r.Outcome != sim.Fails || !strings.Contains(r.Failure, "no room for an initrd of 0x40000000 bytes") {
			t.Errorf("%s: %s %q", loader, r.Outcome, r.Failure)
		}
		if _, placed := r.Placement("compressed_kernel"); placed {
			t.Errorf("%s goes on", loader)
		}
	}
}
