package alloc

import (
	"encoding/json"
	"os"
	"strconv"
	"testing"

	"bootplan/memmap"
)

// BenchmarkReference is the unit in which the kernel's own speed was measured: one
// iteration of a chain of shifts. efi_random_alloc takes 244 of them on the input
// of BenchmarkEFIRandomAlloc.
func BenchmarkReference(b *testing.B) {
	x := uint64(88172645463325252)
	for range b.N {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	if x == 0 {
		b.Fatal("the chain ended")
	}
}

// number reads the hex strings of vectors.
type number uint64

func (n *number) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 0, 64)
	*n = number(v)
	return err
}

// benchCase reads testdata/bench_random_alloc.jsonl: the input on which the kernel's
// own code was measured, and the address that it chose.
func benchCase(b *testing.B) (descs []memmap.EFIDescriptor, q Request, seed, want uint64) {
	var c struct {
		In struct {
			Map struct {
				Descs [][4]any `json:"descs"`
			} `json:"map"`
			Size  number `json:"size"`
			Align number `json:"align"`
			Seed  number `json:"random_seed"`
			Min   number `json:"alloc_min"`
			Max   number `json:"alloc_max"`
		} `json:"in"`
		Want struct {
			Addr number `json:"addr"`
		} `json:"want"`
	}
	text, err := os.ReadFile("testdata/bench_random_alloc.jsonl")
	if err != nil {
		b.Fatal(err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		b.Fatal(err)
	}
	word := func(v any) uint64 {
		n, err := strconv.ParseUint(v.(string), 0, 64)
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	for _, d := range c.In.Map.Descs {
		descs = append(descs, memmap.EFIDescriptor{
			Type: memmap.EFIType(d[0].(float64)), Phys: word(d[1]), Pages: word(d[2]), Attr: memmap.EFIAttr(word(d[3])),
		})
	}
	q = Request{
		Size: uint64(c.In.Size), Align: uint64(c.In.Align), Min: uint64(c.In.Min), Max: uint64(c.In.Max), SoftReserve: true,
	}
	return descs, q, uint64(c.In.Seed), uint64(c.Want.Addr)
}

// BenchmarkEFIRandomAlloc does all that efi_random_alloc does on the input on which
// the kernel's own code was measured, the calls to the firmware included.
func BenchmarkEFIRandomAlloc(b *testing.B) {
	descs, q, seed, want := benchCase(b)
	var fw Firmware = NewModelFirmware(descs)
	b.ReportAllocs()
	for b.Loop() {
		if at, status := RandomAlloc(fw, q, seed, memmap.EFILoaderCode); at != want || status != Success {
			b.Fatalf("got %#x, %v; want %#x", at, status, want)
		}
	}
}

// BenchmarkEntries shows that the cost is linear in the entries of the map.
func BenchmarkEntries(b *testing.B) {
	for _, n := range []int{10, 100, 1_000, 10_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			var descs []memmap.EFIDescriptor
			for i := range uint64(n) {
				descs = append(descs, free(i*64*memmap.MiB, i*64*memmap.MiB+32*memmap.MiB, 0))
			}
			var fw Firmware = NewModelFirmware(descs)
			q := Request{Size: 16 * memmap.MiB, Align: 2 * memmap.MiB, Min: 16 * memmap.MiB, Max: ^uint64(0)}
			b.ReportAllocs()
			for b.Loop() {
				if _, status := RandomAlloc(fw, q, 0xffffffff, memmap.EFILoaderCode); status != Success {
					b.Fatal(status)
				}
			}
		})
	}
}
