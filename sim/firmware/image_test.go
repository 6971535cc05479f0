package firmware_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/image"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/firmware"
)

// Characteristics of PE sections.
const (
	codeFlag = 0x20
	execute  = 0x20000000
	read     = 0x40000000
	write    = 0x80000000
)

// small is an EFI application of four pages: headers, a page of code, two of data of
// which the file holds one.
func small() *image.PE {
	return &image.PE{
		SizeOfImage: 0x4000, SizeOfHeaders: 0x400, SectionAlignment: 0x1000, Subsystem: 10, DLLCharacteristics: 0x100,
		Sections: []image.Section{
			{Name: ".text", VirtualAddress: 0x1000, VirtualSize: 0xc00, RawOffset: 0x400, RawSize: 0xc00, Characteristics: codeFlag | execute | read},
			{Name: ".data", VirtualAddress: 0x2000, VirtualSize: 0x2000, RawOffset: 0x1000, RawSize: 0x1000, Characteristics: read | write},
		},
	}
}

// app is pe as an application whose file has two pages.
func app(pe *image.PE) firmware.Application {
	return firmware.Application{Object: "app", PE: pe, FileSize: 0x2000}
}

// TestImagePlace: where an image goes. The machine's free memory ends at 0x4100000; the
// file takes three pages of pool there, which count while the image is placed.
func TestImagePlace(t *testing.T) {
	const top = 0x4100000 - 3*memmap.PageSize
	uboot := sim.FirmwareProfile{Kind: sim.UBoot}
	type place struct {
		Start, Bytes, Allocated uint64
		Type                    string
	}
	for name, c := range map[string]struct {
		Change   func(*image.PE)
		Firmware sim.FirmwareProfile
		Want     place
	}{
		"anywhere":               {func(*image.PE) {}, sim.FirmwareProfile{}, place{top - 0x4000, 0x4000, 4, "Loader Code"}},
		"half a page":            {func(p *image.PE) { p.SizeOfImage = 0x4001 }, sim.FirmwareProfile{}, place{top - 0x5000, 0x5000, 5, "Loader Code"}},
		"where it prefers":       {func(p *image.PE) { p.ImageBase = 0x200000 }, sim.FirmwareProfile{}, place{0x200000, 0x4000, 4, "Loader Code"}},
		"prefers low memory":     {func(p *image.PE) { p.ImageBase = 0x20000 }, sim.FirmwareProfile{}, place{top - 0x4000, 0x4000, 4, "Loader Code"}},
		"prefers what is taken":  {func(p *image.PE) { p.ImageBase = 0x4100000 }, sim.FirmwareProfile{}, place{top - 0x4000, 0x4000, 4, "Loader Code"}},
		"cannot be moved":        {func(p *image.PE) { p.ImageBase, p.Characteristics = 0x20000, 1 }, sim.FirmwareProfile{}, place{0x20000, 0x4000, 4, "Loader Code"}},
		"aligned to 2 pages":     {func(p *image.PE) { p.SectionAlignment = 0x2000 }, sim.FirmwareProfile{}, place{top - 0x5000, 0x4000, 6, "Loader Code"}},
		"a driver":               {func(p *image.PE) { p.Subsystem = 11 }, sim.FirmwareProfile{}, place{top - 0x4000, 0x4000, 4, "Boot Code"}},
		"a runtime driver":       {func(p *image.PE) { p.Subsystem = 12 }, sim.FirmwareProfile{}, place{top - 0x4000, 0x4000, 4, "Runtime Code"}},
		"prefers it, but U-Boot": {func(p *image.PE) { p.ImageBase = 0x200000 }, uboot, place{top - 0x4000, 0x4000, 4, "Loader Code"}},
	} {
		pe := small()
		c.Change(pe)
		r := tell(t, sim.Scenario{Firmware: c.Firmware}, func(_ *sim.Boot, f *firmware.Firmware) {
			if _, err := f.LoadImage(app(pe)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
		loaded, _ := r.Placement("pe_image")
		got := place{Start: loaded.Range.Start, Bytes: loaded.Range.Len()}
		for _, s := range r.Steps {
			if s.Op == sim.Alloc && s.Object == "PE image" {
				got.Allocated, got.Type = s.Range.Len()/memmap.PageSize, s.Memory
			}
		}
		if diff := cmp.Diff(c.Want, got); diff != "" {
			t.Errorf("%s: -worked out +simulated:\n%s", name, diff)
		}
	}
}

// TestImageRefused: what is no image, or none that this firmware starts. Nothing of it
// stays behind.
func TestImageRefused(t *testing.T) {
	for name, c := range map[string]struct {
		Change func(*image.PE)
		Policy string
		Want   string
	}{
		"alignment":        {func(p *image.PE) { p.SectionAlignment = 0x3000 }, "ovmf", "section alignment 0x3000 is no power of two (EFI_UNSUPPORTED)"},
		"no headers":       {func(p *image.PE) { p.SizeOfHeaders = 0 }, "ovmf", "headers of 0x0 bytes, in an image of 0x4000 and a file of 0x2000 (EFI_UNSUPPORTED)"},
		"only headers":     {func(p *image.PE) { p.SizeOfImage = 0x400 }, "ovmf", "headers of 0x400 bytes, in an image of 0x400 and a file of 0x2000 (EFI_UNSUPPORTED)"},
		"in the headers":   {func(p *image.PE) { p.Sections[1].RawOffset = 0x3ff }, "ovmf", "section .data overlaps the headers (EFI_UNSUPPORTED)"},
		"mapped over them": {func(p *image.PE) { p.Sections[0].VirtualAddress = 0 }, "ovmf", "section .text overlaps the headers (EFI_UNSUPPORTED)"},
		"not in the file":  {func(p *image.PE) { p.Sections[1].RawSize++ }, "ovmf", "section .data reaches beyond the end of the file (EFI_UNSUPPORTED)"},
		"not in the image": {func(p *image.PE) { p.Sections[1].VirtualSize++ }, "ovmf", "section .data reaches beyond SizeOfImage (EFI_UNSUPPORTED)"},
		"no EFI image":     {func(p *image.PE) { p.Subsystem = 3 }, "ovmf", "subsystem 3 is none of EFI (EFI_UNSUPPORTED)"},
		"no promise":       {func(p *image.PE) { p.DLLCharacteristics = 0 }, "strict-block", "it does not promise NX_COMPAT (EFI_SECURITY_VIOLATION)"},
		"nowhere":          {func(p *image.PE) { p.SizeOfImage = 0x4100000 }, "ovmf", "no memory for 0x4100000 bytes"},
		"not there":        {func(p *image.PE) { p.ImageBase, p.Characteristics = 0x4100000, 1 }, "ovmf", "no memory for 0x4000 bytes"},
	} {
		pe := small()
		c.Change(pe)
		var before, after []memmap.EFIDescriptor
		tell(t, sim.Scenario{Policy: policy(t, c.Policy)}, func(_ *sim.Boot, f *firmware.Firmware) {
			before = append(before, f.Map()...)
			_, err := f.LoadImage(app(pe))
			var failure *sim.Failure
			if !errors.As(err, &failure) || !strings.Contains(failure.Message, c.Want) {
				t.Errorf("%s: %v", name, err)
			}
			after = append(after, f.Map()...)
		})
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("%s: memory is lost:\n%s", name, diff)
		}
	}
}

// TestImageProtection: how the pages of an image are mapped, for each reason there is.
func TestImageProtection(t *testing.T) {
	exact := "rw- r-x rw- rw-"
	old, newer, newest := sim.EDK2Stable202211, sim.EDK2Stable202502, sim.EDK2Stable202605
	for name, c := range map[string]struct {
		Change func(*image.PE)
		Kind   sim.FirmwareKind
		Policy string
		Want   string
	}{
		"no policy":                    {func(*image.PE) {}, old, "ovmf", "rwx rwx rwx rwx"},
		"code types are not protected": {func(*image.PE) {}, old, "edk2-nx", "rwx rwx rwx rwx"},
		"by section":                   {func(*image.PE) {}, old, "edk2-nx-image", exact},
		"by section, newer":            {func(*image.PE) {}, newer, "edk2-nx-image", exact},
		"sections share pages":         {func(p *image.PE) { p.SectionAlignment = 0x20 }, newer, "edk2-nx-image", "rwx rwx rwx rwx"},
		"a driver needs no promise":    {func(p *image.PE) { p.Subsystem, p.DLLCharacteristics = 11, 0 }, newer, "strict-block", exact},
		"code of 2 pages": {func(p *image.PE) {
			p.Sections[0].VirtualAddress, p.Sections[0].VirtualSize = 0x1000, 0x1001
			p.Sections = p.Sections[:1]
		}, newer, "edk2-nx-image", "rw- r-x r-x rw-"},
		"longer in memory, old":        {func(p *image.PE) { p.Sections[0].VirtualSize = 0x1001; p.Sections = p.Sections[:1] }, old, "edk2-nx-image", exact},
		"flagged, but writable, old":   {func(p *image.PE) { p.Sections[0].Characteristics |= write }, old, "edk2-nx-image", "rwx rwx rwx rwx"},
		"flagged, but writable, newer": {func(p *image.PE) { p.Sections[0].Characteristics |= write }, newer, "edk2-nx-image", exact},
		"executable, not flagged, old": {func(p *image.PE) { p.Sections[0].Characteristics &^= codeFlag }, old, "edk2-nx-image", exact},
		"executable, not flagged, new": {func(p *image.PE) { p.Sections[0].Characteristics &^= codeFlag }, newer, "edk2-nx-image", "rw- rw- rw- rw-"},
		"code sections overlap":        {func(p *image.PE) { p.Sections[0].VirtualSize = 0x1001; p.Sections[1].Characteristics |= codeFlag }, newer, "edk2-nx-image", "rwx rwx rwx rwx"},
		"code beyond the image": {func(p *image.PE) {
			p.SizeOfImage = 0x3800
			p.Sections[1].VirtualSize = 0x1800
			p.Sections[1].Characteristics |= codeFlag
			p.SectionAlignment = 0x2000
		}, newer, "edk2-nx-image", "rwx rwx rwx rwx"},
		"strict":                        {func(*image.PE) {}, newer, "strict", "rwx rwx rwx rwx"},
		"strict, by section":            {func(*image.PE) {}, newer, "strict-block", exact},
		"strict, sections share pages":  {func(p *image.PE) { p.SectionAlignment = 0x20 }, newer, "strict-block", "rwx rwx rwx rwx"},
		"strict, without a promise":     {func(p *image.PE) { p.DLLCharacteristics = 0 }, newer, "strict", "rwx rwx rwx rwx"},
		"strict to code, old, unopened": {nil, newer, "", "rw- rw- rw- rw-"},
		"strict to code, newest":        {nil, newest, "", "rwx rwx rwx rwx"},
	} {
		pe, p := small(), sim.Policy{Name: "own", NX: 1<<memmap.EFILoaderCode | 1<<memmap.EFIConventional}
		if c.Change != nil {
			c.Change(pe)
			p = policy(t, c.Policy)
		}
		tell(t, sim.Scenario{Policy: p, Firmware: sim.FirmwareProfile{Kind: c.Kind}}, func(b *sim.Boot, f *firmware.Firmware) {
			loaded, err := f.LoadImage(app(pe))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			var got []string
			for at := loaded.Start; at < loaded.Start+0x4000; at += memmap.PageSize {
				got = append(got, b.Machine.Tables.Perm.At(at).String())
			}
			if got := strings.Join(got, " "); got != c.Want {
				t.Errorf("%s: %s, want %s", name, got, c.Want)
			}
		})
	}
}

// TestCompatibilityMode: Project Mu starts an image without NX_COMPAT and gives all
// protection up for it: low memory can be executed, so can what is allocated later, and
// nobody can change permissions any more. What is free stays as it was.
func TestCompatibilityMode(t *testing.T) {
	pe := small()
	pe.DLLCharacteristics = 0
	tell(t, sim.Scenario{Policy: policy(t, "strict")}, func(b *sim.Boot, f *firmware.Firmware) {
		perm := &b.Machine.Tables.Perm
		if at := perm.At(0x9f000); at != 0 || !f.Attributes() {
			t.Errorf("before: low memory %v, protocol %v", at, f.Attributes())
		}
		if _, err := f.LoadImage(app(pe)); err != nil {
			t.Fatal(err)
		}
		data, err := f.For("data", "", "").TakePages(memmap.EFILoaderData, memmap.PageSize, ^uint64(0))
		if err != nil {
			t.Fatal(err)
		}
		got := []sim.Perm{perm.At(0), perm.At(0x9f000), perm.At(0xa0000), perm.At(data.Start), perm.At(0x200000)}
		if diff := cmp.Diff([]sim.Perm{sim.RWX, sim.RWX, sim.RWX, sim.RWX, 0}, got); diff != "" || f.Attributes() {
			t.Errorf("after: %s, protocol %v", diff, f.Attributes())
		}
	})
}

// TestImageSections: what the loader writes, and what it leaves as it was.
func TestImageSections(t *testing.T) {
	pe := small()
	pe.Sections = append(pe.Sections, image.Section{Name: ".more", VirtualAddress: 0x3800, RawOffset: 0x1800, RawSize: 0x800, Characteristics: read})
	pe.Sections[1].VirtualSize = 0x800 // less than the file holds
	var start uint64
	r := tell(t, sim.Scenario{}, func(_ *sim.Boot, f *firmware.Firmware) {
		loaded, err := f.LoadImage(firmware.Application{Object: "app", PE: pe, FileSize: 0x2000, Source: pages(0x200000, 2)})
		if err != nil {
			t.Fatal(err)
		}
		start = loaded.Start
	})
	type written struct {
		From, To uint64
		Promise  string
	}
	var got []written
	for _, s := range r.Steps {
		switch {
		case s.Touches():
			got = append(got, written{s.Range.Start - start, s.Range.End - start, s.Promise.String()})
		case s.Object == "file buffer":
			t.Error("the file is in memory: nobody needs a buffer for it")
		}
	}
	want := []written{{0, 0x400, "---"}, {0x1000, 0x1c00, "r-x"}, {0x2000, 0x2800, "rw-"}, {0x3800, 0x4000, "r--"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-worked out +simulated:\n%s", diff)
	}
}
