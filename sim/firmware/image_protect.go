package firmware

import (
	"cmp"
	"slices"

	"bootplan/image"
	"bootplan/memmap"
	"bootplan/sim"
)

// protectImage maps the image by its sections where the policy says so and the sections
// are aligned to pages. Otherwise firmware that maps even code without execute permission
// opens the whole image, if it is new enough to think of that.
// Source: MdeModulePkg/Core/Dxe/Misc/MemoryProtection.c:ProtectUefiImage (edk2-stable202502).
func (f *Firmware) protectImage(a *Application, loaded memmap.Range, t memmap.EFIType) {
	const source = "MdeModulePkg/Core/Dxe/Misc/MemoryProtection.c:ProtectUefiImage (edk2-stable202502)"
	if f.policy.Images&sim.FromElsewhere == 0 || a.PE.SectionAlignment%memmap.PageSize != 0 {
		if f.opensImages() && !f.policy.Of(t).Has(sim.X) {
			f.b.Do(sim.Step{Op: sim.Protect, Object: a.Object, Range: loaded, Perm: sim.RWX, By: sim.ByImage,
				Why: "an image that is not protected is opened as a whole", Source: source})
		}
		return
	}
	code, ok := f.codeSections(a.PE, loaded)
	if !ok {
		return
	}
	data := func(start, end uint64) {
		if start < end {
			f.b.Do(sim.Step{Op: sim.Protect, Object: a.Object, Range: memmap.Range{Start: start, End: end}, Perm: f.enforced(sim.RW), By: sim.ByImage,
				Why: "data and headers: no execution", Source: source})
		}
	}
	at := loaded.Start
	for _, r := range code {
		data(at, r.Start)
		f.b.Do(sim.Step{Op: sim.Protect, Object: a.Object, Range: r, Perm: sim.RX, By: sim.ByImage, Why: "code sections: no writing", Source: source})
		at = r.End
	}
	data(at, loaded.End)
}

// opensImages reports whether the firmware makes images executable that its policy for
// memory types would not let run.
func (f *Firmware) opensImages() bool {
	return f.policy.OpenImage || f.edk2Since(sim.EDK2Stable202605)
}

// containsCode is IMAGE_SCN_CNT_CODE.
const containsCode = 0x20

// codeSections are the pages of code in an image at loaded, in ascending order. ok is
// false if the firmware leaves the image as it is: code sections overlap or lie outside,
// or there are none. The release decides what counts as code, and how long it is.
// Source: MemoryProtection.c:ProtectUefiImage (edk2-stable202211);
// MdeModulePkg/Library/ImagePropertiesRecordLib: CreateImagePropertiesRecord (edk2-stable202502).
func (f *Firmware) codeSections(pe *image.PE, loaded memmap.Range) (code []memmap.Range, ok bool) {
	old := f.profile.Kind == sim.EDK2Stable202211
	for i := range pe.Sections {
		s := &pe.Sections[i]
		size, isCode := uint64(s.VirtualSize), s.Characteristics&containsCode != 0
		if old {
			size, isCode = uint64(s.RawSize), s.Executable() && !s.Writable()
		}
		if !isCode {
			continue
		}
		r := sized(loaded.Start+uint64(s.VirtualAddress), memmap.AlignUp(size, uint64(pe.SectionAlignment)))
		if r.Empty() || r.End > loaded.End {
			return nil, false
		}
		code = append(code, r)
	}
	slices.SortFunc(code, func(a, b memmap.Range) int { return cmp.Compare(a.Start, b.Start) })
	for i := 1; i < len(code); i++ {
		if code[i].Start < code[i-1].End {
			return nil, false
		}
	}
	return code, len(code) > 0 || !old
}
