package record

// Decompressor is where the decompressor ran.
type Decompressor struct {
	Startup32     Hex `json:"startup_32,omitempty"` // where the loader put it
	BootParams    Hex `json:"boot_params,omitempty"`
	Relocated     Hex `json:"relocated_base,omitempty"`
	RelocatedEnd  Hex `json:"relocated_end,omitempty"` // exclusive
	OutputInitial Hex `json:"output_initial,omitempty"`
	RelocatedBSS  Hex `json:"relocated_bss,omitempty"`
}

// EFIStub is where the EFI stub ran. What follows BootParams is of stubs that do not
// decompress the kernel themselves.
type EFIStub struct {
	Entry      Hex   `json:"pe_entry"`
	Image      Hex   `json:"image_base"`
	ImageEnd   Hex   `json:"image_end"` // exclusive
	BootParams Hex   `json:"boot_params,omitempty"`
	Startup32  *Hex  `json:"image_startup_32,omitempty"`
	BzImage    *Hex  `json:"bzimage_addr,omitempty"` // startup_32 of the image that runs after ExitBootServices
	Relocated  *bool `json:"relocated_by_stub,omitempty"`
	Startup64  *Hex  `json:"startup_64,omitempty"`
}

// Trampoline is the code that switches between 4 and 5 paging levels.
type Trampoline struct {
	Executed    bool   `json:"executed"`
	Toggle      Hex    `json:"toggle_instruction,omitempty"` // flips CR4.LA57
	CodePage    Hex    `json:"code_page,omitempty"`
	AllocatedBy string `json:"allocated_by,omitempty"`
	Base        Hex    `json:"base,omitempty"`
	PageTable   Hex    `json:"page_table,omitempty"`
	Size        Hex    `json:"size,omitempty"`
	SetsLA57    *bool  `json:"cr4_write_with_LA57,omitempty"`
}

// KernelEntry is the first instruction of the kernel proper.
type KernelEntry struct {
	Address  Hex `json:"address"`
	PhysBase Hex `json:"phys_base_from_entry"`
}

// Debugger is what a debugger read while the boot ran.
type Debugger struct {
	AtEntry
	Tables         *KASLRTables `json:"kaslr_tables,omitempty"`
	RandomPhysical *Hex         `json:"random_physical,omitempty"`
	RandomVirtual  *Hex         `json:"random_virtual,omitempty"`
	NeededSize     *Hex         `json:"needed_size,omitempty"`
	SlotChosen     *uint64      `json:"slot_chosen,omitempty"`
	PhysicalChosen *Hex         `json:"physical_chosen,omitempty"`
	VirtualSlots   *uint64      `json:"virtual_slots,omitempty"`
	VirtualOffset  *Hex         `json:"virtual_chosen_offset,omitempty"`

	RandomEFI     *Hex         `json:"random_efi,omitempty"`
	RNGSeed       *Hex         `json:"rng_protocol_seed,omitempty"`
	Seed          *Hex         `json:"seed,omitempty"` // RandomEFI ^ RNGSeed
	RandomAlloc   *RandomAlloc `json:"efi_random_alloc,omitempty"`
	VirtualWanted *Hex         `json:"virtual_offset_expected,omitempty"`
	Note          string       `json:"note"`
}

// AtEntry is what the decompressor found when it began.
type AtEntry struct {
	LoadedAt      *Hex         `json:"loaded_at,omitempty"`
	BootParams    *Hex         `json:"boot_params_address,omitempty"`
	EBDASegment   *Hex         `json:"bda_ebda_segment_40e,omitempty"`
	BaseMemoryKB  *uint16      `json:"bda_base_memory_kb_413,omitempty"`
	E820          []E820Params `json:"e820_table_at_entry,omitempty"`
	Header        *EntryHeader `json:"header_at_entry,omitempty"`
	CommandLine   *string      `json:"command_line_at_entry,omitempty"`
	OutputInitial *Hex         `json:"output_initial,omitempty"`
	Relocated     *Hex         `json:"relocated_base,omitempty"`
}

// EntryHeader are fields of the setup header in boot_params.
type EntryHeader struct {
	RamdiskImage  Hex `json:"ramdisk_image"`
	RamdiskSize   Hex `json:"ramdisk_size"`
	CmdLinePtr    Hex `json:"cmd_line_ptr"`
	SetupData     Hex `json:"setup_data"`
	TypeOfLoader  Hex `json:"type_of_loader"`
	LoadFlags     Hex `json:"loadflags"`
	HeapEndPtr    Hex `json:"heap_end_ptr"`
	InitrdAddrMax Hex `json:"initrd_addr_max"`
}

// KASLRTables are the tables of the decompressor's KASLR when it drew.
type KASLRTables struct {
	MemLimit  Hex         `json:"mem_limit"`
	Avoid     []Avoided   `json:"mem_avoid"`
	Immovable []Span      `json:"immovable_mem"`
	Areas     []SlotAreas `json:"slot_areas"`
	SlotMax   uint64      `json:"slot_max"`
}

// Avoided is memory in which the kernel must not be placed.
type Avoided struct {
	What string `json:"what"`
	Span
}

// SlotAreas are places at equal distances.
type SlotAreas struct {
	Addr  Hex    `json:"addr"`
	Slots uint64 `json:"slots"`
}

// RandomAlloc is the call of efi_random_alloc for the kernel.
type RandomAlloc struct {
	Size       Hex    `json:"size"`
	Align      Hex    `json:"align"`
	Seed       Hex    `json:"random_seed"`
	MemoryType uint32 `json:"memory_type"`
	Min        Hex    `json:"alloc_min"`
	Max        Hex    `json:"alloc_max"`
	MapBuffer  Hex    `json:"map_buffer"`
	DescSize   uint64 `json:"descriptor_size"`
	Status     Hex    `json:"status"`
	Address    Hex    `json:"address"`
}
