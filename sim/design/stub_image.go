package design

import (
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/firmware"
)

// loadImage lets the firmware load the kernel file as an application.
func (s *stub) loadImage(b *sim.Boot) error {
	var err error
	s.image, err = s.fw.LoadImage(firmware.Application{Object: stubName, PE: s.pe.pe, FileSize: s.pe.fileSize})
	if err != nil {
		return err
	}
	b.Machine.Needed.Set(s.payload(), payloadName)
	return nil
}

// loaded is where a range of the image lies in memory.
func (s *stub) loaded(r memmap.Range) memmap.Range {
	return memmap.Range{Start: s.image.Start + r.Start, End: s.image.Start + r.End}
}

// payload is the compressed kernel inside the image.
func (s *stub) payload() memmap.Range { return s.loaded(s.pe.payload) }

// startup is where the decompressor begins inside the image.
func (s *stub) startup() uint64 { return s.image.Start + s.pe.code }

// maxAddress is the highest address that the stub asks the firmware for.
// Source: arch/x86/include/asm/efi.h:EFI_ALLOC_LIMIT (v6.12).
func (s *stub) maxAddress() uint64 { return ^uint64(0) }
