package design

import (
	"errors"
	"fmt"

	"bootplan/image"
	"bootplan/kaslr"
	"bootplan/linux"
	"bootplan/sim"
)

// choosePlace decides where the kernel shall lie, and sets its virtual address.
func (s *stub) choosePlace(b *sim.Boot) (wish, error) {
	if s.choices.Physical == physicalDecompressor || s.choices.Virtual == virtualDecompressor {
		if err := s.plan(b); err != nil {
			return wish{}, err
		}
	}
	p := &s.places
	p.NoKASLR, p.Override = s.options.NoKASLR, ""
	p.NoSeed = s.choices.Physical == physicalNone || s.choices.Physical == physicalRNG && !b.Scenario.Services.RNG
	if s.ways.heedsOptions && s.choices.Physical == physicalStub {
		p.Override = linux.StubMemoryOverride(s.text, s.ways.release)
	}
	if s.kernel.Relocs == nil {
		s.stayLinked(b)
		return wish{}, nil
	}
	s.drawn.physical, s.drawn.virtual = b.Scenario.Random.StubSeed()
	s.virtual = s.chooseVirtual(b)
	if s.ways.onlyRNG && !b.Scenario.Services.RNG {
		s.drawn.physical, p.NoSeed = 0, true
		s.virtual, p.VirtualFirst, p.VirtualRange = s.kernel.Setup.PrefAddress, 0, 0
		b.Assume("the firmware has no EFI_RNG protocol, the design's only source of random numbers; --services rng adds it")
	}
	w := s.choosePhysical(b)
	s.stateRandomness(b)
	return w, nil
}

// stayLinked is the choice of a kernel without relocations, which was built without
// CONFIG_RANDOMIZE_BASE: the lowest place, and the virtual address that it was linked for.
func (s *stub) stayLinked(b *sim.Boot) {
	s.virtual = s.kernel.Setup.PrefAddress
	s.places.NoSeed, s.places.VirtualFirst, s.places.VirtualRange = true, 0, 0
	s.stateRandomness(b)
}

// choosePhysical follows the choice of the same name.
func (s *stub) choosePhysical(b *sim.Boot) wish {
	switch s.choices.Physical {
	case physicalDecompressor:
		return wish{addr: s.decision.Phys, chosen: true}
	case physicalRNG:
		if s.options.NoKASLR || !b.Scenario.Services.RNG {
			return wish{seed: ^uint64(0)}
		}
		return wish{seed: uint64(s.drawn.physical)}
	case physicalStub:
		if !s.options.NoKASLR {
			return wish{seed: s.mixedSeed(b)}
		}
	}
	return wish{}
}

// mixedSeed is the word that chooses the physical place, unless something makes it 0.
// Source: drivers/firmware/efi/libstub/x86-stub.c:efi_decompress_kernel (v6.12).
func (s *stub) mixedSeed(b *sim.Boot) uint64 {
	override, services := s.places.Override, b.Scenario.Services
	if override != "" {
		s.say(b, levelInfo, "EFI stub: "+override+" detected on the kernel command line - disabling physical KASLR")
	}
	if !s.ways.heedsVendor {
		services.Vendor = ""
	}
	return uint64(kaslr.StubSeed(s.drawn.physical, services.SystemTableRevision(), services.Vendor, override))
}

// chooseVirtual follows the choice of the same name. The RFC of an x86 zboot does not
// look at nokaslr here; without EFI_RNG the kernel stays where it was linked for.
func (s *stub) chooseVirtual(b *sim.Boot) uint64 {
	const align, lowest, all = image.MinKernelAlign, kaslr.LoadPhysicalAddr, kaslr.KernelImageSize
	p, size, seed := &s.places, s.kernel.VO.TotalSize, s.drawn.virtual
	p.VirtualFirst, p.VirtualRange = 0, 0
	switch s.choices.Virtual {
	case virtualDecompressor:
		return s.decision.Virt
	case virtualPosted, virtualRevised:
		if !b.Scenario.Services.RNG {
			return s.kernel.Setup.PrefAddress
		}
		if s.choices.Virtual == virtualPosted {
			p.VirtualFirst, p.VirtualRange = 2*lowest, all-lowest-size
			return kaslr.RFCVirtual(size, seed, align)
		}
		p.VirtualFirst, p.VirtualRange = lowest, all-size
		return kaslr.RFCRevisedVirtual(size, seed, align)
	case virtualAlloc:
		size = p.Request.Size
	}
	if s.options.NoKASLR {
		return s.kernel.Setup.PrefAddress
	}
	p.VirtualFirst, p.VirtualRange = lowest, kaslr.StubVirtualRange(size)
	return kaslr.StubVirtual(size, seed, align)
}

// plan has the decompressor's own code choose, from the firmware's present map.
func (s *stub) plan(b *sim.Boot) error {
	s.input = s.decompressorInput(b)
	if err := s.decompressor.Make(s.input); errors.Is(err, kaslr.ErrNeverReturns) {
		return &sim.Failure{Rule: "never-returns", Message: "the search for a random place never ends"}
	} else if err != nil {
		return fmt.Errorf("placing the kernel: %w", err)
	}
	surprises(b, s.input, &s.decompressor, nil)
	s.decision = s.decompressor.Choose(b.Scenario.Random)
	for _, text := range s.decompressor.WarningsOf(s.decision) {
		b.Say(text)
	}
	return nil
}

// decompressorInput is what the decompressor's code finds when the stub calls it: the
// payload lies in the PE image, and nothing is unpacked over it.
func (s *stub) decompressorInput(b *sim.Boot) *kaslr.Input {
	k, p := s.kernel, sim.Scratch[placing](b)
	p.input = kaslr.Input{
		Config: kaslr.Config{
			Version: s.ways.release, PhysicalAlign: image.MinKernelAlign, UnacceptedMemory: s.ways.unaccepted,
			SoftReserve: !s.options.NoSoftReserve, MinimumCap: s.minimumCap,
		},
		Payload: s.payload().Start, Output: k.Setup.PrefAddress, InitSize: uint64(k.Setup.InitSize),
		NeededSize: k.NeededSize(), VirtInitial: k.Setup.PrefAddress,
		BootParams: s.bootParams.Start, CmdlinePtr: s.cmdline.Start, Cmdline: s.text,
		Initrd: kaslr.Extent{Start: s.initrd.Start, Size: s.initrd.Len()}, SetupData: p.nodes(s.setupData),
		Immovable: p.staying(b, !acpiOff(s.cmdline.Start, s.text)),
		EFI:       efiInfo(s.fw.DescriptorSize(), s.places.Map),
	}
	return &p.input
}

// stateRandomness tells of how many places the kernel's was one.
func (s *stub) stateRandomness(b *sim.Boot) {
	r := sim.Randomness{Stub: &s.places}
	if s.choices.Physical == physicalDecompressor {
		r = sim.Randomness{Decompressor: &s.decompressor, Input: s.input}
	}
	b.Randomness(r)
}

// toldRandom reports whether the kernel learns that its address is random
// (KASLR_FLAG), so that it chooses the places of its memory regions at random too.
func (s *stub) toldRandom() bool {
	switch s.choices.Physical {
	case physicalDecompressor:
		return !s.decompressor.Disabled
	case physicalRNG, physicalNone:
		return false
	}
	return s.ways.tellsKernel && !s.options.NoKASLR
}
