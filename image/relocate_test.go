package image

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/linux"
)

// relocation is a kernel of 0x1000 bytes at 128 MiB, moved up by 2 MiB, with a table
// behind it.
func relocation(v linux.Version, table ...uint32) *Relocation {
	r := &Relocation{
		Memory: make([]byte, 0x1000+4*len(table)), Output: 0x8000000, OutputLen: 0x1000 + 4*uint64(len(table)),
		Load: load, Virt: load + 0x200000, BSSOffset: 0xff8, Version: v,
	}
	for i, w := range table {
		binary.LittleEndian.PutUint32(r.Memory[0x1000+4*i:], w)
	}
	return r
}

// site is the low half of the virtual address of an offset into the kernel.
func site(offset uint32) uint32 { return 0x81000000 + offset }

func TestRelocate(t *testing.T) {
	r := relocation(linux.V6_12, 0, site(0x30), 0, site(0x20), 0, site(0x11), site(0x10))
	binary.LittleEndian.PutUint64(r.Memory[0x10:], 0xaaaaaaaa_00ffffff)
	binary.LittleEndian.PutUint64(r.Memory[0x20:], 0xbbbbbbbb_00000001)
	binary.LittleEndian.PutUint64(r.Memory[0x30:], 0xffffffff_81000000)
	if err := r.Apply(); err != nil {
		t.Fatal(err)
	}
	got := []uint64{
		binary.LittleEndian.Uint64(r.Memory[0x10:]),
		binary.LittleEndian.Uint64(r.Memory[0x20:]),
		binary.LittleEndian.Uint64(r.Memory[0x30:]),
	}
	// The word at 0x10 becomes 0x011fffff. The one that begins a byte behind it is
	// 0xaa011fff then, and becomes 0xaa211fff.
	want := []uint64{0xaaaaaaaa_211fffff, 0xbbbbbbbb_ffe00001, 0xffffffff_81200000}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%#x, want %#x", got, want)
	}
}

// The second list is the inverse one until 6.14, and the one of 64 bits since 6.15.
func TestRelocateSecondList(t *testing.T) {
	for v, want := range map[linux.Version]uint64{linux.Of(6, 14): 0x1_ffe00000, linux.Of(6, 15): 0x1_00200000} {
		r := relocation(v, 0, 0, site(0x20), 0)
		binary.LittleEndian.PutUint64(r.Memory[0x20:], 0x1_00000000)
		if err := r.Apply(); err != nil {
			t.Fatal(err)
		}
		if got := binary.LittleEndian.Uint64(r.Memory[0x20:]); got != want {
			t.Errorf("%v: %#x, want %#x", v, got, want)
		}
	}
}

func TestRelocateStaysInTheKernel(t *testing.T) {
	for name, c := range map[string]struct {
		table []uint32
		want  string
	}{
		"the first and the last place allowed": {[]uint32{0, site(0xff8), 0, 0, site(0)}, ""},
		"below the kernel":                     {[]uint32{0, 0, 0, site(0) - 1}, "32-bit relocation outside of kernel!"},
		"in .bss":                              {[]uint32{0, 0, site(0xff9), 0}, "inverse 32-bit relocation outside of kernel!"},
		"without the sign":                     {[]uint32{0, 0x01000000, 0, 0}, "64-bit relocation outside of kernel!"},
	} {
		if got := halted(relocation(linux.V6_12, c.table...).Apply()); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestRelocateNothing(t *testing.T) {
	r := relocation(linux.V6_12, 0, 0, 0, site(0)-1) // would halt
	r.Virt = load
	if err := r.Apply(); err != nil {
		t.Error(err)
	}
}

func TestRelocateWantsTheMemoryOfItsSites(t *testing.T) {
	r := relocation(linux.V6_12, 0, 0, 0, site(0x1100))
	r.BSSOffset = 0x1200
	if err := r.Apply(); err == nil || !strings.Contains(err.Error(), "expected the memory up to there") {
		t.Errorf("got %v", err)
	}
}
