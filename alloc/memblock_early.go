package alloc

import (
	"bootplan/linux"
	"bootplan/memmap"
)

// BIOSData are the words of the BIOS data area that tell where the BIOS keeps data of
// its own below 640 KiB.
type BIOSData struct {
	EBDASegment uint16 // at 0x40e: extended BIOS data area, in paragraphs of 16 bytes
	BaseMemKiB  uint16 // at 0x413: memory from 0 on
}

// Start is where the kernel proper believes that the BIOS's memory begins: at the end
// of base memory if that lies between 128 KiB and 0x9f000, else at 0x9f000, or at the
// extended BIOS data area if that lies between 128 KiB and there.
// Source: arch/x86/kernel/ebda.c:reserve_bios_regions (v6.12).
func (d BIOSData) Start() uint64 {
	const least, most = 0x20000, 0x9f000
	start := uint64(d.BaseMemKiB) * memmap.KiB
	if start < least || start > most {
		start = most
	}
	if ebda := uint64(d.EBDASegment) * 16; ebda >= least && ebda < start {
		start = ebda
	}
	return start
}

// ReserveBIOS reserves everything from the BIOS's memory to 1 MiB.
// Source: arch/x86/kernel/ebda.c:reserve_bios_regions (v6.12).
func (m *Memblock) ReserveBIOS(d BIOSData) error {
	return m.Reserve(d.Start(), memmap.MiB-d.Start())
}

// AddE820 takes the RAM of an e820 table, reserves what is soft reserved in it, and
// trims memory to pages. From here on the arrays may grow. The error is always a
// *linux.Panic.
// Source: arch/x86/kernel/e820.c:e820__memblock_setup (v6.12).
func (m *Memblock) AddE820(t *memmap.E820Table) error {
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
