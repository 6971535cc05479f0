package design

import (
	"slices"

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
	total := s.kernel.VO.TotalSize
	places := &sim.StubPlaces{
		Request: q, Areas: q.Areas(nil, s.fw.Map()), Map: slices.Clone(s.fw.Map()), TotalSize: total,
		NoKASLR: s.options.NoKASLR, Override: linux.StubMemoryOverride(b.Scenario.Cmdline),
	}
	b.Randomness(sim.Randomness{Stub: places})
	if places.NoKASLR {
		return 0
	}
	physical, virtual := b.Scenario.Random.StubSeed()
	s.virtual = kaslr.StubVirtual(total, virtual, image.MinKernelAlign)
	return uint64(kaslr.StubSeed(physical, uefiRevision, "", places.Override))
}
