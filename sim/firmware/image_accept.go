package firmware

import (
	"fmt"

	"bootplan/alloc"
	"bootplan/image"
	"bootplan/memmap"
	"bootplan/sim"
)

// The subsystems of EFI images.
const (
	subsystemApplication   = 10
	subsystemBootDriver    = 11
	subsystemRuntimeDriver = 12
)

// relocsStripped is IMAGE_FILE_RELOCS_STRIPPED.
const relocsStripped = 0x0001

// accept decides whether a may be loaded, and into which type of memory. Firmware that
// falls back to compatibility mode for the sake of a does so here.
func (f *Firmware) accept(a *Application) (memmap.EFIType, error) {
	if reason := malformed(a.PE, a.FileSize); reason != "" {
		return 0, refused(reason, alloc.Unsupported)
	}
	t, ok := codeType(a.PE.Subsystem)
	if !ok {
		return 0, refused(fmt.Sprintf("subsystem %d is none of EFI", a.PE.Subsystem), alloc.Unsupported)
	}
	if a.PE.NXCompat() || t != memmap.EFILoaderCode {
		return t, nil
	}
	switch f.policy.NXCompat {
	case sim.NXCompatRefused:
		return 0, refused("it does not promise NX_COMPAT", alloc.SecurityViolation)
	case sim.NXCompatCompatibility:
		f.enterCompatibility()
	}
	return t, nil
}

// codeType is the memory type of an image of a subsystem, data included.
func codeType(subsystem uint16) (memmap.EFIType, bool) {
	switch subsystem {
	case subsystemApplication:
		return memmap.EFILoaderCode, true
	case subsystemBootDriver:
		return memmap.EFIBootServicesCode, true
	case subsystemRuntimeDriver:
		return memmap.EFIRuntimeServicesCode, true
	}
	return 0, false
}

func refused(reason string, status alloc.Status) error {
	return &sim.Failure{Rule: "image-refused", Message: "the firmware does not load the image: " + reason + " (" + status.Error() + ")"}
}

// malformed says why EDK2's loader does not take an image for one; "" if it does.
// Source: MdePkg/Library/BasePeCoffLib/BasePeCoff.c:PeCoffLoaderGetPeHeader, PeCoffLoaderLoadImage (edk2-stable202502).
func malformed(pe *image.PE, fileSize uint64) string {
	if a := pe.SectionAlignment; a&(a-1) != 0 {
		return fmt.Sprintf("section alignment %#x is no power of two", a)
	}
	if pe.SizeOfHeaders == 0 || pe.SizeOfHeaders >= pe.SizeOfImage || uint64(pe.SizeOfHeaders) > fileSize {
		return fmt.Sprintf("headers of %#x bytes, in an image of %#x and a file of %#x", pe.SizeOfHeaders, pe.SizeOfImage, fileSize)
	}
	for i := range pe.Sections {
		if reason := malformedSection(pe, &pe.Sections[i], fileSize); reason != "" {
			return "section " + pe.Sections[i].Name + " " + reason
		}
	}
	return ""
}

func malformedSection(pe *image.PE, s *image.Section, fileSize uint64) string {
	switch {
	case s.RawSize == 0 && s.VirtualSize == 0:
		return ""
	case s.RawSize > 0 && (s.VirtualAddress < pe.SizeOfHeaders || s.RawOffset < pe.SizeOfHeaders):
		return "overlaps the headers"
	case uint64(s.RawOffset)+uint64(s.RawSize) > fileSize:
		return "reaches beyond the end of the file"
	case inMemory(s, 0).End > uint64(pe.SizeOfImage):
		return "reaches beyond SizeOfImage"
	}
	return ""
}

// enterCompatibility ends all protection for the sake of an image that does not know of
// it: the protocol goes, memory below 640 KiB and page 0 become usable for everything,
// and so does each allocation from now on.
// Source: Project Mu's description of enhanced memory protection.
func (f *Firmware) enterCompatibility() {
	const source = "Project Mu: Docs/feature_memory_protection.md, compatibility mode"
	f.policy = f.policy.Compatibility()
	f.b.Do(sim.Step{Op: sim.Protect, Object: "low memory", Range: memmap.Range{End: lowMemory}, Perm: sim.RWX, By: sim.ByImage,
		Why: "the image does not promise NX_COMPAT: from now on the firmware protects nothing", Source: source})
}

// lowMemory is where the RAM below 1 MiB ends that compatibility mode opens.
const lowMemory = 640 * memmap.KiB
