package kernel

import (
	"bootplan/linux"
	"bootplan/memmap"
)

// hasInitrd reports whether the kernel believes that there is an initrd.
func (k *Setup) hasInitrd() bool {
	return k.in.TypeOfLoader != 0 && k.in.Initrd.Start != 0 && !k.in.Initrd.Empty()
}

// initrdPages is the initrd up to the end of its last page.
func (k *Setup) initrdPages() memmap.Range {
	rd := k.in.Initrd
	return memmap.Range{Start: rd.Start, End: memmap.AlignUp(rd.End, memmap.PageSize)}
}

// reserveInitrd keeps the initrd.
// Source: arch/x86/kernel/setup.c:early_reserve_initrd (v6.12).
func (k *Setup) reserveInitrd() error {
	if !k.hasInitrd() {
		return nil
	}
	return k.reserveKern(setupArch, k.initrdPages())
}

// settleInitrd leaves the initrd where it is if the direct map covers it, and else
// moves it: mem= and memmap= do not stop a loader from using the memory that they
// take away.
// Source: arch/x86/kernel/setup.c:reserve_initrd (v6.12).
func (k *Setup) settleInitrd() error {
	if !k.hasInitrd() {
		return nil
	}
	pages := k.initrdPages()
	k.Initrd = k.in.Initrd
	if k.in.Log != nil {
		k.print("RAMDISK: " + pages.Short())
	}
	whole := memmap.Range{Start: memmap.AlignDown(pages.Start, memmap.PageSize), End: pages.End}
	if k.Mapped.Covers(whole) {
		return nil
	}
	if err := k.moveInitrd(); err != nil {
		return err
	}
	k.Memblock.Caller = setupArch
	return linux.OnlyPanic(k.Memblock.Free(pages.Start, pages.Len()))
}

// moveInitrd copies the initrd to memory that the direct map covers.
// Source: arch/x86/kernel/setup.c:relocate_initrd (v6.12).
func (k *Setup) moveInitrd() error {
	old := k.Initrd
	at, err := k.allocate(setupArch, memmap.Range{End: k.Memblock.Limit}, memmap.AlignUp(old.Len(), memmap.PageSize), memmap.PageSize)
	if err != nil {
		return err
	}
	if at == 0 {
		return &linux.Panic{Text: "Cannot find place for new RAMDISK"}
	}
	k.Initrd = memmap.Range{Start: at, End: at + old.Len()}
	k.printf("Allocated new RAMDISK: %s", k.Initrd.Short())
	k.printf("Move RAMDISK from %s to %s", old.Short(), k.Initrd.Short())
	return nil
}
