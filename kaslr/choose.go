package kaslr

import "slices"

// Random answers the questions of the decompressor for random numbers, each at
// most once per choice, the physical one first.
type Random interface {
	Physical() uint64 // kaslr_get_random_long("Physical")
	Virtual() uint64  // kaslr_get_random_long("Virtual")
}

// Choice is where the kernel goes.
type Choice struct {
	Phys, Virt uint64
	Invalid    bool // the place found, or 0 for none, is not between minimum and limit
	Kept       bool // physical randomisation failed: Phys is Plan.Output
}

// Texts of warn() around a choice.
const (
	warnNoKASLR = "KASLR disabled: 'nokaslr' on cmdline."
	warnInvalid = "Invalid physical address chosen!"
	warnKept    = "Physical KASLR disabled: no suitable memory region!"
)

// Choose draws a place from the plan: no physical one if there are no slots, and a
// virtual one in any case but nokaslr.
// Source: arch/x86/boot/compressed/kaslr.c:find_random_phys_addr, find_random_virt_addr (v6.12).
func (p *Plan) Choose(random Random) Choice {
	if p.Disabled {
		return Choice{Phys: p.Output, Virt: p.VirtInitial}
	}
	var c Choice
	if p.Source != FromNothing {
		if p.Slots > 0 {
			c.Phys = p.Place(random.Physical() % p.Slots)
		}
		if c.Phys < p.Minimum || c.Phys+p.NeededSize > p.Limit {
			c.Invalid = true
			c.Phys = 0
		}
	}
	if c.Phys == 0 {
		c.Kept = true
		c.Phys = p.Output
	}
	c.Virt = LoadPhysicalAddr + random.Virtual()%p.VirtualSlots*p.Align
	return c
}

// Place returns the physical address of a slot, which must be less than Slots.
// Source: arch/x86/boot/compressed/kaslr.c:slots_fetch_random (v6.12).
func (p *Plan) Place(slot uint64) uint64 {
	i, _ := slices.BinarySearch(p.sums, slot+1)
	area := p.Areas[i]
	return area.Start + (slot+area.Slots-p.sums[i])*p.Align
}

// WarningsOf lists the texts of warn() in a boot that makes choice c from p, in order.
func (p *Plan) WarningsOf(c Choice) []string {
	if p.Disabled {
		return []string{warnNoKASLR}
	}
	texts := slices.Clone(p.Warnings)
	if c.Invalid {
		texts = append(texts, warnInvalid)
	}
	if c.Kept {
		texts = append(texts, warnKept)
	}
	return texts
}
