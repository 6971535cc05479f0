package design

import (
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/firmware"
)

// load places the kernel file in memory: the firmware's image loader does, or a boot
// loader that will enter it by the handover protocol.
func (s *stub) load(b *sim.Boot) error {
	if s.handover {
		return s.loadHandedOver(b)
	}
	return s.loadImage(b)
}

// loadImage lets the firmware load the kernel file as an application.
func (s *stub) loadImage(b *sim.Boot) error {
	var err error
	s.image, err = s.fw.LoadImage(firmware.Application{Object: stubName, PE: s.kernel.PE, FileSize: s.kernel.FileSize})
	if err != nil {
		return err
	}
	s.code = s.packed.code
	b.Machine.Needed.Set(s.payload(), payloadName)
	return nil
}

// loadHandedOver lets a boot loader place the kernel.
func (s *stub) loadHandedOver(b *sim.Boot) error {
	if isZboot(s.choices.PELayout) {
		return unsupported("a zboot image has no handover entry point")
	}
	h, err := loadForHandover(b, s.fw, s.kernel)
	if err != nil {
		return err
	}
	s.image, s.bootParams, s.cmdline, s.initrd = h.image, sized(h.setup.Start, memmap.PageSize), h.cmdline, h.initrd
	b.Machine.Needed.Set(s.payload(), payloadName)
	return nil
}

// unsupported is a boot that ends because the design does not do what is asked of it.
func unsupported(why string) error { return &sim.Failure{Rule: "unsupported", Message: why} }

// startup is where the decompressor begins inside the image.
func (s *stub) startup() uint64 { return s.image.Start + s.code }

// payload is the compressed kernel inside the image.
func (s *stub) payload() memmap.Range { return payloadOf(s.kernel, s.startup()) }

// maxAddress is the highest address that the stub asks the firmware for.
// Source: arch/x86/include/asm/efi.h:EFI_ALLOC_LIMIT (v6.12).
func (s *stub) maxAddress() uint64 {
	if s.mixed() {
		return firmware.Below4G
	}
	return ^uint64(0)
}
