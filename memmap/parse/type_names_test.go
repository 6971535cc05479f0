package parse

import (
	"testing"

	"bootplan/memmap"
)

func TestTypeNames(t *testing.T) {
	for name, want := range map[string]memmap.EFIType{
		"Boot Data": memmap.EFIBootServicesData, "BS_Data": memmap.EFIBootServicesData, "ACPI Mem NVS": memmap.EFIACPINVS,
		"Available": memmap.EFIConventional, "Conventional": memmap.EFIConventional,
	} {
		if got, ok := EFIType(name); got != want || !ok {
			t.Errorf("EFIType(%q) = %v, %v", name, got, ok)
		}
	}
	if got, ok := E820Type("device reserved"); got != memmap.E820Reserved || !ok {
		t.Errorf("device reserved: %v, %v", got, ok)
	}
	if _, ok := EFIType("usable"); ok {
		t.Error("usable is no EFI type")
	}
	if _, ok := E820Type("Boot Data"); ok {
		t.Error("Boot Data is no e820 type")
	}
}
