package gallery

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
)

func TestOVMF2G(t *testing.T) {
	m := OVMF2G()
	// The first and the last line of the recorded table.
	first := memmap.EFIDescriptor{Type: memmap.EFIBootServicesCode, Phys: 0, Pages: 1, Attr: 0xf}
	last := memmap.EFIDescriptor{Type: memmap.EFIMMIO, Phys: 0xffc00000, Pages: 0x400, Attr: 0x8000000000000001}
	if diff := cmp.Diff([]memmap.EFIDescriptor{first, last}, []memmap.EFIDescriptor{m.Descriptors[0], m.Descriptors[m.Len()-1]}); diff != "" {
		t.Error(diff)
	}
	// QEMU gives 2 GiB less the 640 KiB hole; reserved, ACPI and runtime memory is not RAM.
	if got := m.RAM().Bytes(); got > 2*memmap.GiB || got < 2*memmap.GiB-16*memmap.MiB {
		t.Errorf("RAM: %#x bytes", got)
	}
	for i := range m.Len() {
		if _, err := m.Range(i); err != nil {
			t.Error(err)
		}
	}
}
