package kaslr

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bootplan/memmap"
)

const step = 2 * memmap.MiB

// levels states levels as text, for comparison.
func levels(d *Distribution) map[string]uint64 {
	m := map[string]uint64{}
	for _, l := range d.Levels {
		m[d.Fraction(l.Numbers).String()] += l.Places
	}
	return m
}

func mustDistribution(t *testing.T, areas []Area, draw Draw) *Distribution {
	t.Helper()
	var d Distribution
	if err := d.Make(areas, step, draw); err != nil {
		t.Fatal(err)
	}
	return &d
}

// 2^64 = 3·6148914691236517205 + 1 and 2^32 = 3·1431655765 + 1.
func TestDistributionOfThree(t *testing.T) {
	areas := []Area{{0, 1}, {memmap.GiB, 2}}
	d := mustDistribution(t, areas, Modulo)
	const more, less = "3074457345618258603/9223372036854775808", "6148914691236517205/18446744073709551616"
	if diff := cmp.Diff(map[string]uint64{more: 1, less: 2}, levels(d)); diff != "" {
		t.Error(diff)
	}
	if got := d.Probability(0).String(); got != more {
		t.Errorf("slot 0: %s", got)
	}
	if got := d.Probability(memmap.GiB + step).String(); got != less {
		t.Errorf("slot 2: %s", got)
	}
	if d.Probability(step).Sign() != 0 || d.Probability(memmap.GiB+1).Sign() != 0 {
		t.Error("an address that is no place has a probability")
	}
	d = mustDistribution(t, areas, Scaled)
	// seeds 0 … 0x55555555, 0x55555556 … 0xaaaaaaaa, 0xaaaaaaab … 0xffffffff
	if diff := cmp.Diff(map[string]uint64{"715827883/2147483648": 1, "1431655765/4294967296": 2}, levels(d)); diff != "" {
		t.Error(diff)
	}
	if got := d.Probability(0).String(); got != "715827883/2147483648" {
		t.Errorf("slot 0: %s", got)
	}
}

func TestDistributionOfRepeatedAreas(t *testing.T) {
	// Four slots on three places; the second place is slot 1 and slot 2.
	d := mustDistribution(t, []Area{{0, 2}, {step, 2}}, Modulo)
	if diff := cmp.Diff(map[string]uint64{"1/2": 1, "1/4": 2}, levels(d)); diff != "" || d.Places != 3 || d.Slots != 4 {
		t.Errorf("%d places, %d slots; %s", d.Places, d.Slots, diff)
	}
	if d.Entropy() != 1.5 || d.MinEntropy() != 1 {
		t.Errorf("entropy %v, %v", d.Entropy(), d.MinEntropy())
	}
}

func TestDistributionOfNothing(t *testing.T) {
	for _, draw := range []Draw{Modulo, Scaled} {
		d := mustDistribution(t, []Area{{step, 0}}, draw)
		if diff := cmp.Diff(map[string]uint64{"1/1": 1}, levels(d)); diff != "" || d.Entropy() != 0 || d.MinEntropy() != 0 {
			t.Errorf("%v bits; %s", d.Entropy(), diff)
		}
		if p := d.Probability(step); p.Sign() != 0 {
			t.Errorf("an address that is no place has the probability %v", p)
		}
	}
}

func TestDistributionEntropy(t *testing.T) {
	for _, slots := range []uint64{1, 2, 1024, 1 << 40} {
		d := mustDistribution(t, []Area{{0, slots}}, Modulo)
		if want := math.Log2(float64(slots)); d.Entropy() != want || d.MinEntropy() != want {
			t.Errorf("%d slots: %v, %v", slots, d.Entropy(), d.MinEntropy())
		}
	}
	d := mustDistribution(t, []Area{{0, 2981}}, Modulo)
	if got := d.Entropy(); math.Abs(got-math.Log2(2981)) > 1e-12 {
		t.Errorf("2981 slots: %v", got)
	}
}

func TestTooManySlots(t *testing.T) {
	var d Distribution
	if err := d.Make([]Area{{0, 1}, {0, 1 << 32}}, memmap.PageSize, Scaled); !errors.Is(err, ErrTooManySlots) {
		t.Errorf("got %v", err)
	}
	if err := d.Make([]Area{{0, 1 << 32}}, memmap.PageSize, Scaled); err != nil || d.Levels[0] != (Level{1, 1 << 32}) {
		t.Errorf("%v, %v", err, d.Levels)
	}
}

// someAreas are few and small, and overlap often.
func someAreas() *rapid.Generator[[]Area] {
	area := rapid.Custom(func(t *rapid.T) Area {
		return Area{rapid.Uint64Range(0, 40).Draw(t, "start") * step, rapid.Uint64Range(0, 30).Draw(t, "slots")}
	})
	return rapid.SliceOfN(area, 1, 8)
}

