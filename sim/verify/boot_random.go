package verify

import (
	"math/bits"

	"bootplan/kaslr"
	"bootplan/sim"
)

// chance is how the place of a kernel compares with what random numbers could choose,
// where they were not recorded.
type chance struct {
	physical, virtual odds
}

// odds are those of one address.
type odds struct {
	places      uint64  // how many there were; 0: the numbers were recorded, or none was drawn
	probability float64 // of the recorded one; 0: it is none of them
}

// random answers the boot's questions: with the numbers that lead to where the kernel
// was found, or better, with those that were recorded. first is a run of the same
// scenario.
func (v *verification) random(first *sim.Result) sim.Random {
	var fixed sim.Fixed
	v.chance = v.oddsOf(first.Randomness)
	v.lead(&fixed, first.Randomness)
	d := &v.c.Debugger
	if d.Seed != nil {
		fixed.Seed = [2]uint32{uint32(*d.Seed), uint32(*d.Seed >> 32)}
		v.chance = chance{}
	}
	if d.RandomPhysical != nil {
		fixed.PhysicalValue = uint64(*d.RandomPhysical)
		v.chance.physical = odds{}
	}
	if d.RandomVirtual != nil {
		fixed.VirtualValue = uint64(*d.RandomVirtual)
		v.chance.virtual = odds{}
	}
	return fixed
}

// oddsOf are the odds of the recorded addresses.
func (v *verification) oddsOf(r sim.Randomness) chance {
	var ch chance
	if phys := v.c.physical(); phys != nil {
		if d, err := r.Physical(); err == nil && d != nil {
			ch.physical = oddsIn(d, *phys)
		}
	}
	if virt := v.c.Placement.Virt; virt != nil {
		if d, err := r.Virtual(); err == nil && d != nil {
			ch.virtual = oddsIn(d, uint64(*virt)-kernelMap)
		}
	}
	return ch
}

func oddsIn(d *kaslr.Distribution, addr uint64) odds {
	if d.Slots == 0 {
		return odds{} // nothing to choose from: the kernel stays
	}
	p, _ := d.Probability(addr).Float64()
	return odds{d.Places, p}
}

// kernelMap is where the kernel's virtual addresses begin (__START_KERNEL_map).
const kernelMap = 0xffffffff80000000

// lead sets the numbers that lead to the recorded addresses, as far as any do.
func (v *verification) lead(f *sim.Fixed, r sim.Randomness) {
	if phys := v.c.physical(); phys != nil {
		leadPhysical(f, r, *phys)
	}
	if virt := v.c.Placement.Virt; virt != nil {
		leadVirtual(f, r, uint64(*virt)-kernelMap)
	}
}

func leadPhysical(f *sim.Fixed, r sim.Randomness, phys uint64) {
	if p := r.Decompressor; p != nil {
		f.PhysicalValue, _ = slotAt(p.Areas, p.Align, phys)
	}
	if s := r.Stub; s != nil {
		areas := make([]kaslr.Area, len(s.Areas))
		for i, a := range s.Areas {
			areas[i] = kaslr.Area(a)
		}
		slot, total := slotAt(areas, s.Request.Align, phys)
		f.Seed[0] = scaledTo(slot, total)
	}
}

// leadVirtual is leadPhysical for the offset of the virtual address.
func leadVirtual(f *sim.Fixed, r sim.Randomness, offset uint64) {
	if p := r.Decompressor; p != nil && p.Align != 0 {
		f.VirtualValue = (offset - kaslr.LoadPhysicalAddr) / p.Align
	}
	if s := r.Stub; s != nil {
		f.Seed[1] = scaledTo(offset-s.VirtualFirst, s.VirtualRange)
	}
}

// slotAt is the number of the first slot at addr, 0 if there is none, and how many
// slots there are.
func slotAt(areas []kaslr.Area, align, addr uint64) (slot, total uint64) {
	found := false
	for _, a := range areas {
		if n := (addr - a.Start) / align; !found && addr >= a.Start && n < a.Slots && (addr-a.Start)%align == 0 {
			slot, found = total+n, true
		}
		total += a.Slots
	}
	return slot, total
}

// scaledTo is the smallest 32-bit number that, times n and divided by 2^32, gives at
// least x; 0 if there is none.
func scaledTo(x, n uint64) uint32 {
	if n == 0 || x >= n {
		return 0
	}
	number, left := bits.Div64(x>>32, x<<32, n)
	if left > 0 {
		number++
	}
	return uint32(number)
}

// physical is where the kernel was found in physical memory; nil if that is not recorded.
func (c *Capture) physical() *uint64 {
	switch {
	case c.Placement.Phys != nil:
		phys := uint64(*c.Placement.Phys)
		return &phys
	case !c.KernelPhysical.Code.Empty():
		return &c.KernelPhysical.Code.Start
	}
	return nil
}
