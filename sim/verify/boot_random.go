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

// random answers the boot's questions: with the recorded numbers, or with those that
// lead to where the kernel was found. first is a run of the same scenario.
func (v *verification) random(first *sim.Result) sim.Random {
	d := &v.c.Debugger
	var fixed sim.Fixed
	switch {
	case d.Seed != nil:
		fixed.Seed = [2]uint32{uint32(*d.Seed), uint32(*d.Seed >> 32)}
	case d.RandomPhysical != nil && d.RandomVirtual != nil:
		fixed.PhysicalValue, fixed.VirtualValue = uint64(*d.RandomPhysical), uint64(*d.RandomVirtual)
	default:
		v.chance = v.oddsOf(first.Randomness)
		v.lead(&fixed, first.Randomness)
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
	p, _ := d.Probability(addr).Float64()
	return odds{d.Places, p}
}

// kernelMap is where the kernel's virtual addresses begin (__START_KERNEL_map).
const kernelMap = 0xffffffff80000000

// lead sets the numbers that lead to the recorded addresses, as far as any do.
func (v *verification) lead(f *sim.Fixed, r sim.Randomness) {
	phys, virt := v.c.physical(), v.c.Placement.Virt
	switch {
	case r.Decompressor != nil && !r.Decompressor.Disabled:
		p := r.Decompressor
		if phys != nil {
			f.PhysicalValue, _ = slotAt(p.Areas, p.Align, *phys)
		}
		if virt != nil {
			f.VirtualValue = (uint64(*virt) - kernelMap - kaslr.LoadPhysicalAddr) / p.Align
		}
	case r.Stub != nil && !r.Stub.NoKASLR:
		s := r.Stub
		if phys != nil {
			areas := make([]kaslr.Area, len(s.Areas))
			var total uint64
			for i, a := range s.Areas {
				areas[i] = kaslr.Area(a)
				total += a.Slots
			}
			slot, _ := slotAt(areas, s.Request.Align, *phys)
			f.Seed[0] = scaledTo(slot, total)
		}
		if virt != nil {
			f.Seed[1] = scaledTo(uint64(*virt)-kernelMap-s.VirtualFirst, s.VirtualRange)
		}
	}
}

// slotAt is the number of the first slot at addr.
func slotAt(areas []kaslr.Area, align, addr uint64) (slot uint64, ok bool) {
	for _, a := range areas {
		if addr >= a.Start && (addr-a.Start)/align < a.Slots && (addr-a.Start)%align == 0 {
			return slot + (addr-a.Start)/align, true
		}
		slot += a.Slots
	}
	return 0, false
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
