package verify

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"bootplan/image"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/memmap/gallery"
	"bootplan/memmap/parse"
	"bootplan/sim"
)

// scenario is what the recorded boot depended on, as far as the recording tells. The
// random numbers are left open.
func (c *Capture) scenario(k *image.Kernel, note func(string)) (*sim.Scenario, error) {
	policy, err := c.policy()
	if err != nil {
		return nil, err
	}
	sc := &sim.Scenario{
		Kernel: k, Cmdline: c.cmdline(), Policy: policy, Random: sim.Fixed{},
		CPU:       sim.CPU{LA57: c.hasLA57(), NX: true},
		BIOS:      linux.BIOSWords{BaseKiB: c.Debugger.BaseKiB, EBDASegment: uint16(c.Debugger.EBDASegment)},
		Initrd:    c.initrd(note),
		ROMs:      c.optionROMs(),
		Immovable: c.immovable(),
		Loader:    c.stubLoader(),
		Firmware:  c.firmwareProfile(),
		Services:  sim.Services{RNG: strings.Contains(c.EFITables, "RNG=")},
	}
	sc.Map, sc.AfterExit, err = c.firmwareMap(note)
	return sc, err
}

// firmwareMap is the map that says most of what the firmware gave the boot. On EFI that
// is the last one, which the kernel printed: what this boot took is still marked in it
// and counts as free (afterExit), while what firmware and other applications took in
// between, such as buffers of a file system, is where it was when the stub ran. Without
// one, that of another OVMF with as much RAM stands in.
func (c *Capture) firmwareMap(note func(string)) (m *memmap.Map, afterExit bool, err error) {
	switch {
	case len(c.After) > 0:
		return c.mapAfter(), true, nil
	case len(c.Before) > 0:
		return efiMap(c.Before), false, nil
	case len(c.AtAllocation) > 0:
		return efiMap(c.AtAllocation), false, nil
	case c.runsStub() && !c.userspace() && c.RAM == "2G":
		note("no memory map was recorded: the embedded map of OVMF with 2 GiB stands in for it")
		return gallery.OVMF2G(), false, nil
	case c.isEFI():
		return nil, false, errors.New(noEFIMap)
	}
	if table := c.e820AtEntry(); len(table) > 0 {
		return &memmap.Map{Kind: memmap.E820, Entries: table}, false, nil
	}
	return nil, false, errors.New("no memory map was recorded")
}

// mapAfter is the map at the end of boot services. What was loader memory before the
// kernel was loaded belongs to another application, such as the UEFI Shell: it is shown
// as firmware's, so that it does not count as taken by this boot.
func (c *Capture) mapAfter() *memmap.Map {
	var others memmap.Set
	for _, d := range c.Before {
		if r, err := memmap.EFIDescriptor(d).Range(); err == nil && isLoader(d.Type) {
			others.Add(r)
		}
	}
	m := &memmap.Map{Kind: memmap.EFI}
	for _, printed := range c.After {
		d := memmap.EFIDescriptor(printed)
		r, err := d.Range()
		if err != nil || !isLoader(d.Type) || others.Overlap(r).Empty() {
			m.Descriptors = append(m.Descriptors, d)
			continue
		}
		m.Descriptors = append(m.Descriptors, split(d, r, &others)...)
	}
	return m
}

// split takes the parts of descriptor d, which describes r, that belong to others out
// of loader memory.
func split(d memmap.EFIDescriptor, r memmap.Range, others *memmap.Set) []memmap.EFIDescriptor {
	var parts []memmap.EFIDescriptor
	taken, own := others.Intersection(r)
	for _, list := range []struct {
		ranges []memmap.Range
		kind   memmap.EFIType
	}{{taken, memmap.EFIBootServicesCode}, {own, d.Type}} {
		for _, part := range list.ranges {
			parts = append(parts, memmap.EFIDescriptor{Type: list.kind, Phys: part.Start, Pages: part.Len() / memmap.PageSize, Attr: d.Attr})
		}
	}
	slices.SortFunc(parts, func(a, b memmap.EFIDescriptor) int { return cmp.Compare(a.Phys, b.Phys) })
	return parts
}

