package memmap

import (
	"fmt"
	"slices"
)

// KernelEFIMap is the EFI memory map as the kernel proper keeps it: an array of
// descriptors in memory, whose length need not be a whole number of them.
// Source: arch/x86/platform/efi/efi.c, drivers/firmware/efi/memmap.c (v6.12).
type KernelEFIMap struct {
	Addr     uint64 // physical address of the array
	DescSize uint64 // bytes from one descriptor to the next
	// Log receives what the kernel prints when it cleans the map; nil: nothing is printed.
	Log func(line string)

	descs []EFIDescriptor // those that lie in the array completely
	rest  []EFIDescriptor // the one that begins in it and ends behind it, if any
}

// NewKernelEFIMap returns the map of size bytes that boot_params describes; descs is
// what lies in memory from addr on, read as descriptors, at least size bytes of them.
func NewKernelEFIMap(addr uint64, descs []EFIDescriptor, descSize, size uint64) (*KernelEFIMap, error) {
	m := &KernelEFIMap{}
	if err := m.Reset(addr, descs, descSize, size); err != nil {
		return nil, err
	}
	return m, nil
}

// Reset makes m what [NewKernelEFIMap] returns, in the memory that it has.
func (m *KernelEFIMap) Reset(addr uint64, descs []EFIDescriptor, descSize, size uint64) error {
	if descSize == 0 || size > descSize*uint64(len(descs)) {
		return fmt.Errorf("EFI memory map of %#x bytes: expected at most %d descriptors of %#x bytes", size, len(descs), descSize)
	}
	whole, begun := size/descSize, (size+descSize-1)/descSize
	m.descs = append(m.descs[:0], descs[:begun]...)
	*m = KernelEFIMap{Addr: addr, DescSize: descSize, descs: m.descs[:whole], rest: m.descs[whole:]}
	return nil
}

// Descriptors returns the map. The caller must not change it.
func (m *KernelEFIMap) Descriptors() []EFIDescriptor { return m.descs }

// Size is how many bytes the descriptors take.
func (m *KernelEFIMap) Size() uint64 { return uint64(len(m.descs)) * m.DescSize }

// SetRuntime marks descriptor i as needed by runtime services, whether it is or not:
// the kernel's way to say that its memory must never be freed.
func (m *KernelEFIMap) SetRuntime(i int) { m.descs[i].Attr |= EFIRuntime }

// Clean drops descriptors without pages and those that end beyond 2^64, and returns
// how many it dropped. One that ends behind the array is looked at as well: when it
// is dropped, it costs the map its last valid descriptor.
// Source: arch/x86/platform/efi/efi.c:efi_clean_memmap (v6.12).
func (m *KernelEFIMap) Clean() (dropped int) {
	unfit := func(d EFIDescriptor) bool { return !d.fits() }
	if !slices.ContainsFunc(m.descs, unfit) && !slices.ContainsFunc(m.rest, unfit) {
		return 0
	}
	all := slices.Concat(m.descs, m.rest)
	valid := slices.DeleteFunc(slices.Clone(all), unfit)
	dropped = len(all) - len(valid)
	m.logInvalid(all, dropped)
	m.descs, m.rest = valid[:max(len(m.descs)-dropped, 0)], nil
	return dropped
}

// fits reports whether d has pages, all of them below 2^64.
// Source: arch/x86/platform/efi/efi.c:efi_memmap_entry_valid (v6.12).
func (d EFIDescriptor) fits() bool {
	const most = ^uint64(0) / PageSize // EFI_PAGES_MAX
	return d.Pages != 0 && d.Pages <= most && d.Phys/PageSize <= most-d.Pages
}

// NeedsE820 reports whether the kernel takes the map into its e820 table unasked:
// when free memory is set aside for a device driver, which e820 cannot express.
// Source: arch/x86/platform/efi/efi.c:do_efi_soft_reserve (v6.12).
func (m *KernelEFIMap) NeedsE820(softReserve bool) bool {
	for _, d := range m.descs {
		if softReserve && d.Type == EFIConventional && d.Attr&EFISP != 0 {
			return true
		}
	}
	return false
}

// AddToE820 adds every descriptor to the table and sanitises it. The types are not
// quite those of the EFI stub's conversion: memory that cannot be cached counts as
// reserved, and unknown types are reserved instead of left out.
// Source: arch/x86/platform/efi/efi.c:do_add_efi_memmap (v6.12).
func (m *KernelEFIMap) AddToE820(t *E820Table, softReserve bool) {
	for _, d := range m.descs {
		t.Add(d.Phys, d.Pages*PageSize, d.kernelE820Type(softReserve))
	}
	t.Sanitize()
}

func (d EFIDescriptor) kernelE820Type(softReserve bool) E820Type {
	switch d.Type {
	case EFILoaderCode, EFILoaderData, EFIBootServicesCode, EFIBootServicesData, EFIConventional:
		switch {
		case softReserve && d.Attr&EFISP != 0:
			return E820SoftReserved
		case d.Attr&EFIWB != 0:
			return E820RAM
		}
		return E820Reserved
	case EFIACPIReclaim:
		return E820ACPI
	case EFIACPINVS:
		return E820NVS
	case EFIUnusable:
		return E820Unusable
	case EFIPersistent:
		return E820PMEM
	}
	return E820Reserved
}

// minRemovedMMIO is the size from which on MMIO leaves the e820 table, in bytes.
const minRemovedMMIO = 256 * KiB

// RemoveMMIO takes large memory-mapped I/O ranges out of what the table reserves, so
// that the kernel may put PCI devices there. The table is not sanitised.
// Source: arch/x86/platform/efi/efi.c:efi_remove_e820_mmio (v6.12).
func (m *KernelEFIMap) RemoveMMIO(t *E820Table) {
	for i, d := range m.descs {
		if d.Type != EFIMMIO {
			continue
		}
		size := d.Pages * PageSize
		if t.Log != nil {
			t.Log(mmioLine(i, d.Phys, size))
		}
		if size >= minRemovedMMIO {
			t.Remove(d.Phys, size, E820Reserved)
		}
	}
}

func mmioLine(i int, start, size uint64) string {
	what, amount, unit := "Remove", size/MiB, "MB"
	if size < minRemovedMMIO {
		what, amount, unit = "Not removing", size/KiB, "KB"
	}
	return fmt.Sprintf("efi: %s mem%02d: MMIO range=[0x%08x-0x%08x] (%d%s) from e820 map",
		what, i, start, start+size-1, amount, unit)
}
