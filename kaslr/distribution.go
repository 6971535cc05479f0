package kaslr

import (
	"errors"
	"math"
	"math/big"
)

// ErrTooManySlots says that there are more slots than the EFI stub's seed has
// values; its product then loses high bits, and the slots are not alike.
var ErrTooManySlots = errors.New("more than 2^32 slots for a 32-bit seed")

// Distribution says how probable each address is when every random number is
// equally likely, in whole numbers: how many of the random numbers lead there. The
// zero Distribution is ready for its Make methods; its storage is used again by the
// next one.
type Distribution struct {
	Slots  uint64  // numbered slots that are drawn from
	Places uint64  // different addresses among them
	Levels []Level // which probabilities occur, the highest first

	draw        Draw
	share, rest uint64 // see dealOut
	align       uint64 // bytes from place to place
	width       uint64 // slots that one place takes of its piece
	pieces      []piece
	live        []piece
}

// Level is how many places are equally probable.
type Level struct {
	Numbers uint64 // random numbers that lead to each of them; 0 stands for 2^64, all there are
	Places  uint64
}

// Make computes the distribution of an address that is drawn from areas, whose slots
// are align bytes apart. Areas may overlap: the probabilities of an address then add
// up. Without any slot the address is one fixed place, and no address has a
// probability of its own. The error is ErrTooManySlots.
func (d *Distribution) Make(areas []Area, align uint64, draw Draw) error {
	d.reset(align, draw)
	for _, a := range areas {
		d.Slots += a.Slots
		if d.Slots > maxScaled && draw == Scaled {
			return ErrTooManySlots
		}
	}
	d.dealOut()
	var slot uint64
	for _, a := range areas {
		first := a.Start / align
		d.cut(piece{first, first + a.Slots, slot})
		slot += a.Slots
	}
	d.sweep()
	return nil
}

// MakePhysical computes the distribution of the physical address that p draws. (A boot
// whose draw turns out to be invalid stays at Output; see rule kaslr-invalid-draw.)
func (d *Distribution) MakePhysical(p *Plan) {
	_ = d.Make(p.Areas, p.Align, Modulo) // whose slots are never too many
}

// MakeVirtual computes the distribution of the virtual address that p draws.
func (d *Distribution) MakeVirtual(p *Plan) {
	d.reset(p.Align, Modulo)
	d.Slots = p.VirtualSlots
	d.row(LoadPhysicalAddr, p.VirtualSlots)
}

// MakeScaled computes the distribution of a virtual address that a 32-bit seed, scaled
// to size bytes from first on, chooses. It is not quite even: the seed chooses a byte,
// the address is cut down to a multiple of align, and the last one gets what is left of
// the range. The error is ErrTooManySlots.
func (d *Distribution) MakeScaled(first, size, align uint64) error {
	d.reset(align, Scaled)
	d.Slots, d.width = size, align
	if d.Slots > maxScaled {
		return ErrTooManySlots
	}
	d.row(first, (size+align-1)/align)
	return nil
}

// row makes a distribution over places that follow each other from first on.
func (d *Distribution) row(first, places uint64) {
	d.dealOut()
	first /= d.align
	d.cut(piece{first, first + places, 0})
	d.sweep()
}

func (d *Distribution) reset(align uint64, draw Draw) {
	*d = Distribution{align: align, draw: draw, width: 1, Levels: d.Levels[:0], pieces: d.pieces[:0], live: d.live[:0]}
}

// Probability of the address addr, exactly; 0 for one that is no place.
func (d *Distribution) Probability(addr uint64) *big.Rat {
	n, found := d.numbers(d.pieces, addr/d.align)
	if !found || addr%d.align != 0 {
		return new(big.Rat)
	}
	return d.Fraction(n)
}

// Fraction is the exact probability of each place of a level, given the level's Numbers.
func (d *Distribution) Fraction(numbers uint64) *big.Rat {
	if numbers == 0 {
		return big.NewRat(1, 1)
	}
	all := new(big.Int).Lsh(big.NewInt(1), d.draw.bits())
	return new(big.Rat).SetFrac(new(big.Int).SetUint64(numbers), all)
}

// probability is Fraction, rounded.
func (d *Distribution) probability(numbers uint64) float64 {
	return math.Ldexp(float64(numbers-1)+1, -int(d.draw.bits())) // so that 0 is 2^64
}

// Entropy is Shannon's, in bits: the sum of -p·log2(p) over all places.
func (d *Distribution) Entropy() float64 {
	var sum float64
	for _, l := range d.Levels {
		p := d.probability(l.Numbers)
		sum -= p * float64(l.Places) * math.Log2(p)
	}
	return sum
}

// MinEntropy is -log2 of the highest probability, in bits: what the best guess of
// the address is up against.
func (d *Distribution) MinEntropy() float64 {
	return 0 - math.Log2(d.probability(d.Levels[0].Numbers))
}
