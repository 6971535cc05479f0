package verify

import (
	"bootplan/image"
	"bootplan/kaslr"
	"bootplan/linux"
)

// slotCase is a run of the decompressor that was stopped when the random numbers had
// been drawn.
type slotCase struct {
	decompressorCase
	kaslrTables
	Ramdisk struct {
		Image hex `json:"image"`
		Size  hex `json:"size"`
	} `json:"ramdisk"`
	BootParams hex `json:"boot_params_address"`
	CmdlinePtr hex `json:"cmd_line_ptr"`
	SetupData  []struct {
		Addr     hex `json:"addr"`
		Type     hex `json:"type"`
		Len      hex `json:"len"`
		Indirect struct {
			Type uint32 `json:"type"`
			Len  hex    `json:"len"`
			Addr hex    `json:"addr"`
		} `json:"indirect"`
	} `json:"setup_data"`
	SRAT []struct {
		Base    hex  `json:"base"`
		Length  hex  `json:"length"`
		Movable bool `json:"hotpluggable"`
	} `json:"srat"`
	EFI          []efiPrinted `json:"efi_memmap"`
	Decompressor struct {
		Output   hex `json:"output_initial"`
		Base     hex `json:"relocated_base"`
		InitSize hex `json:"init_size"`
		Needed   hex `json:"needed_size"`
	} `json:"decompressor"`
	RandomPhysical *hex    `json:"random_physical"`
	Chosen         *hex    `json:"physical_chosen"` // nil: none, the kernel stays
	RandomVirtual  *hex    `json:"random_virtual"`
	VirtualSlots   *uint64 `json:"virtual_slots"`
	VirtualOffset  *hex    `json:"virtual_chosen_offset"`
}

// Physical is the recorded answer to the decompressor's first question.
func (c *slotCase) Physical() uint64 { return valueOf(c.RandomPhysical) }

// Virtual is the recorded answer to its second question.
func (c *slotCase) Virtual() uint64 { return valueOf(c.RandomVirtual) }

func valueOf(h *hex) uint64 {
	if h == nil {
		return 0
	}
	return uint64(*h)
}

// Verify searches the case's map for slots and draws the recorded numbers.
func (c *slotCase) Verify(kernels *Kernels) BootReport {
	f, k := c.start(kernels)
	plan, in, choice := &kaslr.Plan{}, &kaslr.Input{}, kaslr.Choice{}
	if f.blocked == "" {
		in = c.input(k)
		if err := plan.Make(in); err != nil {
			f.blocked = err.Error()
		} else {
			choice = plan.Choose(c)
		}
	}
	f.tables(&c.kaslrTables, func(what func(*kaslr.Plan, *kaslr.Input) Value) func() (Value, string) {
		return func() (Value, string) { return what(plan, in), "" }
	})
	physical := &c.Decompressor.Output
	if c.Chosen != nil {
		physical = c.Chosen
	}
	f.fact("kernel_physical", address(physical), func() (Value, string) { return Address(choice.Phys), "" })
	if c.VirtualSlots != nil {
		f.fact("virtual_slots", Number(*c.VirtualSlots), func() (Value, string) { return Number(plan.VirtualSlots), "" })
	}
	if c.RandomVirtual != nil {
		f.fact("kernel_virtual_offset", address(c.VirtualOffset), func() (Value, string) { return Address(choice.Virt - kaslr.LoadPhysicalAddr), "" })
	}
	return *f.BootReport
}

// input is what the decompressor found in boot_params and in itself.
func (c *slotCase) input(k *image.Kernel) *kaslr.Input {
	d := &c.Decompressor
	in := &kaslr.Input{
		Config: kaslr.Config{
			Version: k.Version, PhysicalAlign: image.MinKernelAlign,
			UnacceptedMemory: k.Version >= linux.V6_5, SoftReserve: true,
		},
		LA57:    k.Setup.XLoadFlags&fiveLevelBuilt != 0 && fiveLevelCPU(c.CPU) && !linux.FindOptionBool(uint64(c.CmdlinePtr), c.Cmdline, "no5lvl"),
		Payload: uint64(d.Base) + uint64(k.Setup.PayloadOffset),
		Output:  uint64(d.Output), InitSize: uint64(d.InitSize), NeededSize: uint64(d.Needed), VirtInitial: k.Setup.PrefAddress,
		BootParams: uint64(c.BootParams), CmdlinePtr: uint64(c.CmdlinePtr), Cmdline: c.Cmdline,
		Initrd: kaslr.Extent{Start: uint64(c.Ramdisk.Image), Size: uint64(c.Ramdisk.Size)},
		E820:   c.table(),
	}
	for _, n := range c.SetupData {
		in.SetupData = append(in.SetupData, kaslr.SetupData{
			Addr: uint64(n.Addr), Type: uint32(n.Type), Len: uint32(n.Len),
			Indirect: kaslr.Indirect{Type: n.Indirect.Type, Addr: uint64(n.Indirect.Addr), Len: uint64(n.Indirect.Len)},
		})
	}
	for _, s := range c.SRAT {
		if !s.Movable {
			in.Immovable = append(in.Immovable, kaslr.Extent{Start: uint64(s.Base), Size: uint64(s.Length)})
		}
	}
	if len(c.EFI) > 0 {
		const descSize = 48
		in.EFI = kaslr.EFIInfo{Signature: "EL64", DescSize: descSize, MapSize: uint32(len(c.EFI) * descSize), Descs: efiMap(c.EFI).Descriptors}
	}
	return in
}

// fiveLevelBuilt is XLF_5LEVEL_ENABLED: the kernel was built for 5-level paging.
const fiveLevelBuilt = 1 << 6
