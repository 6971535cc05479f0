package verify

import (
	"errors"
	"fmt"
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
		Loader:    c.loader(),
	}
	sc.Map, sc.AfterExit, err = c.firmwareMap(note)
	return sc, err
}

// firmwareMap is the map that says most of what the firmware gave the boot.
func (c *Capture) firmwareMap(note func(string)) (m *memmap.Map, afterExit bool, err error) {
	switch {
	case len(c.Before) > 0:
		return efiMap(c.Before), false, nil
	case len(c.After) > 0:
		note(onlyMapAfter)
		return efiMap(c.After), true, nil
	case len(c.AtAllocation) > 0:
		return efiMap(c.AtAllocation), false, nil
	case c.isEFI() && c.runsStub() && !c.userspace():
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

// onlyMapAfter is why the places of a stub's allocations are not predicted.
const onlyMapAfter = "only the map after ExitBootServices was recorded: what was free when the stub asked is not known"

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

// policy is how the recorded firmware protected memory.
func (c *Capture) policy() (sim.Policy, error) {
	const nxData, protectAll = 0xc000000000007fd5, 3
	name := "ovmf"
	switch c.Firmware.NX {
	case 0:
	case nxData:
		name = "edk2-nx"
	default:
		return sim.Policy{}, fmt.Errorf("the firmware's NX policy is %#x: only 0 and %#x are known", uint64(c.Firmware.NX), uint64(nxData))
	}
	if c.Firmware.NX != 0 && c.Firmware.Image == protectAll {
		name += "-image"
	}
	if strings.HasPrefix(c.Firmware.Attribute, "installed") {
		name += "-attr"
	}
	return sim.PolicyNamed(name)
}

// fiveLevelModels are QEMU's CPU models that know 5-level paging.
// Source: QEMU target/i386/cpu.c (v10.0).
var fiveLevelModels = []string{"max", "Icelake-Server", "SapphireRapids", "GraniteRapids", "SierraForest", "ClearwaterForest", "EPYC-Genoa", "EPYC-Turin"}

// hasLA57 reports whether the CPU can do 5-level paging: by its model, or where that
// is not known, because the kernel used it.
func (c *Capture) hasLA57() bool {
	if c.CPU == "" {
		return c.fiveLevels()
	}
	return fiveLevelCPU(c.CPU)
}

// fiveLevelCPU reports whether a CPU as QEMU's -cpu names it can do 5-level paging: by
// its model and the options behind it.
func fiveLevelCPU(cpu string) bool {
	model, options, _ := strings.Cut(cpu, ",")
	can := slices.ContainsFunc(fiveLevelModels, func(m string) bool { return strings.HasPrefix(model, m) })
	for _, o := range strings.Split(options, ",") {
		switch o {
		case "la57=on", "+la57", "la57":
			can = true
		case "la57=off", "-la57":
			can = false
		}
	}
	return can
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
