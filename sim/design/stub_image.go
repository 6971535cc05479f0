package design

import (
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/firmware"
)

// loadImage lets the firmware load the kernel file as an application.
func (s *stub) loadImage(b *sim.Boot) error {
	var err error
	s.image, err = s.fw.LoadImage(firmware.Application{Object: stubName, PE: s.kernel.PE, FileSize: s.kernel.FileSize})
	if err != nil {
		return err
	}
	b.Machine.Needed.Set(s.payload(), payloadName)
	return nil
}

// startup is where the decompressor begins inside the image.
func (s *stub) startup() uint64 { return s.image.Start + s.packed.code }

// payload is the compressed kernel inside the image.
func (s *stub) payload() memmap.Range {
	return sized(s.startup()+uint64(s.kernel.Setup.PayloadOffset), uint64(s.kernel.Setup.PayloadLength))
}

// maxAddress is the highest address that the stub asks the firmware for.
// Source: arch/x86/include/asm/efi.h:EFI_ALLOC_LIMIT (v6.12).
func (s *stub) maxAddress() uint64 { return ^uint64(0) }
