package design

import (
	"fmt"
	"slices"

	"bootplan/alloc"
	"bootplan/image"
	"bootplan/kaslr"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
)

// uefiRevision is the revision of the system table: UEFI 2.70, as OVMF states it.
const uefiRevision = 2<<16 | 70

// allocateRandom asks the firmware for the kernel's block, at the place that the
// seed chooses.
func (s *stub) allocateRandom(b *sim.Boot) (memmap.Range, error) {

	q := alloc.Request{
		Size: s.kernel.NeededSize(), Align: image.MinKernelAlign,
		Min: s.kernel.Setup.PrefAddress, Max: ^uint64(0), SoftReserve: !s.options.NoSoftReserve,
		NoSlotSucceeds: s.ways.noSlotSucceeds,
	}
	descs := slices.Clone(s.fw.Map())
	seed := s.draw(b, &sim.StubPlaces{
		Request: q, Areas: q.Areas(nil, descs), Map: descs, TotalSize: s.kernel.VO.TotalSize,
		NoKASLR: s.options.NoKASLR, Override: linux.StubMemoryOverride(b.Scenario.Cmdline, s.ways.release),
	})
	addr, status := alloc.RandomAlloc(s.fw, q, seed, memmap.EFILoaderCode)
	switch status {
	case alloc.Success:
	case alloc.NoAddress:
		return memmap.Range{}, &sim.Failure{Rule: "alloc-no-address",
			Message: "no place was found; the stub does not notice, and unpacks the kernel to an address that was never set"}
	default:
		return memmap.Range{}, &sim.Failure{Rule: "no-memory", Message: fmt.Sprintf("Failed to decompress kernel: %v", alloc.NoMemory(descs, q))}
	}
	for _, f := range alloc.RandomAllocFindings(q, descs, status) {
		surprise(f).report(b, kernelName)
	}
	return sized(addr, q.Size), nil
}

// draw answers the stub's question for a seed: it returns the word that chooses the
// physical place, and sets the virtual address.
// Source: drivers/firmware/efi/libstub/x86-stub.c:efi_decompress_kernel (v6.12).
func (s *stub) draw(b *sim.Boot, places *sim.StubPlaces) uint64 {
	b.Randomness(sim.Randomness{Stub: places})
	if places.NoKASLR {
		return 0
	}
	const info = 6 // KERN_INFO
	if places.Override != "" && s.options.LogLevel > info {
		b.Say("EFI stub: " + places.Override + " detected on the kernel command line - disabling physical KASLR")
	}
	physical, virtual := b.Scenario.Random.StubSeed()
	s.virtual = kaslr.StubVirtual(places.TotalSize, virtual, image.MinKernelAlign)
	return uint64(kaslr.StubSeed(physical, uefiRevision, "", places.Override))
}

// releaseOf is the release whose details count: the kernel's own, if it is of the
// generation that a design of version v models.
func releaseOf(k *image.Kernel, v linux.Version) linux.Version {
	if k.Version != 0 && (k.Version >= linux.V7_2) == (v >= linux.V7_2) {
		return k.Version
	}
	return v
}
