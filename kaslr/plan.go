package kaslr

import (
	"strings"

	"bootplan/linux"
	"bootplan/memmap"
)

// MaxAreas is how many slot areas are kept; the search for more then ends
// (MAX_SLOT_AREA).
const MaxAreas = 100

// Texts of debug_putstr(); they end a search early.
const (
	abortMemmaps        = "Aborted memory entries scan (more than 4 memmap= args)!"
	abortAreas          = "Aborted e820/efi memmap scan (slot_areas full)!"
	abortImmovableAreas = "Aborted e820/efi memmap scan when walking immovable regions(slot_areas full)!"
)

// Avoid is memory that the kernel is kept out of.
type Avoid struct {
	What string // "image", "initrd", "cmdline", "boot_params", "memmap0" … "memmap3", "setup_data", "setup_indirect"
	Extent
}

// Area is a row of slots: the kernel can be placed at Start, at Start plus the
// alignment, and so on. Start is a multiple of the alignment.
type Area struct {
	Start uint64
	Slots uint64
}

// Source says where candidate memory was taken from.
type Source uint8

// The sources.
const (
	FromNothing Source = iota // memory was not searched
	FromE820
	FromEFI
	FromKHO
)

// Plan is what choose_random_location knows before it draws a random number. The
// zero Plan is ready for Make; its storage is used again by the next Make.
type Plan struct {
	Disabled bool // nokaslr, or no command line: nothing but Output and VirtInitial is set

	Output      uint64 // place without physical randomisation
	VirtInitial uint64 // virtual address without randomisation
	NeededSize  uint64 // bytes that the kernel takes at its place
	Align       uint64 // distance of slots in bytes
	Minimum     uint64 // lowest address allowed
	Limit       uint64 // end of the memory allowed: MAXMEM, or less by mem= or memmap=

	Avoid        []Avoid // in the order in which the code asks
	Source       Source
	Areas        []Area // in the order found; areas may repeat or overlap
	Slots        uint64 // all of them
	VirtualSlots uint64 // from LoadPhysicalAddr on

	TooManyMemmaps bool     // memory was not searched because of a fifth item in a memmap= list
	IgnoredMemmaps int      // memmap= options that found all four places taken
	Stopped        bool     // a mem= of zero ended the reading of options
	GBPages        uint64   // 1 GiB pages that hugepages= asks for
	GBPagesLeft    uint64   // those of them that found no place
	Warnings       []string // texts of warn() while options were read
	Aborted        string   // why the search ended early (debug_putstr); empty if it did not

	sums []uint64 // slots of this and all areas before it
}

// Make computes the plan for in.
//
// It returns ErrNeverReturns if the search for slots would not end, and
// ErrZeroDescSize for an EFI map whose descriptors have no size; the plan then
// holds what was known up to there.
// Source: arch/x86/boot/compressed/kaslr.c:choose_random_location (v6.12).
func (p *Plan) Make(in *Input) error { return p.make(in, restrictions{skip: -1}) }

// make is Make with some of what restricts the search lifted.
func (p *Plan) make(in *Input, lifted restrictions) error {
	text, _, _ := strings.Cut(in.Cmdline, "\x00")
	*p = Plan{
		Output:      in.Output,
		VirtInitial: in.VirtInitial,
		NeededSize:  in.NeededSize,
		Align:       in.PhysicalAlign,
		Avoid:       p.Avoid[:0],
		Areas:       p.Areas[:0],
		Warnings:    p.Warnings[:0],
		sums:        p.sums[:0],
	}
	if linux.FindOptionBool(in.CmdlinePtr, text, "nokaslr") {
		p.Disabled = true
		return nil
	}
	p.Limit = maxMem4Level
	if in.LA57 {
		p.Limit = maxMem5Level
	}
	p.avoidInput(in, text)
	p.Minimum = memmap.AlignUp(min(in.Output, in.minimumCap()), p.Align)
	lifted.apply(p)
	p.VirtualSlots = 1 + (KernelImageSize-LoadPhysicalAddr-p.NeededSize)/p.Align
	return p.search(in, lifted)
}

// minimumCap is MinimumCap or its default.
func (in *Input) minimumCap() uint64 {
	if in.MinimumCap != 0 {
		return in.MinimumCap
	}
	return maxMinimum
}

// avoidInput lists what the kernel must be kept out of, in the order in which the
// code asks; memmap= ranges come from the options.
// Source: arch/x86/boot/compressed/kaslr.c:mem_avoid_init (v6.12).
func (p *Plan) avoidInput(in *Input, text string) {
	text = text[:min(len(text), linux.MaxCommandLine)]
	p.avoid("image", Extent{in.Payload, in.Output + in.InitSize - in.Payload})
	p.avoid("initrd", in.Initrd)
	p.avoid("cmdline", Extent{in.CmdlinePtr, uint64(len(text)) + 1})
	p.avoid("boot_params", Extent{in.BootParams, bootParamsSize})
	o := options{plan: p, version: in.Version}
	o.parse(text)
	for i := range in.SetupData {
		node := &in.SetupData[i]
		if node.Addr == 0 {
			return
		}
		p.avoid("setup_data", Extent{node.Addr, setupDataSize + uint64(node.Len)})
		if node.Type == SetupIndirect && node.Indirect.Type != SetupIndirect {
			p.avoid("setup_indirect", Extent{node.Indirect.Addr, node.Indirect.Len})
		}
	}
}

// avoid adds r to the list. The zero extent overlaps nothing and is left out.
func (p *Plan) avoid(what string, r Extent) {
	if r != (Extent{}) {
		p.Avoid = append(p.Avoid, Avoid{what, r})
	}
}

func (p *Plan) warn(text string) { p.Warnings = append(p.Warnings, text) }
