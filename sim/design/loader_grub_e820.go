package design

import "bootplan/memmap"

// grubRuntimeCode is the e820 type by which GRUB passes the code of runtime services on.
const grubRuntimeCode memmap.E820Type = 20

// grubE820 is the e820 table that GRUB makes of an EFI map: like the stub's, but for
// runtime code, and without soft-reserved memory.
// Source: grub-core/mmap/efi/mmap.c:grub_efi_mmap_iterate (2.06); recorded boots.
func grubE820(descs []memmap.EFIDescriptor) []memmap.E820Entry {
	var table []memmap.E820Entry
	for i := range descs {
		for _, e := range memmap.ToE820(descs[i:i+1], memmap.ConvertOptions{}) {
			if descs[i].Type == memmap.EFIRuntimeServicesCode {
				e.Type = grubRuntimeCode
			}
			if n := len(table); n > 0 && table[n-1].Type == e.Type && table[n-1].Addr+table[n-1].Size == e.Addr {
				table[n-1].Size += e.Size
				continue
			}
			table = append(table, e)
		}
	}
	return table
}
