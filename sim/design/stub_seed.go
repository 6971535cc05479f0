package design

import (
	"bootplan/alloc"
	"bootplan/image"
	"bootplan/kaslr"
	"bootplan/linux"
	"bootplan/sim"
)

// uefiRevision is the revision of the system table: UEFI 2.70, as OVMF states it.
const uefiRevision = 2<<16 | 70

// draw answers the stub's question for a seed: it returns the word that chooses the
// physical place, and sets the virtual address.
// Source: drivers/firmware/efi/libstub/x86-stub.c:efi_decompress_kernel (v6.12).
func (s *stub) draw(b *sim.Boot, q alloc.Request) uint64 {
	places := sim.StubPlaces{Request: q, Areas: q.Areas(nil, s.fw.Map())}
	defer func() { b.Randomness(sim.Randomness{Stub: &places}) }()
	if s.options.NoKASLR {
		places.Override = "nokaslr"
		b.Say("EFI stub: KASLR disabled: nokaslr on the command line")
		return 0
	}
	places.VirtualRange = kaslr.StubVirtualRange(s.kernel.VO.TotalSize)
	physical, virtual := b.Scenario.Random.StubSeed()
	s.virtual = kaslr.StubVirtual(s.kernel.VO.TotalSize, virtual, image.MinKernelAlign)
	places.Override = linux.StubMemoryOverride(b.Scenario.Cmdline)
	places.Seeded = places.Override == ""
	return uint64(kaslr.StubSeed(physical, uefiRevision, "", places.Override))
}
