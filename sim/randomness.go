package sim

import (
	"bootplan/alloc"
	"bootplan/image"
	"bootplan/kaslr"
	"bootplan/memmap"
)

// Randomness is what a boot's random numbers chose from. Exactly one of
// Decompressor and Stub is set once the boot got that far.
type Randomness struct {
	Decompressor *kaslr.Plan
	Input        *kaslr.Input // from which the plan was made
	Stub         *StubPlaces

	// The decompressor's plan does not decide: the design leaves the address as it is.
	NoPhysical, NoVirtual bool
}

// StubPlaces is what the EFI stub's seed chooses from.
type StubPlaces struct {
	Request   alloc.Request
	Areas     []alloc.Area           // in map order
	Map       []memmap.EFIDescriptor // from which they were counted
	NoKASLR   bool                   // nokaslr: the first place, and the virtual address that the image was linked for
	NoSeed    bool                   // nothing random chooses the place
	Override  string                 // the option that forces the first place: "mem=", "memmap=" or "hugepages="
	TotalSize uint64                 // kernel_total_size, on which the virtual address depends

	// A 32-bit seed, scaled to VirtualRange bytes from VirtualFirst on, chooses the virtual
	// address; nothing does if the range is empty.
	VirtualFirst, VirtualRange uint64
}

// Physical is the distribution of the kernel's physical address; nil when there is
// nothing to choose from. The error is kaslr.ErrTooManySlots.
func (r Randomness) Physical() (*kaslr.Distribution, error) {
	d := &kaslr.Distribution{}
	switch {
	case r.Decompressor != nil && !r.Decompressor.Disabled && !r.NoPhysical:
		d.MakePhysical(r.Decompressor)
		return d, nil
	case r.Stub != nil && !r.Stub.NoKASLR && !r.Stub.NoSeed && r.Stub.Override == "":
		areas := make([]kaslr.Area, len(r.Stub.Areas))
		for i, a := range r.Stub.Areas {
			areas[i] = kaslr.Area(a)
		}
		return d, d.Make(areas, r.Stub.Request.Align, kaslr.Scaled)
	}
	return nil, nil
}

// Virtual is the distribution of the kernel's virtual address; nil when there is
// nothing to choose from. The error is kaslr.ErrTooManySlots.
func (r Randomness) Virtual() (*kaslr.Distribution, error) {
	d := &kaslr.Distribution{}
	switch {
	case r.Decompressor != nil && !r.Decompressor.Disabled && !r.NoVirtual:
		d.MakeVirtual(r.Decompressor)
		return d, nil
	case r.Stub != nil && r.Stub.VirtualRange != 0:
		return d, d.MakeScaled(r.Stub.VirtualFirst, r.Stub.VirtualRange, image.MinKernelAlign)
	}
	return nil, nil
}

// Randomness notes what the random numbers chose from, and how much they choose.
func (b *Boot) Randomness(r Randomness) {
	b.result.Randomness = r
	if !b.trace {
		return // figures cost more than the rest of a run
	}
	for _, of := range []struct {
		name         string
		distribution func() (*kaslr.Distribution, error)
	}{{"physical", r.Physical}, {"virtual", r.Virtual}} {
		d, err := of.distribution()
		switch {
		case err != nil: // too many slots for the seed: no figure is right
		case d == nil:
			b.measure(of.name+"_entropy_bits", 0, "bits")
		default:
			b.measure(of.name+"_places", float64(d.Places), "")
			b.measure(of.name+"_entropy_bits", d.Entropy(), "bits")
		}
	}
}
