package kaslr

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"bootplan/memmap"
)

func TestStubSeed(t *testing.T) {
	const ami = "American Megatrends"
	for _, c := range []struct {
		revision         uint32
		vendor, override string
		want             uint32
	}{
		{0x20046, "EDK II", "", 7},
		{0x20000, "EDK II", "", 7},
		{0x20000, ami, "", 0},
		{0x1000a, ami, "", 0},
		{0x2000a, ami, "", 7},
		{0x20000, ami + " Inc.", "", 7},
		{0x20000, "American", "", 7},
		{0x20046, "EDK II", "mem=", 0},
	} {
		if got := StubSeed(7, c.revision, c.vendor, c.override); got != c.want {
			t.Errorf("%+v: got %d", c, got)
		}
	}
}

// A kernel of 48 MiB leaves 960 MiB: half of them are 480.
func TestStubVirtual(t *testing.T) {
	const total = 48 * memmap.MiB
	for _, c := range []struct {
		seed        uint32
		align, want uint64
	}{
		{0, step, 16 * memmap.MiB},
		{0x80000000, step, 496 * memmap.MiB},
		{0x7fffffff, step, 494 * memmap.MiB},
		{0xffffffff, step, 974 * memmap.MiB},
		{0xffffffff, 16 * memmap.MiB, 960 * memmap.MiB},
	} {
		if got := StubVirtual(total, c.seed, c.align); got != c.want {
			t.Errorf("seed %#x: got %#x, want %#x", c.seed, got, c.want)
		}
	}
}

// The range is 959 MiB: 479 places take 2 MiB of it, the last one 1 MiB.
func TestStubVirtualDistribution(t *testing.T) {
	const total = 49 * memmap.MiB
	var d Distribution
	if err := d.MakeScaled(LoadPhysicalAddr, StubVirtualRange(total), step); err != nil {
		t.Fatal(err)
	}
	if d.Places != 480 {
		t.Errorf("%d places", d.Places)
	}
	sum := new(big.Rat)
	for i := range uint64(480) {
		place := LoadPhysicalAddr + i*step
		got := d.Probability(place)
		sum.Add(sum, got)
		if want := big.NewRat(int64(seedsBelow(total, place+step)-seedsBelow(total, place)), 1<<32); got.Cmp(want) != 0 {
			t.Errorf("%#x: got %v, want %v", place, got, want)
		}
	}
	if sum.Cmp(big.NewRat(1, 1)) != 0 {
		t.Errorf("sum %v", sum)
	}
	if last := d.Probability(LoadPhysicalAddr + 479*step); last.Cmp(big.NewRat(3, 2*959)) > 0 {
		t.Errorf("the last place is as probable as others: %v", last)
	}
	if e := d.Entropy(); e < math.Log2(479) || e > math.Log2(480) {
		t.Errorf("entropy %v", e)
	}
}

// seedsBelow finds by halving how many seeds give an address below addr.
func seedsBelow(total, addr uint64) uint64 {
	low, high := uint64(0), uint64(1)<<32
	for low < high {
		middle := (low + high) / 2
		if StubVirtual(total, uint32(middle), step) >= addr {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}

func TestStubVirtualDistributionAtTheEdge(t *testing.T) {
	var d Distribution
	if err := d.MakeScaled(LoadPhysicalAddr, StubVirtualRange(1008*memmap.MiB), step); err != nil || d.Places != 1 {
		t.Errorf("%v, %+v", err, d)
	}
	if err := d.MakeScaled(LoadPhysicalAddr, StubVirtualRange(1009*memmap.MiB), step); !errors.Is(err, ErrTooManySlots) {
		t.Errorf("got %v", err)
	}
}
