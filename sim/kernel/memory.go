package kernel

import (
	"bootplan/kaslr"
	"bootplan/linux"
	"bootplan/memmap"
)

// reserve reserves r on behalf of caller. Like the kernel it goes on when memblock has
// no room to note it: the error is always a *linux.Panic.
func (k *Setup) reserve(caller string, r memmap.Range) error {
	k.Memblock.Caller = caller
	return linux.OnlyPanic(k.Memblock.Reserve(r.Start, r.Len()))
}

// reserveKern is reserve for what 7.2 marks as the kernel's own.
func (k *Setup) reserveKern(caller string, r memmap.Range) error {
	k.Memblock.Caller = caller
	return linux.OnlyPanic(k.Memblock.ReserveKern(r.Start, r.Len()))
}

// setupArch is how debug lines name the caller of what is compiled into setup_arch.
const setupArch = "setup_arch"

// reserveKernel keeps the kernel's own memory, .brk apart.
// Source: arch/x86/kernel/setup.c:early_reserve_memory (v6.12).
func (k *Setup) reserveKernel() error {
	return k.reserveKern(setupArch, k.in.Image.part(0, k.in.Image.Layout.BSSEnd))
}

// reserveLowMemory keeps the memory that BIOSes corrupt. Until 5.12 only the first
// page is kept at this point.
// Source: arch/x86/kernel/setup.c:early_reserve_memory (v6.12).
func (k *Setup) reserveLowMemory() error {
	if k.old() {
		return k.reserve(setupArch, memmap.Range{End: memmap.PageSize})
	}
	return k.reserve(setupArch, corruptible)
}

// corruptible is what BIOSes are known to write to at any time.
var corruptible = memmap.Range{End: 64 * memmap.KiB}

// reserveSetupData keeps the nodes that the loader left, and what they point to.
// Source: arch/x86/kernel/setup.c:memblock_x86_reserve_range_setup_data (v6.12).
func (k *Setup) reserveSetupData() error {
	const indirect = 1 << 31 // SETUP_INDIRECT
	for _, n := range k.in.SetupData {
		if err := k.reserveExtent(n.Addr, 16+uint64(n.Len)); err != nil {
			return err
		}
		if n.Type == indirect && n.Indirect.Type != indirect {
			if err := k.reserveExtent(n.Indirect.Addr, n.Indirect.Len); err != nil {
				return err
			}
		}
	}
	return nil
}

// reserveExtent is reserveKern for setup_data, whose ends may wrap around.
func (k *Setup) reserveExtent(addr, size uint64) error {
	k.Memblock.Caller = setupArch
	return linux.OnlyPanic(k.Memblock.ReserveKern(addr, size))
}

// reserveBIOS keeps the BIOS's own memory below 1 MiB.
// Source: arch/x86/kernel/ebda.c:reserve_bios_regions (v6.12).
func (k *Setup) reserveBIOS() error {
	return k.reserve(setupArch, memmap.Range{Start: k.in.BIOS.Start(), End: memmap.MiB})
}

// takeMap takes the firmware's map over.
func (k *Setup) takeMap() error {
	k.E820.Setup(k.in.Memory)
	return nil
}

// extendMap adds what did not fit into boot_params.
// Source: arch/x86/kernel/setup.c:parse_setup_data (v6.12).
func (k *Setup) extendMap() error {
	for _, n := range k.in.SetupData {
		if n.Type == setupE820Ext {
			k.E820.SetupExtended(n.E820)
		}
	}
	return nil
}

// markSetupData keeps setup_data apart in the map, although it is RAM.
func (k *Setup) markSetupData() error {
	k.nodes = k.nodes[:0]
	for _, n := range k.in.SetupData {
		k.nodes = append(k.nodes, n.SetupDataNode)
	}
	k.E820.ReserveSetupData(k.nodes)
	return nil
}

// finishMap sorts what the user made of the map.
func (k *Setup) finishMap() error { return k.E820.FinishEarlyParams() }

// addKernel makes sure that the kernel lies in RAM, and takes from RAM what belongs to
// PC firmware.
func (k *Setup) addKernel() error {
	k.E820.AddKernel(k.in.Image.whole())
	k.E820.TrimBIOS()
	return nil
}

// findEnd finds the end of RAM; with RAM above 4 GiB that below it too.
// Source: arch/x86/kernel/setup.c:setup_arch (v6.12).
func (k *Setup) findEnd() error {
	k.MaxPFN = k.E820.Table.EndOfRAM(k.in.CPU.LA57)
	if k.MaxPFN > 4*memmap.GiB/memmap.PageSize {
		k.E820.Table.EndOfLowRAM(k.in.CPU.LA57)
	}
	return nil
}

// randomizeRegions places the direct map and its neighbours in virtual memory.
func (k *Setup) randomizeRegions() error {
	if k.in.Regions != nil {
		k.Regions = k.in.Regions(k.MaxPFN)
		return nil
	}
	k.Regions = kaslr.RandomizeRegions(kaslr.RegionConfig{LA57: k.in.CPU.LA57}, k.MaxPFN, 0)
	return nil
}

// reserveMPTable keeps the table by which a BIOS describes the processors.
// Source: arch/x86/kernel/mpparse.c:smp_scan_config (v6.12).
func (k *Setup) reserveMPTable() error {
	for i, r := range k.in.MPTable {
		if i == 0 {
			k.printf("found SMP MP-table at %s", r.Short())
		}
		if err := k.reserve("smp_scan_config", r); err != nil {
			return err
		}
	}
	return nil
}

// reserveBrk keeps what is in use of the kernel's first heap, and closes it.
// Source: arch/x86/kernel/setup.c:reserve_brk (v6.12).
func (k *Setup) reserveBrk() error { return k.reserveKern(setupArch, k.in.Image.brk()) }

// addMemory tells memblock what is RAM. From here on it can give memory out, from the
// first MiB until the direct map exists.
func (k *Setup) addMemory() error {
	k.Memblock.Limit = memmap.MiB
	return k.Memblock.AddE820(&k.E820.Table)
}
