package kaslr

import (
	"errors"
	"math"
	"math/big"
	"math/bits"
	"slices"
)

// Draw is how boot code turns a random number into one of n slots. Both ways give
// a slot either ⌊numbers/n⌋ of the random numbers or one more.
type Draw uint8

const (
	// Modulo is the decompressor's: a 64-bit number modulo n. The first 2^64 mod n
	// slots have one number more.
	// Source: arch/x86/boot/compressed/kaslr.c:slots_fetch_random (v6.12).
	Modulo Draw = iota
	// Scaled is the EFI stub's: n times a 32-bit number, divided by 2^32. The slots
	// with one number more are spread over all of them.
	// Source: drivers/firmware/efi/libstub/randomalloc.c:efi_random_alloc (v6.12).
	Scaled
)

// ErrTooManySlots says that there are more slots than the EFI stub's seed has
// values; its product then loses high bits, and the slots are not alike.
var ErrTooManySlots = errors.New("more than 2^32 slots for a 32-bit seed")

// Distribution says how probable each address is when every random number is
// equally likely. Probabilities are exact; those of all places add up to 1.
type Distribution struct {
	Slots  uint64  // numbered slots that are drawn from
	Places uint64  // different addresses among them
	Levels []Level // which probabilities occur, the highest first

	draw Draw
	at   func(addr uint64) weight
}

// Level is how many places have the same probability.
type Level struct {
	Probability *big.Rat
	Places      uint64
}

// NewDistribution returns the distribution of an address that is drawn from areas,
// whose slots are align bytes apart. Areas may overlap: the probabilities of an
// address then add up. Without any slot the address is one fixed place, and no
// address has a probability of its own. The error is ErrTooManySlots.
func NewDistribution(areas []Area, align uint64, draw Draw) (*Distribution, error) {
	d := distribution(areas, align, draw)
	if draw == Scaled && d.Slots > 1<<32 {
		return nil, ErrTooManySlots
	}
	return d, nil
}

// Physical is the distribution of the physical address that is drawn. (A boot whose
// draw turns out to be invalid stays at Output; see rule kaslr-invalid-draw.)
func (p *Plan) Physical() *Distribution { return distribution(p.Areas, p.Align, Modulo) }

// Virtual is the distribution of the virtual address.
func (p *Plan) Virtual() *Distribution {
	return distribution([]Area{{LoadPhysicalAddr, p.VirtualSlots}}, p.Align, Modulo)
}

// StubVirtualDistribution is the distribution of StubVirtual over all seeds. It is
// not quite even: addresses are cut down to multiples of align after the draw, and
// the last one gets what is left of the range. The error is ErrTooManySlots, for a
// kernel that does not fit in KernelImageSize.
func StubVirtualDistribution(totalSize, align uint64) (*Distribution, error) {
	d := &Distribution{Slots: StubVirtualRange(totalSize), draw: Scaled}
	if d.Slots == 0 {
		return distribution(nil, align, Scaled), nil
	}
	if d.Slots > 1<<32 {
		return nil, ErrTooManySlots
	}
	d.at = func(addr uint64) weight {
		from := addr - LoadPhysicalAddr
		if addr%align != 0 || from >= d.Slots {
			return weight{}
		}
		to := min(from+align, d.Slots)
		return weight{to - from, d.extra(to) - d.extra(from)}
	}
	places := map[weight]uint64{}
	for from := uint64(0); from < d.Slots; from += align {
		places[d.at(LoadPhysicalAddr+from)]++
	}
	d.setLevels(places)
	return d, nil
}

func distribution(areas []Area, align uint64, draw Draw) *Distribution {
	d := &Distribution{draw: draw}
	for _, a := range areas {
		d.Slots += a.Slots
	}
	if d.Slots == 0 {
		d.at = func(uint64) weight { return weight{} }
		d.Places, d.Levels = 1, []Level{{big.NewRat(1, 1), 1}}
		return d
	}
	d.at = func(addr uint64) (w weight) {
		var base uint64
		for _, a := range areas {
			slot := (addr - a.Start) / align
			if addr >= a.Start && slot < a.Slots && (addr-a.Start)%align == 0 {
				w.slots++
				w.extra += d.extra(base+slot+1) - d.extra(base+slot)
			}
			base += a.Slots
		}
		return w
	}
	d.setLevels(d.count(areas, align))
	return d
}

