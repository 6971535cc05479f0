package trampoline

import (
	"errors"

	"bootplan/linux"
	"bootplan/memmap"
)

// RealModeSize is the size of the real-mode trampoline in bytes, as it was measured
// on Debian's kernels: six pages in v5.10, seven in v6.1, v6.12 and v7.2.
func RealModeSize(v linux.Version) uint64 {
	if v < linux.V6_1 {
		return 6 * memmap.PageSize
	}
	return 7 * memmap.PageSize
}

// RealModeText is the code of the real-mode trampoline, as offsets in bytes: whole pages,
// behind one of header and constants. Measured on the same kernels: one page in v5.10,
// two in v6.1, v6.12 and v7.2.
// Source: arch/x86/realmode/rm/realmode.lds.S (v6.12).
func RealModeText(v linux.Version) memmap.Range {
	text := memmap.Range{Start: memmap.PageSize, End: 2 * memmap.PageSize}
	if v >= linux.V6_1 {
		text.End += memmap.PageSize
	}
	return text
}

// ErrNoRealMode means that no memory below 1 MiB is free for the real-mode
// trampoline. The kernel then waits for boot services memory to become free, and
// panics if that does not help.
var ErrNoRealMode = errors.New("no sub-1M memory is available for the real-mode trampoline")

// RealModeInput is what the place of the real-mode trampoline depends on.
type RealModeInput struct {
	BIOS     linux.BIOSWords    // read on EFI machines as well
	Table    []memmap.E820Entry // after mem= and memmap=
	Reserved []memmap.Range     // setup_data, initrd, EFI boot services: what of it lies below 1 MiB
	Size     uint64             // bytes
}

// FindRealMode returns where the kernel puts the trampoline that starts the other
// processors: the highest pages below 1 MiB that are usable and not reserved. It
// counts the first 64 KiB and everything behind base memory as reserved.
// Source: arch/x86/realmode/init.c:reserve_real_mode,
// arch/x86/kernel/setup.c:early_reserve_memory, trim_bios_range (v6.12).
func FindRealMode(in *RealModeInput) (memmap.Range, error) {
	free := &memmap.Set{}
	ram := usable(in.Table)
	ram.Remove(memmap.Range{End: memmap.PageSize})
	ram.Remove(memmap.Range{Start: 640 * memmap.KiB, End: memmap.MiB})
	for _, r := range ram.Ranges() {
		free.Add(r.Inward(memmap.PageSize))
	}
	free.Remove(memmap.Range{End: 64 * memmap.KiB})
	free.Remove(memmap.Range{Start: in.BIOS.Start(), End: memmap.MiB})
	for _, r := range in.Reserved {
		free.Remove(r)
	}
	below, _ := free.Intersection(memmap.Range{End: memmap.MiB})
	for i := len(below) - 1; i >= 0; i-- {
		r := below[i]
		if r.Len() < in.Size {
			continue
		}
		if start := memmap.AlignDown(r.End-in.Size, memmap.PageSize); start >= r.Start {
			return memmap.Range{Start: start, End: start + in.Size}, nil
		}
	}
	return memmap.Range{}, ErrNoRealMode
}
