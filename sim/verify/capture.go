package verify

import (
	"strings"

	"bootplan/memmap/parse"
)

// Capture is what a recording of one real boot states, in the form of its JSON file.
// A recording that was read from a log fills the same fields, as far as the log tells.
// What a recording does not state is zero.
type Capture struct {
	Name         string   `json:"name"`
	Architecture string   `json:"architecture"` // empty: x86-64
	Lacks        []string `json:"-"`            // what a log does not tell
	Ended        struct {
		Userspace *bool `json:"reached_userspace"` // nil: not known
	} `json:"capture"`

	// Firmware and machine.
	Firmware struct {
		Kind      string `json:"kind"` // "SeaBIOS", "OVMF"; empty: not known
		Build     string `json:"build"`
		Version   string `json:"version"`
		Machine   string `json:"machine"`
		Loader    string `json:"loader"`
		NX        hex    `json:"nx_memory_policy"`
		Image     hex    `json:"image_protection_policy"`
		Attribute string `json:"memory_attribute_protocol"`
	} `json:"firmware"`
	MixedMode *struct { // 64-bit kernel on 32-bit firmware, whose own loader enters the stub
		Loaded *hex `json:"loaded_at"`
		Moved  *hex `json:"bzimage_addr"` // by the stub
	} `json:"mixed_mode"`
	CPU     string `json:"cpu"`        // as QEMU's -cpu names it; empty: not known
	RAM     string `json:"ram_option"` // as QEMU's -m has it
	GBPages bool   `json:"-"`          // of a log: the kernel used pages of 1 GiB
	Paging  struct {
		FiveLevel *int `json:"pgtable_l5_enabled"`
	} `json:"paging"`
	SRAT []string `json:"srat"`

	// Kernel, command line and initrd.
	Kernel struct {
		File     string `json:"file"`
		Release  string `json:"version"`
		FileSize uint64 `json:"file_size"`
		SHA256   string `json:"sha256"`
	} `json:"kernel"`
	Append     string           `json:"kernel_append"`
	Seen       *string          `json:"kernel_cmdline_seen"`
	Script     string           `json:"startup_nsh"`
	Ramdisk    *recordedRamdisk `json:"ramdisk"`
	InitrdFile struct {
		Size uint64 `json:"size"`
	} `json:"initrd"`

	// Maps and messages.
	BootMessages   []string           `json:"boot_messages"`
	Console        parse.BootMessages `json:"-"` // what they say
	E820           []printedEntry     `json:"e820"`
	E820User       []printedEntry     `json:"e820_user"`
	E820SetupData  []printedEntry     `json:"e820_with_setup_data"`
	E820Changes    []string           `json:"e820_changes"`
	Before         []efiPrinted       `json:"efi_map_before"`
	AtAllocation   []efiPrinted       `json:"efi_map_at_kernel_allocation"`
	After          []efiPrinted       `json:"efi_map_after"`
	Reserved       []reservation      `json:"memblock_reserve"`
	Memblock       []string           `json:"memblock_configuration"`
	SetupDataTypes []string           `json:"setup_data_types"`
	EFITables      string             `json:"efi_tables_line"`
	IOMem          []string           `json:"iomem"`
	BootParams     *recordedParams    `json:"boot_params"`

	// Where things are.
	Placement struct {
		Phys    *hex `json:"kernel_phys_base"`
		PhysEnd *hex `json:"kernel_phys_end"`
		Virt    *hex `json:"kernel_virt_base"`
	} `json:"placement"`
	KernelPhysical struct {
		Code   lastRange `json:"code"`
		Rodata lastRange `json:"rodata"`
		Data   lastRange `json:"data"`
		BSS    lastRange `json:"bss"`
	} `json:"kernel_physical"`
	KernelValues map[string]hex `json:"kernel_values"`
	KernelEntry  struct {
		Address *hex `json:"address"`
	} `json:"kernel_entry"`
	Stub struct {
		Image      *hex `json:"image_base"`
		End        *hex `json:"image_end"`
		Entry      *hex `json:"pe_entry"`
		BootParams *hex `json:"boot_params"`
	} `json:"efi_stub"`
	Decompressor struct {
		BootParams *hex `json:"boot_params"`
		Output     *hex `json:"output_initial"`
		Base       *hex `json:"relocated_base"`
		End        *hex `json:"relocated_end"`
		BSS        *hex `json:"relocated_bss"`
	} `json:"decompressor"`
	Trampoline struct {
		Executed *bool `json:"executed"`
		Base     *hex  `json:"base"`
		Code     *hex  `json:"code_page"`
	} `json:"la57_trampoline_32bit"`
	RealMode struct {
		Phys *hex `json:"phys"`
		Size hex  `json:"size"`
	} `json:"real_mode_trampoline"`

	Debugger debuggerFacts `json:"debugger"`
	Stops    []tableStop   `json:"page_permissions"`
	Fault    *struct {
		Exceptions []struct {
			Vector *hex `json:"vector"`
			Code   *hex `json:"error_code"`
			RIP    *hex `json:"rip"`
			CR2    *hex `json:"cr2"`
		} `json:"cpu_exceptions"`
		StoppedIn string `json:"stopped_in"`
	} `json:"fault"`
}

