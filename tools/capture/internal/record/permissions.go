package record

// Permissions are the page tables in force when the boot was stopped.
type Permissions struct {
	Stop       string `json:"stop"`
	RIP        Hex    `json:"rip"`
	CR0        Hex    `json:"cr0"`
	CR3        Hex    `json:"cr3"`
	CR4        Hex    `json:"cr4"`
	EFER       Hex    `json:"efer"`
	WP         bool   `json:"cr0_wp"`
	NXE        bool   `json:"nxe"`
	Levels     int    `json:"paging_levels"`
	TablePages int    `json:"page_table_pages"` // that were read

	// Mappings at the address they map, joined, and how many bytes of them have which
	// permissions; RAM is what QEMU says the machine has.
	Ranges []Mapped `json:"ranges"`
	WX     Hex      `json:"wx_bytes"`
	WXRAM  Hex      `json:"wx_bytes_ram"`
	RWRAM  Hex      `json:"rw_bytes_ram"`
	RXRAM  Hex      `json:"rx_bytes_ram"`
	RORAM  Hex      `json:"ro_bytes_ram"`
	WXLow  Hex      `json:"wx_bytes_below_1m"`

	*KernelView
}

// KernelView are the mappings of a running kernel, none of which is at the address it maps.
type KernelView struct {
	OthersWX       Hex            `json:"other_mappings_wx_bytes"`
	Others         int            `json:"other_mappings_count"`
	DirectMap      []PhysMapped   `json:"direct_map"`
	DirectMapBase  Hex            `json:"direct_map_base"`
	Image          []VirtMapped   `json:"kernel_image_mapping"`
	DirectMapBytes map[string]Hex `json:"direct_map_bytes"`
	ImageBytes     map[string]Hex `json:"kernel_image_bytes"`
	OtherBytes     map[string]Hex `json:"other_kernel_bytes"`
	KernelWX       []VirtMapped   `json:"kernel_wx_mappings"`
	Note           string         `json:"note"`
}

// Mapped is a range and the product of the permissions of all levels, as "rwx".
type Mapped struct {
	Range
	Perm string `json:"perm"`
}

// PhysMapped is physical memory and how it is mapped.
type PhysMapped struct {
	Start Hex    `json:"phys_start"`
	End   Hex    `json:"phys_end"`
	Perm  string `json:"perm"`
}

// VirtMapped is a mapping of something else than its own address.
type VirtMapped struct {
	Start Hex    `json:"virt_start"`
	End   Hex    `json:"virt_end"`
	Phys  Hex    `json:"phys"`
	Perm  string `json:"perm"`
}
