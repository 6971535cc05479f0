package kaslr

// Prandom is the kernel's pseudo-random generator: four shift registers (taus113).
// Source: lib/random32.c:prandom_u32_state (v6.12).
type Prandom struct{ s [4]uint32 }

// NewPrandom returns a generator seeded as the early kernel does it: unlike elsewhere,
// its first numbers are not thrown away.
// Source: include/linux/prandom.h:prandom_seed_state (v6.12).
func NewPrandom(seed uint64) *Prandom {
	p := &Prandom{}
	x := uint32(seed>>32 ^ seed<<10 ^ seed)
	for i, least := range [4]uint32{2, 8, 16, 128} {
		p.s[i] = x
		if x < least {
			p.s[i] += least
		}
	}
	return p
}

// Uint32 is the next number.
func (p *Prandom) Uint32() uint32 {
	for i, t := range [4]struct {
		a, b uint
		keep uint32
		d    uint
	}{{6, 13, ^uint32(1), 18}, {2, 27, ^uint32(7), 2}, {13, 21, ^uint32(15), 7}, {3, 12, ^uint32(127), 13}} {
		s := p.s[i]
		p.s[i] = (s&t.keep)<<t.d ^ (s<<t.a^s)>>t.b
	}
	return p.s[0] ^ p.s[1] ^ p.s[2] ^ p.s[3]
}

// Uint64 is the next two numbers, the first in the low half.
func (p *Prandom) Uint64() uint64 {
	low := uint64(p.Uint32())
	return uint64(p.Uint32())<<32 | low
}
