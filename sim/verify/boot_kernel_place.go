package verify

import (
	"bootplan/alloc"
	"bootplan/kaslr"
	"bootplan/memmap"
	"bootplan/sim"
)

// kernelPlace compares where the kernel is.
func (v *verification) kernelPlace() {
	if phys := v.c.physical(); phys != nil {
		if v.asked() && v.chance.physical.places == 0 {
			v.fact("kernel_physical", Address(*phys), v.answered)
		} else {
			v.chosen("kernel_physical", Address(*phys), v.chance.physical, startOf)
		}
	}
	if virt := v.c.Placement.Virt; virt != nil {
		v.chosen("kernel_virtual", Address(*virt), v.chance.virtual, func(p sim.Placement) Value { return Address(p.Virtual) })
	}
	v.follows("kernel_entry", address(v.c.KernelEntry.Address), func(phys uint64) (Value, string) { return Address(phys + v.kernel.EntryOffset()), "" })
	v.follows("kernel_end", address(v.c.Placement.PhysEnd), func(phys uint64) (Value, string) { return Address(phys + v.kernel.VO.TotalSize), "" })
}

// follows compares what follows from the kernel's recorded place.
func (v *verification) follows(name string, recorded Value, what func(phys uint64) (Value, string)) {
	v.ofKernel("").fact(name, recorded, func() (Value, string) {
		phys := v.c.physical()
		if phys == nil {
			return nil, "the kernel's place was not recorded"
		}
		return what(*phys)
	})
}

// chosen compares an address that random numbers chose, or that followed without any.
func (v *verification) chosen(name string, recorded Address, o odds, what func(sim.Placement) Value) {
	if o.places > 0 {
		v.among(name, recorded, o.places, o.probability)
		return
	}
	v.fact(name, recorded, v.where(v.whyNotOutput, "kernel", what))
}

// whyNotOutput is why the kernel's place without randomness is not predicted; empty if
// it is. The decompressor stays with its image.
func (v *verification) whyNotOutput() string {
	switch {
	case v.result.Randomness.Decompressor != nil:
		return v.whyNotImage()
	case v.c.runsStub():
		return v.c.whyUnknownMachine()
	}
	return ""
}

// stubAllocation compares the stub's question for room for the kernel, and the answer
// that follows from the map that the debugger read at that moment.
func (v *verification) stubAllocation() {
	asked := v.c.Debugger.RandomAlloc
	if asked == nil {
		return
	}
	request := func(what func(*sim.StubPlaces) Value) func() (Value, string) {
		return func() (Value, string) {
			if v.result.Randomness.Stub == nil {
				return Text("never asked"), ""
			}
			return what(v.result.Randomness.Stub), ""
		}
	}
	v.fact("kernel_block_size", Address(asked.Size), request(func(s *sim.StubPlaces) Value { return Address(s.Request.Size) }))
	v.fact("kernel_block_align", Address(asked.Align), request(func(s *sim.StubPlaces) Value { return Address(s.Request.Align) }))
	v.fact("kernel_block_lowest", Address(asked.Min), request(func(s *sim.StubPlaces) Value { return Address(s.Request.Min) }))
	v.fact("kernel_block_highest", Address(asked.Max), request(func(s *sim.StubPlaces) Value { return Address(s.Request.Max) }))
	v.fact("kernel_block_seed", Address(asked.Seed), request(v.physicalSeed))
	if !v.asked() {
		return
	}
	v.fact("kernel_block_status", Address(asked.Status), func() (Value, string) {
		_, status, why := v.answer()
		return Address(efiStatus(status)), why
	})
	if asked.Status == 0 {
		v.fact("kernel_block", Address(asked.Address), v.answered)
	}
}

// asked reports whether the stub's question and the map at that moment were recorded.
func (v *verification) asked() bool {
	return v.c.Debugger.RandomAlloc != nil && len(v.c.AtAllocation) > 0
}

// answered predicts where the kernel goes from the stub's recorded question.
func (v *verification) answered() (Value, string) {
	addr, status, why := v.answer()
	if status == alloc.NoAddress {
		why = lostKernel
	}
	return Address(addr), why
}

// physicalSeed is what the stub makes of the recorded random number.
func (v *verification) physicalSeed(s *sim.StubPlaces) Value {
	if s.NoKASLR || v.c.Debugger.Seed == nil {
		return Address(0)
	}
	services := v.sc.Services
	return Address(kaslr.StubSeed(uint32(*v.c.Debugger.Seed), services.SystemTableRevision(), services.Vendor, s.Override))
}

// answer is what firmware with the map that was recorded at that moment gives the stub
// for the kernel.
func (v *verification) answer() (addr uint64, status alloc.Status, why string) {
	places := v.result.Randomness.Stub
	if places == nil {
		return 0, 0, "the simulated stub does not get that far"
	}
	fw := mapOnly(efiMap(v.c.AtAllocation).Descriptors)
	addr, status = alloc.RandomAlloc(fw, places.Request, uint64(v.c.Debugger.RandomAlloc.Seed), memmap.EFILoaderCode)
	return addr, status, ""
}

// mapOnly is firmware of which no more is known than a map. It grants what is asked of
// it: the stub asks for what its map calls free.
type mapOnly []memmap.EFIDescriptor

func (m mapOnly) Map() []memmap.EFIDescriptor { return m }

func (m mapOnly) AllocatePages(_ alloc.Kind, _ memmap.EFIType, _, addr uint64) (uint64, alloc.Status) {
	return addr, alloc.Success
}

func (m mapOnly) FreePages(_, _ uint64) alloc.Status { return alloc.Success }

// efiStatus is the EFI_STATUS of a status.
func efiStatus(s alloc.Status) uint64 {
	if s == alloc.Success || s == alloc.NoAddress {
		return 0
	}
	const failed = 1 << 63
	return failed | uint64(s)
}
