package kernel

import (
	"errors"

	"bootplan/alloc"
	"bootplan/linux"
	"bootplan/memmap"
)

// placeTrampoline finds a place below 1 MiB for the code on which further processors
// start in real mode, and keeps the rest of the first MiB.
// Source: arch/x86/realmode/init.c:reserve_real_mode (v6.12).
func (k *Setup) placeTrampoline() error {
	at, err := k.allocRealMode()
	if err != nil {
		return err
	}
	if at == 0 {
		k.print("No sub-1M memory is available for the trampoline")
	} else {
		k.setTrampoline(at)
	}
	if k.old() {
		return k.reserve(setupArch, corruptible)
	}
	return k.Memblock.ReserveFirstMiB()
}

func (k *Setup) setTrampoline(at uint64) {
	k.RealMode = memmap.Range{Start: at, End: at + k.in.Image.RealModeSize}
}

// allocRealMode allocates the trampoline; address 0 means that there is no room.
// Until 5.12 search and reservation are separate calls.
func (k *Setup) allocRealMode() (uint64, error) {
	if !k.old() {
		return k.Memblock.AllocRealMode(k.in.Image.RealModeSize)
	}
	return k.findAndReserve("reserve_real_mode", memmap.Range{End: memmap.MiB}, k.in.Image.RealModeSize)
}

// findAndReserve reserves size bytes, whole pages, in a range; address 0 means that
// there is no room.
func (k *Setup) findAndReserve(caller string, in memmap.Range, size uint64) (uint64, error) {
	at := k.Memblock.Find(in.Start, in.End, size, memmap.PageSize)
	if at == 0 {
		return 0, nil
	}
	return at, k.reserve(caller, memmap.Range{Start: at, End: at + size})
}

// allocate allocates size bytes, whole pages, in a range; address 0 means that there
// is no room.
func (k *Setup) allocate(caller string, in memmap.Range, size, align uint64) (uint64, error) {
	k.Memblock.Caller = caller
	at, err := k.Memblock.AllocRange(size, align, in.Start, in.End)
	if errors.Is(err, alloc.ErrNoMemory) {
		return 0, nil
	}
	return at, err
}

// claimTrampoline makes up for a trampoline that found no place: the first memory of
// boot services below 1 MiB that is large enough becomes it. With efi=debug that
// memory is never freed, so there is none.
// Source: arch/x86/platform/efi/quirks.c:efi_unmap_boot_services,
// arch/x86/realmode/init.c:init_real_mode (v6.12).
func (k *Setup) claimTrampoline() error {
	if k.EFI != nil && !k.params.efiDebug {
		for _, d := range k.EFI.Descriptors() {
			if k.RealMode.Empty() && k.canHoldTrampoline(d) {
				k.setTrampoline(d.Phys)
			}
		}
	}
	if k.RealMode.Empty() {
		return &linux.Panic{Text: "Real mode trampoline was not allocated"}
	}
	return nil
}

// canHoldTrampoline reports whether d is freed boot services memory with room for the
// trampoline at its start.
func (k *Setup) canHoldTrampoline(d memmap.EFIDescriptor) bool {
	freed := (d.Type == memmap.EFIBootServicesCode || d.Type == memmap.EFIBootServicesData) && d.Attr&memmap.EFIRuntime == 0
	return freed && d.Phys+k.in.Image.RealModeSize < memmap.MiB && d.Pages*memmap.PageSize >= k.in.Image.RealModeSize
}