// recordedRamdisk is the initrd, as boot_params and the kernel's log have it.
type recordedRamdisk struct {
	Printed lastRange `json:"range_printed"`
	Image   hex       `json:"image"`
	Size    hex       `json:"size"`
	Moved   lastRange `json:"moved_to"`
}

// recordedParams is what the kernel kept of boot_params.
type recordedParams struct {
	Cmdline      hex         `json:"cmd_line_ptr"`
	SetupData    hex         `json:"setup_data"`
	TypeOfLoader hex         `json:"type_of_loader"`
	AltMemK      uint32      `json:"alt_mem_k"`
	Signature    string      `json:"efi_loader_signature"`
	DescSize     uint64      `json:"efi_memdesc_size"`
	EFIMap       hex         `json:"efi_memmap"`
	EFIMapSize   uint64      `json:"efi_memmap_size"`
	E820         []sizeEntry `json:"e820_table"`
}

// debuggerFacts were read out of the running boot code.
type debuggerFacts struct {
	EBDASegment hex         `json:"bda_ebda_segment_40e"`
	BaseKiB     uint16      `json:"bda_base_memory_kb_413"`
	E820        []sizeEntry `json:"e820_table_at_entry"`
	NeededSize  *hex        `json:"needed_size"`

	// The decompressor's KASLR.
	Tables         *kaslrTables `json:"kaslr_tables"`
	RandomPhysical *hex         `json:"random_physical"`
	RandomVirtual  *hex         `json:"random_virtual"`
	VirtualSlots   *uint64      `json:"virtual_slots"`

	// The EFI stub's.
	Seed        *hex `json:"seed"`
	RandomAlloc *struct {
		Size    hex `json:"size"`
		Align   hex `json:"align"`
		Seed    hex `json:"random_seed"`
		Min     hex `json:"alloc_min"`
		Max     hex `json:"alloc_max"`
		Status  hex `json:"status"`
		Address hex `json:"address"`
	} `json:"efi_random_alloc"`
}

// kaslrTables is what the decompressor knew before it drew a random number.
type kaslrTables struct {
	Limit     hex          `json:"mem_limit"`
	Avoid     []sizedRange `json:"mem_avoid"`
	Immovable []sizedRange `json:"immovable_mem"`
	Areas     []slotsAt    `json:"slot_areas"`
	Slots     uint64       `json:"slot_max"`
}

// tableStop is one moment at which the page tables were read.
type tableStop struct {
	Name   string `json:"stop"`
	Ranges []struct {
		Start hex    `json:"start"`
		Last  hex    `json:"end"`
		Perm  string `json:"perm"`
	} `json:"ranges"`
	WX    hex `json:"wx_bytes"`
	WXRAM hex `json:"wx_bytes_ram"`
	RXRAM hex `json:"rx_bytes_ram"`
	kernelMaps
}

// isEFI reports whether the firmware was EFI.
func (c *Capture) isEFI() bool {
	return len(c.Before)+len(c.AtAllocation)+len(c.After) > 0 || c.Firmware.Kind != "" && c.Firmware.Kind != "SeaBIOS"
}

// runsStub reports whether the EFI stub ran: a GRUB of those days left boot services
// by itself and entered the kernel like a BIOS loader.
func (c *Capture) runsStub() bool { return c.isEFI() && c.loader() != "grub" }

// loader names who loaded the kernel.
func (c *Capture) loader() string {
	for prefix, name := range map[string]string{"GRUB": "grub", "iPXE": "ipxe", "QEMU": "qemu"} {
		if strings.HasPrefix(c.Firmware.Loader, prefix) {
			return name
		}
	}
	return ""
}

// cmdline is the command line that boot code and kernel saw.
func (c *Capture) cmdline() string {
	if c.Seen != nil {
		return *c.Seen
	}
	if c.Script != "" { // the Shell hands the whole line on
		lines := strings.Split(strings.TrimSpace(c.Script), "\n")
		return lines[len(lines)-1]
	}
	return c.Append
}

// userspace reports whether the boot got as far as it was meant to.
func (c *Capture) userspace() bool { return c.Ended.Userspace != nil && *c.Ended.Userspace }

// reachedKernel reports whether the kernel proper ran.
func (c *Capture) reachedKernel() bool { return len(c.E820) > 0 }

// fiveLevels reports whether the kernel ran with 5 levels of page tables.
func (c *Capture) fiveLevels() bool { return c.Paging.FiveLevel != nil && *c.Paging.FiveLevel == 1 }