// The probability of every place, asked one by one, adds up to 1, is what the levels
// say, and is what counting random numbers by themselves gives.
func TestDistributionIsExact(t *testing.T) {
	var d Distribution // used again and again
	rapid.Check(t, func(t *rapid.T) {
		areas := someAreas().Draw(t, "areas")
		draw := rapid.SampledFrom([]Draw{Modulo, Scaled}).Draw(t, "draw")
		if err := d.Make(areas, step, draw); err != nil {
			t.Fatal(err)
		}
		if d.Slots == 0 {
			return
		}
		counted := map[uint64]*big.Int{}
		var slot uint64
		for _, a := range areas {
			for i := range a.Slots {
				addr := a.Start + i*step
				if counted[addr] == nil {
					counted[addr] = new(big.Int)
				}
				counted[addr].Add(counted[addr], numbersOf(draw, slot, d.Slots))
				slot++
			}
		}
		sum := new(big.Rat)
		byLevel := map[string]uint64{}
		for addr, n := range counted {
			want := new(big.Rat).SetFrac(n, new(big.Int).Lsh(big.NewInt(1), draw.bits()))
			if got := d.Probability(addr); got.Cmp(want) != 0 {
				t.Fatalf("%#x: got %v, want %v", addr, got, want)
			}
			byLevel[want.String()]++
			sum.Add(sum, want)
		}
		if sum.Cmp(big.NewRat(1, 1)) != 0 {
			t.Fatalf("sum %v", sum)
		}
		if diff := cmp.Diff(byLevel, levels(&d)); diff != "" || d.Places != uint64(len(counted)) {
			t.Fatalf("%d places; %s", d.Places, diff)
		}
		for i := 1; i < len(d.Levels); i++ {
			if d.Fraction(d.Levels[i-1].Numbers).Cmp(d.Fraction(d.Levels[i].Numbers)) <= 0 {
				t.Fatalf("levels %v", d.Levels)
			}
		}
	})
}

// numbersOf counts the random numbers that select slot of n: for Modulo slot,
// slot+n, slot+2n … up to 2^64-1; for Scaled those between the first that selects it
// and the first that selects a higher one.
func numbersOf(draw Draw, slot, n uint64) *big.Int {
	if draw == Scaled {
		return new(big.Int).SetUint64(firstSeed(slot+1, n) - firstSeed(slot, n))
	}
	last := new(big.Int).SetUint64(math.MaxUint64 - slot)
	last.Div(last, new(big.Int).SetUint64(n))
	return last.Add(last, big.NewInt(1))
}

// firstSeed finds by halving the lowest 32-bit seed that selects slot or a higher one.
func firstSeed(slot, n uint64) uint64 {
	low, high := uint64(0), uint64(1)<<32
	for low < high {
		middle := (low + high) / 2
		if n*middle>>32 >= slot {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}

// A thousand nested areas: the place in the middle is in all of them.
func TestNestedAreas(t *testing.T) {
	var areas []Area
	for i := range uint64(1000) {
		areas = append(areas, Area{i * step, 1999 - 2*i})
	}
	d := mustDistribution(t, areas, Modulo)
	if d.Slots != 1000*1000 || d.Places != 1999 {
		t.Errorf("%d slots, %d places", d.Slots, d.Places)
	}
	off := d.Probability(999 * step)
	off.Sub(off, big.NewRat(1000, 1000*1000))
	if off.Abs(off).Cmp(new(big.Rat).SetFrac64(1000, math.MaxInt64)) > 0 { // 1000 slots, each off by less than 2^-64
		t.Errorf("off by %v", off)
	}
}

func TestDistributionAllocatesNothing(t *testing.T) {
	areas := []Area{{0, 10}, {step, 30}, {40 * step, 7}}
	var d Distribution
	again := func() {
		for _, draw := range []Draw{Modulo, Scaled} {
			if err := d.Make(areas, step, draw); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.MakeScaled(LoadPhysicalAddr, 959*memmap.MiB, step); err != nil {
			t.Fatal(err)
		}
	}
	again()
	if n := testing.AllocsPerRun(20, again); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Every value modulo the slots, once each, lands on each place as often as it has
// slots.
func TestEveryDraw(t *testing.T) {
	in := plain()
	in.E820 = append(in.E820, in.E820[2]) // the RAM below 2 GiB a second time
	p := mustPlan(t, in)
	times := map[uint64]int64{}
	for r := range p.Slots {
		times[p.Choose(fixed{physical: r}).Phys]++
	}
	var d Distribution
	d.MakePhysical(p)
	if len(times) != int(d.Places) || d.Places != 1970 || d.Slots != 1970+968 {
		t.Errorf("%d places drawn, %d places, %d slots", len(times), d.Places, d.Slots)
	}
	for addr, n := range times {
		p := d.Probability(addr)
		p.Sub(p, big.NewRat(n, int64(d.Slots)))
		if p.Abs(p).Cmp(new(big.Rat).SetFrac64(n, math.MaxInt64)) > 0 { // n slots, each off by less than 2^-64
			t.Errorf("%#x: %d times", addr, n)
		}
	}
}
