package design

import (
	"fmt"

	"bootplan/memmap"
	"bootplan/sim"
)

// Lower bounds of what kexec loads, in bytes.
// Source: arch/x86/kernel/kexec-bzimage64.c (v6.12).
const (
	kexecParams = 0x3000    // MIN_BOOTPARAM_ADDR
	kexecInitrd = 0x1000000 // MIN_INITRD_LOAD_ADDR
)

const kexecSource = "arch/x86/kernel/kexec-bzimage64.c:bzImage64_load (v6.12)"

// loadByKernel follows kexec_file_load: a running kernel puts everything as high in RAM
// as there is room, above 4 GiB too, makes page tables that map all RAM, and jumps to
// the 64-bit entry.
func (z *decompressor) loadByKernel(b *sim.Boot) error {
	k := z.kernel.Setup
	b.Assume("kexec: where the old kernel keeps its page tables and the code that copies the new one is not modelled")
	r, ok := z.highest(memmap.PageSize, 16, kexecParams)
	if !ok {
		return noRoomForKexec(paramsName, memmap.PageSize)
	}
	z.bootParams = r
	b.Do(sim.Step{Op: sim.Alloc, Object: paramsName, Range: r, Why: "as high as there is room", Source: kexecSource})
	size := uint64(len(b.Scenario.Cmdline)) + 1
	if r, ok = z.highest(size, 16, kexecParams); !ok {
		return noRoomForKexec(cmdlineName, size)
	}
	z.placeCmdline(b, r.Start, "beside boot_params")
	size = memmap.AlignUp(uint64(k.InitSize), memmap.PageSize)
	if r, ok = z.highest(size, uint64(k.KernelAlignment), max(k.PrefAddress, memmap.MiB)); !ok {
		return noRoomForKexec(kernelName, size)
	}
	z.loaded = r.Start
	z.geometry()
	z.loadImage(b)
	if size = b.Scenario.Initrd.Size; size != 0 {
		if r, ok = z.highest(size, memmap.PageSize, kexecInitrd); !ok {
			return noRoomForInitrd(size)
		}
		z.placeInitrd(b, r.Start)
	}
	return nil
}

func noRoomForKexec(object string, size uint64) error {
	return &sim.Failure{Rule: "no-memory", Message: fmt.Sprintf("kexec finds no room for %s of %#x bytes", object, size)}
}

// highest is the highest place in RAM for size bytes at a multiple of align and not
// below least that none of what is placed already takes.
// Source: kernel/kexec_file.c:locate_mem_hole_top_down (v6.12).
func (z *decompressor) highest(size, align, least uint64) (best memmap.Range, ok bool) {
	window := sized(z.loaded, uint64(z.kernel.Setup.InitSize))
	if z.loaded == 0 {
		window = memmap.Range{}
	}
	for _, e := range z.e820 {
		ram, err := e.Range()
		if err != nil || e.Type != memmap.E820RAM {
			continue
		}
		for end := ram.End; end >= size && end-size >= max(ram.Start, least); {
			r := sized(memmap.AlignDown(end-size, align), size)
			if r.Start < max(ram.Start, least) {
				break
			}
			taken := firstOverlap(r, z.bootParams, z.cmdline, window)
			if taken.Empty() {
				if !ok || r.Start > best.Start {
					best, ok = r, true
				}
				break
			}
			end = taken.Start
		}
	}
	return best, ok
}

// firstOverlap is one of the others that shares a byte with r; empty if none does.
func firstOverlap(r memmap.Range, others ...memmap.Range) memmap.Range {
	for _, o := range others {
		if r.Overlaps(o) {
			return o
		}
	}
	return memmap.Range{}
}

// mapRAM brings the old kernel's identity map into force.
// Source: arch/x86/kernel/machine_kexec_64.c:init_pgtable (v6.12).
func (z *decompressor) mapRAM(b *sim.Boot) {
	const source = "arch/x86/kernel/machine_kexec_64.c:init_pgtable (v6.12)"
	b.SwitchTo(b.NewTables("kexec"), sim.Step{Object: pageTablesName, Why: "the old kernel leaves an identity map of all RAM", Source: source})
	for _, e := range z.e820 {
		if r, err := e.Range(); err == nil && e.Type == memmap.E820RAM {
			z.mapMissing(b, sim.Step{Object: "all RAM", Range: r.Outward(leaf), Perm: sim.RWX,
				Why: "readable, writable and executable, in large pages", Source: source})
		}
	}
}
