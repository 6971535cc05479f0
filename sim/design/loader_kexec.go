package design

import (
	"fmt"

	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/kernel"
)

// What kexec_file_load loads: lowest addresses, and sizes, in bytes.
// Source: arch/x86/kernel/kexec-bzimage64.c (v6.12).
const (
	kexecParams  = 0x3000    // MIN_BOOTPARAM_ADDR
	kexecInitrd  = 0x1000000 // MIN_INITRD_LOAD_ADDR
	kexecCore    = 30        // MAX_ELFCOREHDR_STR_LEN, behind the command line
	kexecEFINode = 16 + 96   // a setup_data head and struct efi_setup_data, filled or not
	kexecSeed    = 32        // RNG_SEED_LENGTH
	setupSeed    = 9         // SETUP_RNG_SEED
)

const kexecSource = "arch/x86/kernel/kexec-bzimage64.c:bzImage64_load (v6.12)"

// loadByKernel follows kexec_file_load: a running kernel puts everything as high in RAM
// as there is room, above 4 GiB too, makes page tables that map all RAM, and jumps to
// the 64-bit entry.
func (z *decompressor) loadByKernel(b *sim.Boot) error {
	k := z.kernel.Setup
	b.Assume("kexec: the highest pages are taken by code that checks and enters the new kernel, which is not modelled; nor is what the old kernel passes on of EFI")
	params, err := z.placeByKernel(paramsName, z.kexecParamsSize(b), 0, kexecParams)
	if err != nil {
		return err
	}
	z.fillParams(b, params)
	window, err := z.placeByKernel("unpacking window", uint64(k.InitSize), uint64(k.KernelAlignment), max(k.PrefAddress, memmap.MiB), params)
	if err != nil {
		return err
	}
	z.loaded = window.Start
	z.geometry()
	z.loadImage(b)
	if b.Scenario.Initrd.Size == 0 {
		return nil
	}
	initrd, err := z.placeByKernel("initrd", b.Scenario.Initrd.Size, 0, kexecInitrd, params, window)
	if err == nil {
		z.placeInitrd(b, initrd.Start)
	}
	return err
}

// placeByKernel is the highest place in RAM for size bytes, rounded up to pages, at a
// multiple of align, but at least of a page, and not below least, that shares nothing
// with what is taken.
// Source: kernel/kexec_file.c:kexec_add_buffer, locate_mem_hole_top_down (v6.12).
func (z *decompressor) placeByKernel(object string, size, align, least uint64, taken ...memmap.Range) (best memmap.Range, err error) {
	size, align = memmap.AlignUp(size, memmap.PageSize), max(align, memmap.PageSize)
	for _, e := range z.e820 {
		ram, err := e.Range()
		if err != nil || e.Type != memmap.E820RAM {
			continue
		}
		for end := ram.End; end >= size; {
			r := sized(memmap.AlignDown(end-size, align), size)
			if r.Start < max(ram.Start, least) {
				break
			}
			other := firstOverlap(r, taken)
			if other.Empty() {
				if r.Start >= best.Start {
					best = r
				}
				break
			}
			end = other.Start
		}
	}
	if best.Empty() {
		return best, &sim.Failure{Rule: "no-memory", Message: fmt.Sprintf("kexec finds no room for %#x bytes: %s", size, object)}
	}
	return best, nil
}

// kexecParamsSize is the size of the buffer that begins with boot_params. Since 6.0 a
// seed for the random numbers of the new kernel is at its end.
func (z *decompressor) kexecParamsSize(b *sim.Boot) uint64 {
	size := memmap.AlignUp(memmap.PageSize+uint64(len(b.Scenario.Cmdline))+1+kexecCore, 16) + kexecEFINode
	if z.release >= linux.Of(6, 0) {
		size += setupDataHead + kexecSeed
	}
	return size
}

// fillParams puts boot_params, command line and seed into their buffer.
func (z *decompressor) fillParams(b *sim.Boot, buffer memmap.Range) {
	b.Do(sim.Step{Op: sim.Alloc, Object: paramsName, Range: buffer, Why: "one buffer for all that is small, as high as there is room", Source: kexecSource})
	z.bootParams = sized(buffer.Start, memmap.PageSize)
	z.writeCmdline(b, z.bootParams.End)
	if z.release < linux.Of(6, 0) {
		return
	}
	const size = setupDataHead + kexecSeed
	node := sized(buffer.Start+z.kexecParamsSize(b)-size, size)
	b.Do(sim.Step{Op: sim.Write, Object: setupDataName, Range: node, Keep: true, Why: "a seed for the random numbers of the new kernel",
		Source: "arch/x86/kernel/kexec-bzimage64.c:setup_rng_seed (v6.12)"})
	z.setupData = append(z.setupData, kernel.SetupData{SetupDataNode: memmap.SetupDataNode{Addr: node.Start, Type: setupSeed, Len: kexecSeed}})
}

// firstOverlap is one of the others that shares a byte with r; empty if none does.
func firstOverlap(r memmap.Range, others []memmap.Range) memmap.Range {
	for _, o := range others {
		if r.Overlaps(o) {
			return o
		}
	}
	return memmap.Range{}
}

// mapRAM brings the old kernel's identity map into force: RAM and the ACPI tables.
// Source: arch/x86/kernel/machine_kexec_64.c:init_pgtable, map_acpi_tables (v6.12).
func (z *decompressor) mapRAM(b *sim.Boot) {
	const source = "arch/x86/kernel/machine_kexec_64.c:init_pgtable (v6.12)"
	b.SwitchTo(b.NewTables("kexec"), sim.Step{Object: pageTablesName, Why: "the old kernel leaves an identity map of RAM and ACPI tables", Source: source})
	for _, e := range z.e820 {
		object := "all RAM"
		switch e.Type {
		case memmap.E820RAM:
		case memmap.E820ACPI, memmap.E820NVS:
			object = "ACPI tables"
		default:
			continue
		}
		if r, err := e.Range(); err == nil {
			z.mapMissing(b, sim.Step{Object: object, Range: r.Outward(leaf), Perm: sim.RWX,
				Why: "readable, writable and executable, in large pages", Source: source})
		}
	}
}
