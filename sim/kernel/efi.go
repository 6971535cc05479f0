package kernel

import (
	"bootplan/linux"
	"bootplan/memmap"
)

// reserveEFIMap keeps the EFI memory map, and takes it into the e820 table if that
// misses something.
// Source: arch/x86/platform/efi/efi.c:efi_memblock_x86_reserve_range (v6.12).
func (k *Setup) reserveEFIMap() error {
	if k.EFI == nil {
		return nil
	}
	softReserve := !k.params.noSoftReserve
	if k.params.addEFIMap || k.EFI.NeedsE820(softReserve) {
		k.EFI.AddToE820(&k.E820.Table, softReserve)
	}
	return linux.OnlyPanic(k.Memblock.ReserveEFIMap(k.EFI))
}

// startEFI reads the firmware's tables and cleans its map. Without runtime services
// the map is given up, and with it the memory of boot services.
// Source: arch/x86/platform/efi/efi.c:efi_init, drivers/firmware/efi/memattr.c:efi_memattr_init (v6.12).
func (k *Setup) startEFI() error {
	if k.EFI == nil {
		return nil
	}
	if table := k.in.EFI.MemAttr; !table.Empty() {
		if err := k.reserve("efi_memattr_init", table); err != nil {
			return err
		}
	}
	if k.params.noRuntime {
		k.EFI = nil
		return nil
	}
	k.EFI.Clean()
	if k.in.Version >= linux.Of(6, 2) {
		k.EFI.RemoveMMIO(&k.E820.Table)
	}
	if k.params.efiDebug && k.in.Log != nil {
		for i, d := range k.EFI.Descriptors() {
			k.print(d.LogLine(i))
		}
	}
	return nil
}

// findMirror tells memblock which memory is kept twice.
// Source: drivers/firmware/efi/efi.c:efi_find_mirror (v6.12).
func (k *Setup) findMirror() error {
	if k.EFI == nil {
		return nil
	}
	if err := k.Memblock.FindMirror(k.EFI); err != nil {
		return err
	}
	var mirrored, total uint64
	for _, d := range k.EFI.Descriptors() {
		total += d.Pages * memmap.PageSize
		if d.Attr&memmap.EFIMoreReliable != 0 {
			mirrored += d.Pages * memmap.PageSize
		}
	}
	if mirrored > 0 {
		k.printf("efi: Memory: %dM/%dM mirrored memory", mirrored/memmap.MiB, total/memmap.MiB)
	}
	return nil
}

// keepBootServices keeps the memory of boot services: some firmware still uses it.
func (k *Setup) keepBootServices() error {
	if k.EFI == nil {
		return nil
	}
	_, err := k.Memblock.ReserveBootServices(k.EFI, &k.E820.Table, k.in.Image.whole())
	return err
}

// keepForDrivers takes from RAM what drivers want to keep of boot services data.
// Memblock is left alone: what it would allocate for a larger map comes after ACPI.
// Source: arch/x86/platform/efi/quirks.c:efi_arch_mem_reserve (v6.12).
func (k *Setup) keepForDrivers() error {
	if k.EFI == nil {
		return nil
	}
	for _, r := range k.in.EFI.Kept {
		r = r.Outward(memmap.PageSize)
		k.E820.Table.Update(r.Start, r.Len(), memmap.E820RAM, memmap.E820Reserved)
		k.E820.Table.Sanitize()
	}
	return nil
}