func isLoader(t memmap.EFIType) bool { return t == memmap.EFILoaderCode || t == memmap.EFILoaderData }

func efiMap(printed []efiPrinted) *memmap.Map {
	m := &memmap.Map{Kind: memmap.EFI}
	for _, d := range printed {
		m.Descriptors = append(m.Descriptors, memmap.EFIDescriptor(d))
	}
	return m
}

// e820AtEntry is the table that the BIOS gave: as the debugger saw it, as the kernel
// kept it, or as it was printed.
func (c *Capture) e820AtEntry() []memmap.E820Entry {
	var table []memmap.E820Entry
	switch {
	case len(c.Debugger.E820) > 0:
		for _, e := range c.Debugger.E820 {
			table = append(table, memmap.E820Entry(e))
		}
	case c.BootParams != nil:
		table = c.BootParams.table()
	default:
		for _, e := range c.E820 {
			table = append(table, memmap.E820Entry(e))
		}
	}
	return table
}

func (p *recordedParams) table() []memmap.E820Entry {
	var table []memmap.E820Entry
	for _, e := range p.E820 {
		table = append(table, memmap.E820Entry(e))
	}
	return table
}

// stubLoader names who loads a kernel without the stub; the stub is loaded by firmware.
func (c *Capture) stubLoader() string {
	if c.runsStub() {
		return ""
	}
	return c.loader()
}

// initrd is the initrd's size, and its place where that depends on more than the
// scenario tells.
func (c *Capture) initrd(note func(string)) sim.Initrd {
	at := c.initrdRange()
	rd := sim.Initrd{Size: c.InitrdFile.Size}
	if rd.Size == 0 {
		rd.Size = at.Len()
	}
	if c.placesInitrd() || at.Empty() {
		return rd
	}
	rd.Addr = at.Start
	note("the initrd's place is taken from the recording: what the loader keeps in high memory is not known")
	return rd
}

// placesInitrd reports whether the place of the initrd follows from the map. QEMU
// computes it, and the stub asks the firmware. GRUB keeps its own heap at the end of
// RAM, which does not matter if that lies above what it takes for an initrd.
func (c *Capture) placesInitrd() bool {
	const grubLimit = 0x38000000
	switch c.loader() {
	case "qemu":
		return true
	case "grub":
		return slices.ContainsFunc(c.e820AtEntry(), func(e memmap.E820Entry) bool {
			r, err := e.Range()
			return err == nil && e.Type == memmap.E820RAM && r.Start < grubLimit && r.End > grubLimit+16*memmap.MiB
		})
	}
	return c.runsStub()
}

// optionROMs are the sizes of the PCI option ROMs that the stub copied.
func (c *Capture) optionROMs() []uint64 {
	const setupPCI, head = 3, 48 // what struct pci_setup_rom has behind its setup_data
	var sizes []uint64
	for _, n := range c.setupDataNodes() {
		if n.kind == setupPCI && n.size > head {
			sizes = append(sizes, n.size-head)
		}
	}
	return sizes
}

// recordedNode is type and length of one setup_data node.
type recordedNode struct {
	kind uint32
	size uint64
}

// setupDataNodes reads lines such as "/sys/kernel/boot_params/setup_data/0 type 0x3 len
// 39984", in the order of the list.
func (c *Capture) setupDataNodes() []recordedNode {
	var nodes []recordedNode
	for _, line := range c.SetupDataTypes {
		words := strings.Fields(line)
		if len(words) != 5 || !strings.Contains(words[0], "/setup_data/") {
			continue
		}
		kind, err1 := strconv.ParseUint(words[2], 0, 32)
		size, err2 := strconv.ParseUint(words[4], 0, 32)
		if err1 == nil && err2 == nil {
			nodes = append(nodes, recordedNode{uint32(kind), size})
		}
	}
	return nodes
}

// immovable is the memory that the ACPI SRAT does not call hot-pluggable.
func (c *Capture) immovable() []memmap.Range {
	doc, err := parse.ReadLog(c.Name, strings.NewReader(strings.Join(c.SRAT, "\n")))
	if err != nil {
		return nil
	}
	return doc.Log.Immovable
}
