package firmware

import (
	"bootplan/alloc"
	"bootplan/image"
	"bootplan/memmap"
	"bootplan/sim"
)

// An Application is a PE image to be loaded.
type Application struct {
	Object   string // what it is called once it is loaded: "EFI stub"
	PE       *image.PE
	FileSize uint64       // bytes
	Source   memmap.Range // the file in memory; empty: the firmware reads it from a disk or the network first
}

const (
	loadSource     = "MdeModulePkg/Core/Dxe/Image/Image.c:CoreLoadImageCommon (edk2-stable202502)"
	allocateSource = "MdeModulePkg/Core/Dxe/Image/Image.c:CoreLoadPeImage (edk2-stable202502)"
)

// LoadImage loads a and returns where it lies, SizeOfImage bytes in whole pages. The
// file is read into a pool block that is free again when LoadImage returns. An error is
// a *sim.Failure with the rule no-memory or image-refused.
func (f *Firmware) LoadImage(a Application) (memmap.Range, error) {
	if a.Source.Empty() {
		file, err := f.For("file buffer", "the whole file is read first", loadSource).TakePool(memmap.EFIBootServicesData, a.FileSize)
		if err != nil {
			return memmap.Range{}, err
		}
		f.b.Do(sim.Step{Op: sim.Write, Object: "file buffer", Range: file, Why: "read from disk or network", Source: loadSource})
		defer f.ReleasePool("file buffer", file, loadSource)
		a.Source = file
	}
	t, err := f.accept(&a)
	if err != nil {
		return memmap.Range{}, err
	}
	loaded, err := f.placeImage(&a, t)
	if err != nil {
		return memmap.Range{}, err
	}
	f.copySections(&a, loaded)
	f.protectImage(&a, loaded, t)
	f.b.Place("pe_image", loaded, 0)
	return loaded, nil
}

// lowestBase is the lowest address at which an image is loaded because it prefers it.
const lowestBase = memmap.MiB

// placeImage allocates the memory of a. It may lie lower than the image, which begins at a
// multiple of its section alignment.
func (f *Firmware) placeImage(a *Application, t memmap.EFIType) (memmap.Range, error) {
	size, align := uint64(a.PE.SizeOfImage), uint64(a.PE.SectionAlignment)
	whole := size
	if align > memmap.PageSize {
		whole += align
	}
	pages := memmap.AlignUp(whole, memmap.PageSize) / memmap.PageSize
	stripped := a.PE.Characteristics&relocsStripped != 0
	addr, status := uint64(0), alloc.OutOfResources
	if stripped || f.triesBase() && a.PE.ImageBase >= lowestBase {
		f.For("PE image", "SizeOfImage bytes, at the address that the image prefers", allocateSource)
		addr, status = f.AllocatePages(alloc.Address, t, pages, a.PE.ImageBase)
	}
	if status != alloc.Success && !stripped {
		f.For("PE image", "SizeOfImage bytes, wherever there is room", allocateSource)
		addr, status = f.AllocatePages(alloc.AnyPages, t, pages, 0)
	}
	if status != alloc.Success {
		return memmap.Range{}, f.noMemory(whole, ^uint64(0))
	}
	start := memmap.AlignUp(addr, max(1, align))
	if stripped && start != a.PE.ImageBase {
		return memmap.Range{}, refused("its relocations are stripped, and it would not lie where it was linked", alloc.InvalidParameter)
	}
	return sized(start, memmap.AlignUp(size, memmap.PageSize)), nil
}

// triesBase reports whether the firmware loads an image that can be relocated at the
// address that it prefers, if that is free. Since 2025 EDK2 has a switch for that, which
// is on; U-Boot never does.
// Source: MdeModulePkg/MdeModulePkg.dec:PcdImageLargeAddressLoad (edk2-stable202502).
func (f *Firmware) triesBase() bool { return f.profile.Kind.EDK2() }

// copySections lays the image out. Memory between the sections keeps what it held.
func (f *Firmware) copySections(a *Application, loaded memmap.Range) {
	const source = "MdePkg/Library/BasePeCoffLib/BasePeCoff.c:PeCoffLoaderLoadImage (edk2-stable202502)"
	headers := uint64(a.PE.SizeOfHeaders)
	f.b.Do(sim.Step{Op: sim.Copy, Object: a.Object, Range: sized(loaded.Start, headers), From: sized(a.Source.Start, headers),
		Lays: sim.CompressedImage, Header: sim.ImageHeader{SectionAlignment: a.PE.SectionAlignment, NXCompat: a.PE.NXCompat()},
		Why: "the headers, which say where the sections go", Source: source})
	for i := range a.PE.Sections {
		section := &a.PE.Sections[i]
		r := inMemory(section, loaded.Start)
		promise, err := sim.ParsePerm(section.Perm())
		if err != nil || r.Empty() {
			continue
		}
		f.b.Do(sim.Step{Op: sim.Write, Object: a.Object, Range: r, Section: section.Name, Promise: promise,
			Zeroed: memmap.Range{Start: min(r.Start+uint64(section.RawSize), r.End), End: r.End},
			Why:    sectionWhy(section, f.b.Traced()), Source: source})
	}
}

// sectionWhy describes a section, if somebody wants to know.
func sectionWhy(s *image.Section, wanted bool) string {
	switch {
	case !wanted:
		return ""
	case s.VirtualSize > s.RawSize:
		return "section " + s.Name + ", declared " + s.Perm() + ", the rest of it zeroed"
	}
	return "section " + s.Name + ", declared " + s.Perm()
}

// inMemory is what a section fills of an image at base: VirtualSize bytes, or as many as
// the file holds if it states none.
func inMemory(s *image.Section, base uint64) memmap.Range {
	size := s.VirtualSize
	if size == 0 {
		size = s.RawSize
	}
	return sized(base+uint64(s.VirtualAddress), uint64(size))
}
