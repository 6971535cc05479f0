package memmap

// ConvertOptions are the build and boot options on which the conversion depends.
type ConvertOptions struct {
	UnacceptedMemory bool // CONFIG_UNACCEPTED_MEMORY
	SoftReserve      bool // CONFIG_EFI_SOFT_RESERVE and no efi=nosoftreserve
}

// E820Type returns the type that the EFI stub gives to d's memory in the e820
// table; ok is false where it leaves the descriptor out.
// Source: drivers/firmware/efi/libstub/x86-stub.c:setup_e820 (v6.12).
func (d EFIDescriptor) E820Type(o ConvertOptions) (t E820Type, ok bool) {
	switch d.Type {
	case EFIReserved, EFIRuntimeServicesCode, EFIRuntimeServicesData, EFIMMIO, EFIMMIOPort, EFIPalCode:
		return E820Reserved, true
	case EFIUnusable:
		return E820Unusable, true
	case EFIACPIReclaim:
		return E820ACPI, true
	case EFILoaderCode, EFILoaderData, EFIBootServicesCode, EFIBootServicesData, EFIConventional:
		if o.SoftReserve && d.Attr&EFISP != 0 {
			return E820SoftReserved, true
		}
		return E820RAM, true
	case EFIACPINVS:
		return E820NVS, true
	case EFIPersistent:
		return E820PMEM, true
	case EFIUnaccepted:
		return E820RAM, o.UnacceptedMemory
	}
	return 0, false
}

// ToE820 converts an EFI map into the e820 entries that the EFI stub makes of it,
// in the order of the map, touching entries of one type merged. The table has no
// limit here; package alloc models how the stub splits it into boot_params and an
// extension.
// Source: drivers/firmware/efi/libstub/x86-stub.c:setup_e820 (v6.12).
func ToE820(descs []EFIDescriptor, o ConvertOptions) []E820Entry {
	var table []E820Entry
	for _, d := range descs {
		t, ok := d.E820Type(o)
		if !ok {
			continue
		}
		size := d.Pages * PageSize
		if n := len(table); n > 0 && table[n-1].Type == t && table[n-1].Addr+table[n-1].Size == d.Phys {
			table[n-1].Size += size
			continue
		}
		table = append(table, E820Entry{d.Phys, size, t})
	}
	return table
}
