package design

import "bootplan/memmap"

// grubRuntimeCode is the e820 type by which GRUB passes the code of runtime services on.
const grubRuntimeCode memmap.E820Type = 20

// grubE820 appends to table what GRUB makes of an EFI map: like the stub, but for
// runtime code, and without soft-reserved memory.
// Source: grub-core/mmap/efi/mmap.c:grub_efi_mmap_iterate (2.06); recorded boots.
func grubE820(table []memmap.E820Entry, descs []memmap.EFIDescriptor) []memmap.E820Entry {
	for _, d := range descs {
		kind, ok := d.E820Type(memmap.ConvertOptions{})
		if !ok {
			continue
		}
		if d.Type == memmap.EFIRuntimeServicesCode {
			kind = grubRuntimeCode
		}
		size := d.Pages * memmap.PageSize
		if n := len(table); n > 0 && table[n-1].Type == kind && table[n-1].Addr+table[n-1].Size == d.Phys {
			table[n-1].Size += size
			continue
		}
		table = append(table, memmap.E820Entry{Addr: d.Phys, Size: size, Type: kind})
	}
	return table
}
