package alloc

import (
	"bootplan/linux"
	"bootplan/memmap"
)

// ReserveEFIMap reserves the memory in which the EFI memory map lies.
// Source: arch/x86/platform/efi/efi.c:efi_memblock_x86_reserve_range (v6.12).
func (m *Memblock) ReserveEFIMap(efi *memmap.KernelEFIMap) error {
	defer m.calledBy("efi_memblock_x86_reserve_range")()
	return m.Reserve(efi.Addr, efi.Size())
}

// FindMirror marks the memory that the EFI map calls more reliable. The error is
// always a *linux.Panic.
// Source: drivers/firmware/efi/efi.c:efi_find_mirror (v6.12).
func (m *Memblock) FindMirror(efi *memmap.KernelEFIMap) error {
	for _, d := range efi.Descriptors() {
		if d.Attr&memmap.EFIMoreReliable == 0 {
			continue
		}
		if err := linux.OnlyPanic(m.MarkMirror(d.Phys, d.Pages*memmap.PageSize)); err != nil {
			return err
		}
	}
	return nil
}

// ReserveBootServices keeps memory of EFI boot services until the kernel has set up
// the runtime services. Where it may not be freed afterwards, because somebody else
// reserved it or because it is the kernel's or not all RAM, the descriptor is marked
// EFIRuntime; the indexes of those that were not come back. kernel is [_text, _end). The error is
// always a *linux.Panic.
// Source: arch/x86/platform/efi/quirks.c:efi_reserve_boot_services (v6.12).
func (m *Memblock) ReserveBootServices(efi *memmap.KernelEFIMap, e820 *memmap.E820Table, kernel memmap.Range) (tagged []int, err error) {
	defer m.calledBy("efi_reserve_boot_services")()
	for i, d := range efi.Descriptors() {
		if d.Type != memmap.EFIBootServicesCode && d.Type != memmap.EFIBootServicesData {
			continue
		}
		size := d.Pages * memmap.PageSize
		if !m.IsRegionReserved(d.Phys, size) {
			if err := linux.OnlyPanic(m.Reserve(d.Phys, size)); err != nil {
				return tagged, err
			}
			if freeable(d.Phys, size, e820, kernel) {
				continue
			}
		}
		if d.Attr&memmap.EFIRuntime == 0 {
			efi.SetRuntime(i)
			tagged = append(tagged, i)
		}
	}
	return tagged, nil
}

// freeable reports whether a range has nothing of the kernel and is all RAM. A range
// that begins right behind the kernel counts as the kernel's.
// Source: arch/x86/platform/efi/quirks.c:can_free_region (v6.12).
func freeable(start, size uint64, e820 *memmap.E820Table, kernel memmap.Range) bool {
	if start+size > kernel.Start && start <= kernel.End {
		return false
	}
	_, ram := e820.MappedAll(start, start+size, memmap.E820RAM)
	return ram
}