// weight is the number of random numbers that lead to a place: slots of them times
// ⌊numbers/n⌋, and extra more.
type weight struct {
	slots, extra uint64
}

// count returns how many places have each weight.
func (d *Distribution) count(areas []Area, align uint64) map[weight]uint64 {
	places := map[weight]uint64{}
	for s := range d.stretches(areas, align) {
		if len(s.first) > 1 && d.draw == Scaled {
			d.countEach(s, places)
			continue
		}
		var extra uint64
		for _, slot := range s.first {
			extra += d.extra(slot+s.places) - d.extra(slot)
		}
		n := uint64(len(s.first))
		if n == 1 {
			add(places, weight{1, 1}, extra)
			add(places, weight{1, 0}, s.places-extra)
			continue
		}
		add(places, weight{n, extra / s.places}, s.places) // all alike: see cuts
	}
	return places
}

// countEach counts the places of a stretch one by one: there is no shorter way to
// tell where several rows of spread slots coincide.
func (d *Distribution) countEach(s stretch, places map[weight]uint64) {
	for i := range s.places {
		w := weight{slots: uint64(len(s.first))}
		for _, slot := range s.first {
			w.extra += d.extra(slot+i+1) - d.extra(slot+i)
		}
		places[w]++
	}
}

func add(places map[weight]uint64, w weight, n uint64) {
	if n > 0 {
		places[w] += n
	}
}

// extra returns how many of the slots below slot have one number more than the others.
func (d *Distribution) extra(slot uint64) uint64 {
	if d.draw == Modulo {
		return min(slot, d.remainder())
	}
	if slot == d.Slots {
		return d.remainder()
	}
	first, rest := bits.Div64(slot>>32, slot<<32, d.Slots) // slot·2^32/n, rounded up below
	if rest > 0 {
		first++
	}
	return first - slot*(1<<32/d.Slots)
}

// remainder is how many slots have one number more than the others.
func (d *Distribution) remainder() uint64 {
	if d.draw == Scaled {
		return 1 << 32 % d.Slots
	}
	return (math.MaxUint64%d.Slots + 1) % d.Slots
}

// numbers is how many random numbers there are.
func (d *Distribution) numbers() *big.Int {
	if d.draw == Scaled {
		return new(big.Int).Lsh(big.NewInt(1), 32)
	}
	return new(big.Int).Lsh(big.NewInt(1), 64)
}

// probability of a place with weight w.
func (d *Distribution) probability(w weight) *big.Rat {
	share := new(big.Int).Div(d.numbers(), new(big.Int).SetUint64(d.Slots))
	share.Mul(share, new(big.Int).SetUint64(w.slots))
	share.Add(share, new(big.Int).SetUint64(w.extra))
	return new(big.Rat).SetFrac(share, d.numbers())
}

func (d *Distribution) setLevels(places map[weight]uint64) {
	list := make([]Level, 0, len(places))
	for w, n := range places {
		list = append(list, Level{d.probability(w), n})
		d.Places += n
	}
	slices.SortFunc(list, func(a, b Level) int { return b.Probability.Cmp(a.Probability) })
	for _, l := range list {
		if n := len(d.Levels); n > 0 && d.Levels[n-1].Probability.Cmp(l.Probability) == 0 {
			d.Levels[n-1].Places += l.Places
		} else {
			d.Levels = append(d.Levels, l)
		}
	}
}

// Probability of the address addr, exactly; 0 for one that is no place.
func (d *Distribution) Probability(addr uint64) *big.Rat {
	w := d.at(addr)
	if w.slots == 0 {
		return new(big.Rat)
	}
	return d.probability(w)
}

// Entropy is Shannon's, in bits: the sum of -p·log2(p) over all places.
func (d *Distribution) Entropy() float64 {
	var sum float64
	for _, l := range d.Levels {
		p, _ := l.Probability.Float64()
		all, _ := new(big.Rat).Mul(l.Probability, new(big.Rat).SetUint64(l.Places)).Float64()
		sum -= all * math.Log2(p)
	}
	return sum
}

// MinEntropy is -log2 of the highest probability, in bits: what the best guess of
// the address is up against.
func (d *Distribution) MinEntropy() float64 {
	p, _ := d.Levels[0].Probability.Float64()
	return 0 - math.Log2(p)
}
