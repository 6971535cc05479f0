package firmware

import (
	"bootplan/image"
	"bootplan/memmap"
	"bootplan/sim"
)

// An Application is a PE image to be loaded.
type Application struct {
	Object   string // what it is called once it is loaded: "EFI stub"
	PE       *image.PE
	FileSize uint64 // bytes
}

// LoadImage loads a as an application and returns where it lies. An error is a
// *sim.Failure.
// Source: MdeModulePkg/Core/Dxe/Image/Image.c:CoreLoadImage (edk2-stable202211).
func (f *Firmware) LoadImage(a Application) (memmap.Range, error) {
	const source = "MdeModulePkg/Core/Dxe/Image/Image.c:CoreLoadImage (edk2-stable202211)"
	if f.policy.Block && !a.PE.NXCompat() {
		return memmap.Range{}, &sim.Failure{Rule: "nx-exec", Message: "the firmware refuses images that do not promise NX_COMPAT (EFI_SECURITY_VIOLATION)"}
	}
	file, err := f.For("file buffer", "the whole file is read first", source).TakePool(memmap.EFIBootServicesData, a.FileSize)
	if err != nil {
		return memmap.Range{}, err
	}
	f.b.Do(sim.Step{Op: sim.Write, Object: "file buffer", Range: file, Why: "read from disk or network", Source: source})
	loaded, err := f.For("PE image", "SizeOfImage bytes, wherever there is room", source).
		TakePages(memmap.EFILoaderCode, uint64(a.PE.SizeOfImage), ^uint64(0))
	if err != nil {
		return memmap.Range{}, err
	}
	f.copySections(a, loaded, file)
	f.protectImage(a, loaded)
	f.ReleasePool("file buffer", file, source)
	f.b.Place("pe_image", loaded, 0)
	return loaded, nil
}

// copySections lays the image out.
func (f *Firmware) copySections(a Application, loaded, file memmap.Range) {
	const source = "MdePkg/Library/BasePeCoffLib/BasePeCoff.c:PeCoffLoaderLoadImage (edk2-stable202211)"
	headers := uint64(a.PE.SizeOfHeaders)
	f.b.Do(sim.Step{Op: sim.Copy, Object: a.Object, Range: sized(loaded.Start, headers), From: sized(file.Start, headers),
		Why: "the headers, which say where the sections go", Source: source})
	for _, section := range a.PE.Sections {
		r := sized(loaded.Start+uint64(section.VirtualAddress), uint64(max(section.VirtualSize, section.RawSize)))
		promise, err := sim.ParsePerm(section.Perm())
		if err != nil || r.Empty() {
			continue
		}
		f.b.Do(sim.Step{Op: sim.Write, Object: a.Object, Range: r, Promise: promise,
			Why: "section " + section.Name + ", declared " + section.Perm() + ", the rest of it zeroed", Source: source})
	}
}

// protectImage maps the image by its sections where the policy says so. Firmware
// that maps even code types without execute permission opens the whole image.
// Source: MdeModulePkg/Core/Dxe/Misc/MemoryProtection.c:ProtectUefiImage (edk2-stable202502).
func (f *Firmware) protectImage(a Application, loaded memmap.Range) {
	const source = "MdeModulePkg/Core/Dxe/Misc/MemoryProtection.c:ProtectUefiImage (edk2-stable202502)"
	bySection := f.policy.Image && a.PE.SectionAlignment%memmap.PageSize == 0
	if !bySection {
		if !f.perm(memmap.EFILoaderCode).Has(sim.X) {
			f.b.Do(sim.Step{Op: sim.Protect, Object: a.Object, Range: loaded, Perm: sim.RWX,
				Why: "an image that is not protected is opened as a whole", Source: source})
		}
		return
	}
	f.b.Do(sim.Step{Op: sim.Protect, Object: a.Object, Range: loaded, Perm: f.enforced(sim.RW), Why: "data and headers: no execution", Source: source})
	for _, section := range a.PE.Sections {
		if section.Perm() == "r-x" {
			r := sized(loaded.Start+uint64(section.VirtualAddress), uint64(section.RawSize)).Outward(memmap.PageSize)
			f.b.Do(sim.Step{Op: sim.Protect, Object: a.Object, Range: r, Perm: sim.RX, Why: "code sections: no writing", Source: source})
		}
	}
}
