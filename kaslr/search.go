package kaslr

import (
	"errors"

	"bootplan/linux"
	"bootplan/memmap"
)

// ErrNeverReturns says that the search for slots would go round for ever: an
// avoided range ends within the last alignment unit below 2^64, rounding its end up
// gives 0, and the walk begins again without having found anything new.
var ErrNeverReturns = errors.New("the search for slots never ends")

// ErrZeroDescSize says that the code would divide by zero.
var ErrZeroDescSize = errors.New("efi_memdesc_size is 0: expected the size of a descriptor, such as 48")

// search collects slot areas from the memory that in names, unless it is clear
// beforehand that there can be none.
// Source: arch/x86/boot/compressed/kaslr.c:find_random_phys_addr (v6.12, v7.2).
func (p *Plan) search(in *Input, lifted restrictions) error {
	if p.Minimum+p.NeededSize > p.Limit {
		return nil
	}
	if p.TooManyMemmaps {
		p.Aborted = abortMemmaps
		return nil
	}
	w := walk{p, in.Immovable, lifted.skip}
	if lifted.immovable {
		w.immovable = nil
	}
	if in.KexecHandover && in.Version >= linux.V7_2 {
		if areas, ok := scratchAreas(in.SetupData); ok {
			p.Source = FromKHO
			return w.extents(areas)
		}
	}
	if in.EFI.present() {
		p.Source = FromEFI
		return w.efi(in)
	}
	p.Source = FromE820
	return w.e820(in.E820)
}

// e820 walks the RAM entries of an e820 table.
// Source: arch/x86/boot/compressed/kaslr.c:process_e820_entries (v6.12).
func (w *walk) e820(table []memmap.E820Entry) error {
	size, last := w.small()
	for i := range table {
		e := &table[i]
		if e.Size < size && e.Addr <= last || e.Type != memmap.E820RAM {
			continue
		}
		full, err := w.candidate(Extent{e.Addr, e.Size})
		if full || err != nil {
			return err
		}
	}
	return nil
}

// efi walks the free memory of an EFI map.
// Source: arch/x86/boot/compressed/kaslr.c:process_efi_entries (v6.12).
func (w *walk) efi(in *Input) error {
	descs, err := in.EFI.described()
	if err != nil {
		return err
	}
	filter := newEFIFilter(in, descs)
	size, last := w.small()
	pages := (size + memmap.PageSize - 1) / memmap.PageSize
	for i := range descs {
		d := &descs[i]
		if d.Pages < pages && d.Phys <= last || !filter.takes(d) {
			continue
		}
		full, err := w.candidate(Extent{d.Phys, d.Pages * memmap.PageSize})
		if full || err != nil {
			return err
		}
	}
	return nil
}

// efiFilter tells which descriptors are candidate memory: Conventional, Unaccepted
// if the kernel can accept it, not kept for a driver, and mirrored if any memory of
// the map is mirrored, free or not.
type efiFilter struct {
	unaccepted bool
	mask, want memmap.EFIAttr // attributes that matter, and what they must be
}

func newEFIFilter(in *Input, descs []memmap.EFIDescriptor) efiFilter {
	f := efiFilter{unaccepted: in.UnacceptedMemory}
	for i := range descs {
		f.want |= descs[i].Attr
	}
	f.want &= memmap.EFIMoreReliable
	f.mask = f.want
	if in.SoftReserve {
		f.mask |= memmap.EFISP
	}
	return f
}

// free reports whether the type of d says that nothing uses it.
// Source: arch/x86/boot/compressed/kaslr.c:memory_type_is_free (v6.12).
func (f efiFilter) free(d *memmap.EFIDescriptor) bool {
	return d.Type == memmap.EFIConventional || d.Type == memmap.EFIUnaccepted && f.unaccepted
}

// takes reports whether d is candidate memory.
func (f efiFilter) takes(d *memmap.EFIDescriptor) bool {
	return f.free(d) && d.Attr&f.mask == f.want
}

// present reports whether there is an EFI map, as its signature says.
func (e *EFIInfo) present() bool { return e.Signature == "EL32" || e.Signature == "EL64" }

// described is the part of the map that the sizes cover.
func (e *EFIInfo) described() ([]memmap.EFIDescriptor, error) {
	if e.DescSize == 0 {
		return nil, ErrZeroDescSize
	}
	return e.Descs[:min(len(e.Descs), int(e.MapSize/e.DescSize))], nil
}

// scratchAreas returns the areas of the first handover node; ok is false where the
// code looks for other memory. It counts them in a signed 32-bit number: a negative
// count leaves no area, and no other memory either.
// Source: arch/x86/boot/compressed/kaslr.c:process_kho_entries (v7.2).
func scratchAreas(chain []SetupData) (areas []Extent, ok bool) {
	for i := range chain {
		node := &chain[i]
		if node.Addr == 0 {
			return nil, false
		}
		if node.Type == SetupKexecKHO {
			n := int32(node.KHO.ScratchSize / 16)
			return node.KHO.Scratch[:min(len(node.KHO.Scratch), max(0, int(n)))], n != 0
		}
	}
	return nil, false
}

func (w *walk) extents(list []Extent) error {
	for _, r := range list {
		full, err := w.candidate(r)
		if full || err != nil {
			return err
		}
	}
	return nil
}

// small tells which entries a walk would find nothing in: those of fewer bytes than
// size that begin at or below last. Most entries of a map are; leaving them out early
// saves the steps to the walk. Not so small as it seems is an entry behind the last
// slot below 2^64, whose walk begins at address 0, or a part of one if immovable
// ranges wrap around.
func (w *walk) small() (size, last uint64) {
	if len(w.immovable) > 0 {
		return 0, 0
	}
	return w.plan.NeededSize, -w.plan.Align
}

// candidate walks one range of candidate memory, or the parts of it that are
// immovable if anything is known about that. full reports that no more areas can be
// stored.
// Source: arch/x86/boot/compressed/kaslr.c:process_mem_region (v6.12).
func (w *walk) candidate(r Extent) (full bool, err error) {
	if len(w.immovable) == 0 {
		return w.part(r, abortAreas)
	}
	for _, fixed := range w.immovable {
		if !r.Overlaps(fixed) {
			continue
		}
		start := clamp(r.Start, fixed.Start, fixed.End())
		end := clamp(r.End(), fixed.Start, fixed.End())
		full, err := w.part(Extent{start, end - start}, abortImmovableAreas)
		if full || err != nil {
			return full, err
		}
	}
	return false, nil
}

// part walks r and notes abort if that filled the list of areas.
func (w *walk) part(r Extent, abort string) (full bool, err error) {
	if err := w.region(r); err != nil {
		return false, err
	}
	if len(w.plan.Areas) < MaxAreas {
		return false, nil
	}
	w.plan.Aborted = abort
	return true, nil
}

// clamp is the kernel's: where low is above high, as in an extent that wraps, the
// order of its comparisons matters.
func clamp(x, low, high uint64) uint64 {
	if x >= high {
		return high
	}
	return max(x, low)
}
