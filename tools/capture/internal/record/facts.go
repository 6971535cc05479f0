package record

// Facts are what the console said.
type Facts struct {
	CommandLineSeen   *string          `json:"kernel_cmdline_seen"` // /proc/cmdline
	BootMessages      []string         `json:"boot_messages"`       // of firmware, stub and decompressor
	E820              []E820           `json:"e820"`                // "BIOS-e820:"
	E820WithSetupData []E820           `json:"e820_with_setup_data,omitempty"`
	E820User          []E820           `json:"e820_user,omitempty"`
	E820Changes       []string         `json:"e820_changes"`
	EFIMapAfter       []EFIPrinted     `json:"efi_map_after,omitempty"`  // at ExitBootServices
	EFIMapBefore      []EFIShell       `json:"efi_map_before,omitempty"` // before the kernel was loaded
	EFITables         string           `json:"efi_tables_line,omitempty"`
	Ramdisk           *Ramdisk         `json:"ramdisk"`
	KernelPhysical    map[string]Ends  `json:"kernel_physical"` // "code", "rodata", "data", "bss"
	Symbols           map[string]Hex   `json:"symbols"`
	KernelValues      map[string]Hex   `json:"kernel_values"`
	Placement         *Placement       `json:"placement,omitempty"`
	BootParams        *BootParams      `json:"boot_params,omitempty"`
	Paging            Paging           `json:"paging"`
	RealMode          *RealMode        `json:"real_mode_trampoline,omitempty"`
	MemblockReserve   []MemblockCall   `json:"memblock_reserve,omitempty"`
	MemblockDump      []string         `json:"memblock_configuration,omitempty"` // regions of all dumps
	SRAT              []string         `json:"srat,omitempty"`
	FirmwareMemmap    []FirmwareMapped `json:"firmware_memmap_sysfs"`
	Iomem             []string         `json:"iomem"`
	MemTotalKB        *uint64          `json:"mem_total_kb"`
	SetupDataTypes    []string         `json:"setup_data_types,omitempty"`
	KASLR             KASLR            `json:"kaslr"`
	LoaderData        []Range          `json:"loader_data_ranges,omitempty"` // of EFIMapAfter, neighbours joined
	LoaderCode        []Range          `json:"loader_code_ranges,omitempty"`
}

// E820 is an entry of an e820 map as the kernel printed it.
type E820 struct {
	Range
	Type string `json:"type"`
}

// EFIPrinted is an EFI descriptor as the kernel printed it.
type EFIPrinted struct {
	Index      int      `json:"index"`
	Type       string   `json:"type"`
	Attributes []string `json:"attributes"`
	Range
}

// EFIShell is an EFI descriptor as the UEFI Shell printed it.
type EFIShell struct {
	Type string `json:"type"` // "Available", "BS_Code"
	Range
	Pages      uint64 `json:"pages"`
	Attributes Hex    `json:"attributes"`
}

// EFIMapped is an EFI descriptor as it was read from memory.
type EFIMapped struct {
	Index int    `json:"index"`
	Type  string `json:"type"` // the kernel's name
	Range
	Attributes Hex `json:"attributes"`
}

// Ends are the first and the last address of something.
type Ends [2]Hex

// Ramdisk is where the initial ramdisk was.
type Ramdisk struct {
	Printed Ends  `json:"range_printed"`      // whole pages
	MovedTo *Ends `json:"moved_to,omitempty"` // where the kernel copied it
	Image   Hex   `json:"image,omitempty"`
	Size    Hex   `json:"size,omitempty"` // bytes
	End     Hex   `json:"end_exclusive,omitempty"`
}

// Placement is where the kernel proper ran.
type Placement struct {
	Phys       Hex `json:"kernel_phys_base"` // of _text
	PhysEnd    Hex `json:"kernel_phys_end"`  // of _end
	Virt       Hex `json:"kernel_virt_base"`
	VirtOffset Hex `json:"virt_offset"`           // from where it was linked
	PhysOffset Hex `json:"phys_offset_from_pref"` // from pref_address
}

// Paging is in which mode the kernel ran.
type Paging struct {
	HasLA57      *bool   `json:"cpu_has_la57"`
	FiveLevel    *int    `json:"pgtable_l5_enabled"` // 1 or 0
	AddressSizes *string `json:"address_sizes"`
	Note         string  `json:"note"`
}

// RealMode is the block in low memory from which other CPUs start.
type RealMode struct {
	Virt Hex `json:"header_virt"`
	Phys Hex `json:"phys"`
	Size Hex `json:"size"`
}

// MemblockCall is one line of memblock=debug.
type MemblockCall struct {
	Range
	Caller string `json:"caller"`
}

// FirmwareMapped is an entry of /sys/firmware/memmap.
type FirmwareMapped struct {
	Range
	Type string `json:"type"`
}

// KASLR is what was said about randomisation.
type KASLR struct {
	Off      bool     `json:"nokaslr"` // the option was given
	Messages []string `json:"messages"`
}

// BootParams are fields of the zero page as the kernel kept it.
type BootParams struct {
	RamdiskImage  Hex          `json:"ramdisk_image"`
	RamdiskSize   Hex          `json:"ramdisk_size"`
	CmdLinePtr    Hex          `json:"cmd_line_ptr"`
	InitrdAddrMax Hex          `json:"initrd_addr_max"`
	SetupData     Hex          `json:"setup_data"`
	TypeOfLoader  Hex          `json:"type_of_loader"`
	LoadFlags     Hex          `json:"loadflags"`
	KASLRFlag     bool         `json:"kaslr_flag"`
	Code32Start   Hex          `json:"code32_start"`
	RSDP          Hex          `json:"acpi_rsdp_addr"`
	E820Entries   int          `json:"e820_entries"`
	AltMemK       uint32       `json:"alt_mem_k"`
	EFISignature  string       `json:"efi_loader_signature"`
	EFISystab     Hex          `json:"efi_systab"`
	EFIDescSize   uint32       `json:"efi_memdesc_size"`
	EFIMap        Hex          `json:"efi_memmap"`
	EFIMapSize    uint32       `json:"efi_memmap_size"`
	HeapEndPtr    Hex          `json:"heap_end_ptr"`
	VidMode       Hex          `json:"vid_mode"`
	SecureBoot    uint8        `json:"secure_boot"`
	E820          []E820Params `json:"e820_table"`
}

// E820Params is an entry of the e820 table in boot_params.
type E820Params struct {
	Addr     Hex    `json:"addr"`
	Size     Hex    `json:"size"`
	Type     uint32 `json:"type"`
	TypeName string `json:"type_name,omitempty"`
}
