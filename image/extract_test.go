package image

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var elfMagic = [4]byte{0x7f, 'E', 'L', 'F'}

// load is the address that x86 kernels are linked for.
const load = 0x1000000

// halted returns the text of a *Halt, or the error's.
func halted(err error) string {
	var h *Halt
	switch {
	case errors.As(err, &h):
		return h.Text
	case err != nil:
		return "no halt: " + err.Error()
	}
	return ""
}

func TestNeededSize(t *testing.T) {
	for _, c := range []struct{ output, total, want uint64 }{
		{0x2dba2cc, 0x2c30000, 0x2e00000},
		{0x200000, 0x1, 0x200000},
		{0x1, 0x200001, 0x400000},
	} {
		if got := NeededSize(c.output, c.total); got != c.want {
			t.Errorf("%+v: %#x", c, got)
		}
	}
}

func TestCheckDestination(t *testing.T) {
	const m2 = MinKernelAlign
	for _, c := range []struct {
		output, virt, needed, heap uint64
		want                       string
	}{
		{load, load, 0x3000000, 0x4000000, ""},
		{load + 0x1000, load + 1, 0x3000000, 0, "Destination physical address inappropriately aligned"},
		{load, load + 0x1000, 0x3000000, 0, "Destination virtual address inappropriately aligned"},
		{1 << 50, load, 0x3000000, 0, ""}, // not output, but the heap must be low
		{load, load, 0x3000000, 1 << 46, "Destination address too large"},
		{load, 1<<30 - m2, m2, 0, ""},
		{load, 1<<30 - m2, 2 * m2, 0, "Destination virtual address is beyond the kernel mapping area"},
	} {
		if got := halted(CheckDestination(c.output, c.virt, c.needed, c.heap)); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestMoveSegments(t *testing.T) {
	e := &ELF{Entry: load + 0xb53, Segments: []Segment{
		{Type: "PT_LOAD", Offset: 0x200000, Paddr: load, Filesz: 0x1b71000, Memsz: 0x1b71000, Align: 0x200000},
		{Type: "PT_NOTE", Offset: 0x1000, Paddr: load, Filesz: 0x54, Align: 4},
		{Type: "PT_LOAD", Offset: 0x1e00000, Paddr: load + 0x1c00000, Filesz: 0x270f80, Memsz: 0x1000000, Align: 0x200000},
	}}
	moves, entry, err := MoveSegments(e, elfMagic, 0x20000000, load, 0x10000)
	if err != nil || entry != 0xb53 {
		t.Errorf("entry %#x, %v", entry, err)
	}
	want := []Move{
		{Dst: 0x20000000, Src: 0x20200000, Size: 0x1b71000},
		{Dst: 0x21c00000, Src: 0x21e00000, Size: 0x270f80}, // what is not in the file is not cleared
	}
	if diff := cmp.Diff(want, moves); diff != "" {
		t.Error(diff)
	}
}

func TestMoveSegmentsHalts(t *testing.T) {
	good := Segment{Type: "PT_LOAD", Offset: 0x1000, Paddr: load, Filesz: 1, Align: 0} // 0 is a multiple of 2 MiB
	odd := good
	odd.Align = 0x1000
	for name, c := range map[string]struct {
		magic    [4]byte
		segments []Segment
		heap     uint64
		want     string
		moves    int
	}{
		"no ELF":                            {[4]byte{'M', 'Z'}, nil, 0x10000, "Kernel is not a valid ELF file", 0},
		"headers fill the heap exactly":     {elfMagic, []Segment{good, good}, 112, "Failed to allocate space for phdrs", 0},
		"one byte more":                     {elfMagic, []Segment{good, good}, 113, "", 2},
		"the second segment is not aligned": {elfMagic, []Segment{good, odd, good}, 0x1000, "Alignment of LOAD segment isn't multiple of 2MB", 1},
	} {
		moves, _, err := MoveSegments(&ELF{Segments: c.segments}, c.magic, 0x20000000, load, c.heap)
		if got := halted(err); got != c.want || len(moves) != c.moves {
			t.Errorf("%s: %q after %d moves", name, got, len(moves))
		}
	}
}
