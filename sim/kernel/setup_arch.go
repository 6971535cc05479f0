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
	HighMap  memmap.Range         // what is mapped at the kernel's own addresses
	Exposed  bool                 // rodata=off: the kernel never protects its own memory, apart from what it gives back
}

// Setup runs setup_arch, any number of times in the same memory. The zero Setup is
// ready to use.
type Setup struct {
	State
	in     Handover
	params params
	efi    memmap.KernelEFIMap
	direct directMap
	nodes  []memmap.SetupDataNode
}

// SetupArch runs [Setup.Arch] once.
func SetupArch(h *Handover) (*State, error) { return new(Setup).Arch(h) }

// Arch runs the memory part of setup_arch, and what the rest of the kernel's
// initialisation does to the same state, which is valid until the next run. The error is
// a *linux.Panic where the kernel stops; the state then is that of the moment. Another
// error says what is wrong with the handover.
// Source: arch/x86/kernel/setup.c:setup_arch (v6.12).
func (k *Setup) Arch(h *Handover) (*State, error) {
	if err := k.begin(h); err != nil {
		return nil, err
	}
	for _, act := range story {
		if k.in.Version < act.since || act.before != 0 && k.in.Version >= act.before {
			continue
		}
		if err := act.do(k); err != nil {
			return &k.State, err
		}
	}
	return &k.State, nil
}

// begin forgets the last run.
func (k *Setup) begin(h *Handover) error {
	k.in, k.params = *h, params{}
	if err := k.checkImage(); err != nil {
		return err
	}
	k.Mapped.Clear()
	k.State = State{E820: k.E820, Memblock: k.Memblock, Mapped: k.Mapped}
	if k.E820 == nil {
		k.E820, k.Memblock = &memmap.KernelE820{}, &alloc.Memblock{}
	}
	k.Memblock.Reset(h.Version)
	k.E820.Reset(h.Version, h.Log)
	if h.EFI != nil {
		size := h.EFI.DescSize * uint64(len(h.EFI.Descriptors))
		if err := k.efi.Reset(h.EFI.MapAddr, h.EFI.Descriptors, h.EFI.DescSize, size); err != nil {
			return err
		}
		k.EFI = &k.efi
		k.EFI.Log = h.Log
	}
	return nil
}

// checkImage fills in how much of .brk is in use, and refuses what can be no kernel.
func (k *Setup) checkImage() error {
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
func (k *Setup) print(line string) {
	if k.in.Log != nil {
		k.in.Log(line)
	}
}

func (k *Setup) printf(format string, args ...any) {
	if k.in.Log != nil {
		k.in.Log(fmt.Sprintf(format, args...))
	}
}

// old kernels look at the memory map before they have reserved everything of firmware and
// loader.
func (k *Setup) old() bool { return k.in.Version < linux.V5_13 }

// announce prints the line below the version, which is the first that depends on the boot.
func (k *Setup) announce() error {
	k.printf("Command line: %s", k.in.Cmdline)
	return nil
}

// story lists the steps in order, with the versions that do them at this place.
var story = []struct {
	do            func(*Setup) error
	since, before linux.Version
}{
	{do: (*Setup).announce},
	{do: (*Setup).reserveKernel},
	{do: (*Setup).reserveLowMemory},
	{do: (*Setup).reserveInitrd},
	{do: (*Setup).reserveSetupData, since: linux.V5_13},
	{do: (*Setup).reserveBIOS, since: linux.V5_13},
	{do: (*Setup).takeMap},
	{do: (*Setup).extendMap},
	{do: (*Setup).parseParams},
	{do: (*Setup).reserveEFIMap},
	{do: (*Setup).reserveSetupData, before: linux.V5_13},
	{do: (*Setup).markSetupData},
	{do: (*Setup).finishMap},
	{do: (*Setup).startEFI},
	{do: (*Setup).addKernel},
	{do: (*Setup).findEnd},
	{do: (*Setup).randomizeRegions},
	{do: (*Setup).reserveMPTable},
	{do: (*Setup).reserveBrk},
	{do: (*Setup).cleanHighMap},
	{do: (*Setup).addMemory},
	{do: (*Setup).reserveBIOS, before: linux.V5_13},
	{do: (*Setup).findMirror},
	{do: (*Setup).keepBootServices},
	{do: (*Setup).placeTrampoline},
	{do: (*Setup).mapMemory},
	{do: (*Setup).allocateLogBuffer},
	{do: (*Setup).settleInitrd},
	{do: (*Setup).showZones, before: linux.V7_2},
	{do: (*Setup).keepForDrivers},
	{do: (*Setup).showNosave},
	{do: (*Setup).findPCIGap},
	{do: (*Setup).showZones, since: linux.V7_2},
	{do: (*Setup).claimTrampoline},
	{do: (*Setup).showRAMBuffers},
}
