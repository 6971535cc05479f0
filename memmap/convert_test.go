package memmap

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every EFI type, and what setup_e820 makes of it, read off its source (v6.12).
func TestE820TypeOfEFITypes(t *testing.T) {
	want := map[EFIType]E820Type{
		EFIReserved: E820Reserved, EFILoaderCode: E820RAM, EFILoaderData: E820RAM,
		EFIBootServicesCode: E820RAM, EFIBootServicesData: E820RAM,
		EFIRuntimeServicesCode: E820Reserved, EFIRuntimeServicesData: E820Reserved,
		EFIConventional: E820RAM, EFIUnusable: E820Unusable, EFIACPIReclaim: E820ACPI, EFIACPINVS: E820NVS,
		EFIMMIO: E820Reserved, EFIMMIOPort: E820Reserved, EFIPalCode: E820Reserved, EFIPersistent: E820PMEM,
		EFIUnaccepted: E820RAM,
	}
	for code := range EFIType(20) {
		got, ok := EFIDescriptor{Type: code}.E820Type(ConvertOptions{UnacceptedMemory: true})
		expected, known := want[code]
		if ok != known || known && got != expected {
			t.Errorf("%v becomes %v, %v", code, got, ok)
		}
	}
	if _, ok := (EFIDescriptor{Type: EFIUnaccepted}).E820Type(ConvertOptions{}); ok {
		t.Error("unaccepted memory is left out by kernels that cannot accept it")
	}
}

func TestSpecialPurposeMemoryIsSoftReserved(t *testing.T) {
	for code := range EFIType(16) {
		d := EFIDescriptor{Type: code, Attr: EFISP}
		plain, _ := EFIDescriptor{Type: code}.E820Type(ConvertOptions{SoftReserve: true})
		got, _ := d.E820Type(ConvertOptions{SoftReserve: true})
		off, _ := d.E820Type(ConvertOptions{})
		soft := plain == E820RAM && code != EFIUnaccepted // SP says nothing about unaccepted memory
		if (got == E820SoftReserved) != soft || off == E820SoftReserved {
			t.Errorf("%v with SP becomes %v, without soft reservations %v", code, got, off)
		}
	}
}

func TestToE820MergesWhatTouches(t *testing.T) {
	descs := []EFIDescriptor{
		{Type: EFIConventional, Phys: 0x1000, Pages: 1},
		{Type: EFIBootServicesData, Phys: 0x2000, Pages: 2}, // touches, same e820 type: merged
		{Type: 99, Phys: 0x4000, Pages: 1},                  // left out, and does not stand between
		{Type: EFILoaderData, Phys: 0x4000, Pages: 1},       // merged
		{Type: EFIReserved, Phys: 0x5000, Pages: 1},         // another type
		{Type: EFIConventional, Phys: 0x9000, Pages: 1},     // a gap
		{Type: EFIConventional, Phys: 0x8000, Pages: 1},     // touches from below only: not merged
		{Type: EFIConventional, Phys: 0x9000, Pages: 0},     // no length, touches: merged
	}
	want := []E820Entry{
		{0x1000, 0x4000, E820RAM}, {0x5000, 0x1000, E820Reserved}, {0x9000, 0x1000, E820RAM}, {0x8000, 0x1000, E820RAM},
	}
	if diff := cmp.Diff(want, ToE820(descs, ConvertOptions{})); diff != "" {
		t.Error(diff)
	}
}

// The kernel shifts the number of pages by 12 and adds, both modulo 2^64.
func TestToE820WrapsLikeTheKernel(t *testing.T) {
	descs := []EFIDescriptor{
		{Type: EFIConventional, Phys: top - 0xfff, Pages: 1<<52 + 1}, // one page after the shift
		{Type: EFIConventional, Phys: 0, Pages: 1},                   // touches its end, 2^64
	}
	want := []E820Entry{{top - 0xfff, 0x2000, E820RAM}}
	if diff := cmp.Diff(want, ToE820(descs, ConvertOptions{})); diff != "" {
		t.Error(diff)
	}
	if _, err := descs[0].Range(); !errors.Is(err, ErrWrap) {
		t.Errorf("%v", err)
	}
	if r, err := (EFIDescriptor{Phys: 0, Pages: top / PageSize}).Range(); err != nil || r.End != top-0xfff {
		t.Errorf("%v, %v", r, err)
	}
}
