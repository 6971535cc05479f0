package design

import (
	"bootplan/sim"
	"bootplan/sim/kernel"
)

// switchInLowMemory borrows two pages of low memory, as the decompressor does, whose
// code is in the same image.
func (s *stub) switchInLowMemory(b *sim.Boot) error {
	z := &decompressor{
		kernel: s.kernel, version: s.version, release: s.ways.release, choices: s.choices, image: stubName,
		loaded: s.startup(), target: s.startup(), efi: &kernel.EFI{}, e820: s.e820.Entries, cmdline: s.cmdline,
		la57: s.la57,
	}
	err := z.switchPaging(b)
	s.la57 = z.la57
	return err
}
