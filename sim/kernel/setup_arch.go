package kernel

import (
	"fmt"

	"bootplan/alloc"
	"bootplan/kaslr"
	"bootplan/linux"
	"bootplan/memmap"
)

// State is what the kernel knows of memory at the end of setup_arch.
type State struct {
	E820     *memmap.KernelE820
	Memblock *alloc.Memblock
	EFI      *memmap.KernelEFIMap // nil: no EFI, or its runtime services are switched off
	MaxPFN   uint64               // page frame behind the highest RAM
	Regions  kaslr.Regions        // where the direct map and its neighbours are
	Mapped   memmap.Set           // what the direct map covers
	RealMode memmap.Range         // trampoline for further processors
	Initrd   memmap.Range         // where it is in the end, not rounded to pages; empty: none
	PCIGap   uint64               // where devices without an address go
}

// setup is one run of setup_arch.
type setup struct {
	in Handover
	State
	params params
}

// SetupArch runs the memory part of setup_arch, and what the rest of the kernel's
// initialisation does to the same state. The error is a *linux.Panic where the kernel
// stops; the state then is that of the moment. Another error says what is wrong with
// the handover.
// Source: arch/x86/kernel/setup.c:setup_arch (v6.12).
func SetupArch(h *Handover) (*State, error) {
	k, err := newSetup(h)
	if err != nil {
		return nil, err
	}
	for _, act := range k.story() {
		if err := act(); err != nil {
			return &k.State, err
		}
	}
	return &k.State, nil
}

func newSetup(h *Handover) (*setup, error) {
	k := &setup{in: *h}
	if err := k.checkImage(); err != nil {
		return nil, err
	}
	k.Memblock = alloc.NewMemblock(h.Version)
	k.E820 = memmap.NewKernelE820(h.Version, h.Log)
	if h.EFI != nil {
		var err error
		if k.EFI, err = h.EFI.kernelMap(); err != nil {
			return nil, err
		}
		k.EFI.Log = h.Log
	}
	return k, nil
}

// checkImage fills in how much of .brk is in use, and refuses what can be no kernel.
func (k *setup) checkImage() error {
	tables := k.tablesInBrk()
	if k.in.Image.BrkUsed == 0 {
		const dmi = memmap.PageSize
		k.in.Image.BrkUsed = tables + dmi
	}
	layout, used := &k.in.Image.Layout, k.in.Image.BrkUsed
	if layout.End == 0 || layout.BrkStart > layout.End {
		return fmt.Errorf("kernel of %#x bytes with brk at %#x: expected the layout of an x86 kernel, brk at its end", layout.End, layout.BrkStart)
	}
	if room := layout.End - layout.BrkStart; used < tables || used > room {
		return fmt.Errorf("%#x bytes of brk in use: expected at least %#x, for page tables, and at most %#x", used, tables, room)
	}
	return nil
}

// print is what the kernel prints.
func (k *setup) print(line string) {
	if k.in.Log != nil {
		k.in.Log(line)
	}
}

func (k *setup) printf(format string, args ...any) {
	if k.in.Log != nil {
		k.in.Log(fmt.Sprintf(format, args...))
	}
}

// act is one step of the story.
type act func() error

// recent is a step of Linux 5.13 and later, which reserve everything of firmware and
// loader before they look at the memory map.
func (k *setup) recent(a act) act { return k.when(!k.old(), a) }

// before is a step at the place that it had until then.
func (k *setup) before(a act) act { return k.when(k.old(), a) }

func (k *setup) when(yes bool, a act) act {
	if yes {
		return a
	}
	return func() error { return nil }
}

func (k *setup) old() bool { return k.in.Version < linux.Of(5, 13) }

// announce prints the line below the version, which is the first that depends on the boot.
func (k *setup) announce() error {
	k.printf("Command line: %s", k.in.Cmdline)
	return nil
}

// story lists the steps in order.
func (k *setup) story() []act {
	return []act{
		k.announce,
		k.reserveKernel, k.reserveLowMemory, k.reserveInitrd,
		k.recent(k.reserveSetupData), k.recent(k.reserveBIOS),
		k.takeMap, k.extendMap,
		k.parseParams,
		k.reserveEFIMap,
		k.before(k.reserveSetupData), k.markSetupData,
		k.finishMap,
		k.startEFI,
		k.addKernel, k.findEnd, k.randomizeRegions,
		k.reserveMPTable, k.reserveBrk,
		k.addMemory,
		k.before(k.reserveBIOS),
		k.findMirror, k.keepBootServices,
		k.placeTrampoline,
		k.mapMemory,
		k.allocateLogBuffer,
		k.settleInitrd,
		k.when(k.in.Version < linux.V7_2, k.showZones),
		k.keepForDrivers,
		k.showNosave, k.findPCIGap,
		k.when(k.in.Version >= linux.V7_2, k.showZones),
		k.claimTrampoline,
		k.showRAMBuffers,
	}
}
