package alloc

import (
	"bootplan/linux"
	"bootplan/memmap"
)

// ReserveBIOS reserves everything from the BIOS's memory to 1 MiB.
// Source: arch/x86/kernel/ebda.c:reserve_bios_regions (v6.12).
func (m *Memblock) ReserveBIOS(w linux.BIOSWords) error {
	defer m.calledBy("reserve_bios_regions")()
	return m.Reserve(w.Start(), memmap.MiB-w.Start())
}

// AddE820 takes the RAM of an e820 table, reserves what is soft reserved in it, and
// trims memory to pages. From here on the arrays may grow. The error is always a
// *linux.Panic.
//
// Since 7.2 memory below 1 MiB is marked KHOScratch, until ReserveFirstMiB.
// Source: arch/x86/kernel/e820.c:e820__memblock_setup (v6.12); 7.2 from recorded logs.
func (m *Memblock) AddE820(t *memmap.E820Table) error {
	defer m.calledBy("e820__memblock_setup")()
	m.AllowResize()
	for _, e := range t.Entries() {
		var err error
		switch e.Type {
		case memmap.E820SoftReserved:
			err = m.Reserve(e.Addr, e.Size)
		case memmap.E820RAM, memmap.E820ReservedKern:
			err = m.Add(e.Addr, e.Size)
		}
		if err = linux.OnlyPanic(err); err != nil {
			return err
		}
	}
	if m.Version >= linux.V7_2 {
		if err := linux.OnlyPanic(m.Mark(0, memmap.MiB, KHOScratch)); err != nil {
			return err
		}
	}
	m.TrimMemory(memmap.PageSize)
	m.DumpAll()
	return nil
}

// AllocReserved allocates memory that a kernel started by kexec shall find reserved.
// Source: arch/x86/kernel/e820.c:e820__memblock_alloc_reserved (v6.12).
func (m *Memblock) AllocReserved(k *memmap.KernelE820, size, align uint64) (uint64, error) {
	at, err := m.Alloc(size, align)
	if err != nil {
		return 0, err
	}
	k.Kexec.Update(at, size, memmap.E820RAM, memmap.E820Reserved)
	if k.Kexec.Log != nil {
		k.Kexec.Log("update e820_table_kexec for e820__memblock_alloc_reserved()")
	}
	k.Kexec.Sanitize()
	return at, nil
}

// AllocRealMode allocates size bytes for the trampoline on which further processors
// start, as high below 1 MiB as there is room. The address is 0 if there is no room;
// the kernel then tries again with EFI boot services memory, and stops if that fails
// too. The error is always a *linux.Panic.
// Source: arch/x86/realmode/init.c:reserve_real_mode (v6.12).
func (m *Memblock) AllocRealMode(size uint64) (uint64, error) {
	defer m.calledBy("reserve_real_mode")()
	at, err := m.AllocRange(size, memmap.PageSize, 0, memmap.MiB)
	return at, linux.OnlyPanic(err)
}

// ReserveFirstMiB reserves all of the first MiB, once the trampoline is in it. The
// error is always a *linux.Panic.
// Source: arch/x86/realmode/init.c:reserve_real_mode (v6.12); 7.2 from recorded logs.
func (m *Memblock) ReserveFirstMiB() error {
	caller := "reserve_real_mode"
	if m.Version < linux.V7_2 {
		caller = "setup_arch" // the function ends with a jump to memblock_reserve
	}
	defer m.calledBy(caller)()
	err := linux.OnlyPanic(m.Reserve(0, memmap.MiB))
	if err != nil || m.Version < linux.V7_2 {
		return err
	}
	return linux.OnlyPanic(m.Clear(0, memmap.MiB, KHOScratch))
}
