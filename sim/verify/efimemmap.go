package verify

import (
	"encoding/json"
	"slices"

	"bootplan/alloc"
	"bootplan/linux"
	"bootplan/memmap"
)

// efiMemmapCase is the EFI map's way through the kernel proper.
type efiMemmapCase struct {
	in struct {
		e820Input
		biosInput
		Kernel span `json:"kernel"` // start and size
		EFI    struct {
			Addr     hex       `json:"memmap_addr"`
			DescSize uint64    `json:"desc_size"`
			Descs    []efiDesc `json:"descs"`
			MapSize  *uint64   `json:"map_size"` // bytes; all descriptors if absent
		} `json:"efi"`
		AddEFIMemmap     bool `json:"add_efi_memmap"`
		SoftReserve      bool `json:"soft_reserve"`
		KernelcoreMirror bool `json:"mirrored_kernelcore"`
	}
	memblock *alloc.Memblock
	e820     *memmap.KernelE820
	efi      *memmap.KernelEFIMap
	out      efiMemmapWant
}

type efiMemmapWant struct {
	Table          []e820Entry    `json:"table"`
	Reserved       []region       `json:"reserved"`
	CleanMap       any            `json:"clean_map"`        // list, or "unchanged"
	TableAfterMMIO any            `json:"table_after_mmio"` // list, or "unchanged"
	EndOfRAM       hex            `json:"end_of_ram_pfn"`
	RuntimeTagged  []int          `json:"runtime_tagged"`
	Final          *memblockState `json:"final"`
	RealMode       hex            `json:"real_mode"`
	Dropped        int            `json:"dropped,omitempty"`
	Warnings       int            `json:"warnings,omitempty"`
	stop
}

func runEFIMemmap(in json.RawMessage) (any, error) {
	var c efiMemmapCase
	if err := json.Unmarshal(in, &c.in); err != nil {
		return nil, err
	}
	if err := c.prepare(); err != nil {
		return nil, err
	}
	for _, step := range []func() error{c.reserve, c.takeMap, c.clean, c.fillMemblock, c.bootServices} {
		if err := step(); err != nil {
			err = c.out.set(err)
			return c.out, err
		}
	}
	c.out.Dropped, c.out.Warnings = c.e820.Table.Dropped, c.memblock.Warnings
	return c.out, nil
}

func (c *efiMemmapCase) prepare() (err error) {
	efi := c.in.EFI
	descs := make([]memmap.EFIDescriptor, len(efi.Descs))
	for i, d := range efi.Descs {
		descs[i] = memmap.EFIDescriptor(d)
	}
	size := efi.DescSize * uint64(len(descs))
	if efi.MapSize != nil {
		size = *efi.MapSize
	}
	if c.efi, err = memmap.NewKernelEFIMap(uint64(efi.Addr), descs, efi.DescSize, size); err != nil {
		return err
	}
	c.memblock = alloc.NewMemblock(linux.V6_12)
	c.memblock.KernelcoreMirror = c.in.KernelcoreMirror
	c.e820, err = c.in.tables()
	return err
}

// reserve makes the reservations that come before the map is known.
func (c *efiMemmapCase) reserve() error {
	return firstError(
		func() error { return c.memblock.Reserve(c.in.Kernel[0], c.in.Kernel[1]) },
		func() error { return c.memblock.Reserve(0, 64*memmap.KiB) },
		func() error { return c.memblock.ReserveBIOS(c.in.words()) },
	)
}

// takeMap is efi_memblock_x86_reserve_range.
func (c *efiMemmapCase) takeMap() error {
	c.e820.Setup(c.in.boot())
	if c.in.AddEFIMemmap || c.efi.NeedsE820(c.in.SoftReserve) {
		c.efi.AddToE820(&c.e820.Table, c.in.SoftReserve)
	}
	err := linux.OnlyPanic(c.memblock.ReserveEFIMap(c.efi))
	c.out.Table = tableOf(&c.e820.Table)
	c.out.Reserved = regionsOf(&c.memblock.Reserved)
	return err
}

func (c *efiMemmapCase) clean() error {
	c.out.CleanMap, c.out.TableAfterMMIO = "unchanged", "unchanged"
	if err := c.e820.FinishEarlyParams(); err != nil {
		return err
	}
	if c.efi.Clean() > 0 {
		descs := []efiDesc{}
		for _, d := range c.efi.Descriptors() {
			descs = append(descs, efiDesc(d))
		}
		c.out.CleanMap = descs
	}
	before := slices.Clone(c.e820.Table.Entries())
	c.efi.RemoveMMIO(&c.e820.Table)
	if !slices.Equal(before, c.e820.Table.Entries()) {
		c.out.TableAfterMMIO = tableOf(&c.e820.Table)
	}
	return nil
}

func (c *efiMemmapCase) fillMemblock() error {
	c.e820.TrimBIOS()
	c.out.EndOfRAM = hex(c.e820.Table.EndOfRAM(c.in.LA57))
	c.memblock.Limit = memmap.MiB
	return firstError(
		func() error { return c.memblock.AddE820(&c.e820.Table) },
		func() error { return c.memblock.FindMirror(c.efi) },
	)
}

func (c *efiMemmapCase) bootServices() (err error) {
	kernel := memmap.Range{Start: c.in.Kernel[0], End: c.in.Kernel[0] + c.in.Kernel[1]}
	if c.out.RuntimeTagged, err = c.memblock.ReserveBootServices(c.efi, &c.e820.Table, kernel); err != nil {
		return err
	}
	c.out.Final = memblockStateOf(c.memblock)
	at, err := c.memblock.AllocRange(0x6000, memmap.PageSize, 0, memmap.MiB)
	c.out.RealMode = hex(at)
	return linux.OnlyPanic(err)
}

// firstError runs steps up to the first that fails.
func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
