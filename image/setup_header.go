package image

// SetupHeader is struct setup_header of the x86 boot protocol 2.15, every field,
// as it stands in the image from offset 0x1f1 on.
// Source: Documentation/arch/x86/boot.rst, arch/x86/include/uapi/asm/setup_data.h (v6.12).
type SetupHeader struct {
	SetupSects       uint8  `json:"setup_sects"`
	RootFlags        uint16 `json:"root_flags"`
	SysSize          uint32 `json:"syssize"` // of the protected-mode part, in units of 16 bytes
	RAMSize          uint16 `json:"ram_size"`
	VidMode          uint16 `json:"vid_mode"`
	RootDev          uint16 `json:"root_dev"`
	BootFlag         uint16 `json:"boot_flag"` // 0xaa55
	Jump             uint16 `json:"jump"`
	Header           uint32 `json:"header"`  // "HdrS"
	Version          uint16 `json:"version"` // 0x020f is 2.15
	RealmodeSwtch    uint32 `json:"realmode_swtch"`
	StartSysSeg      uint16 `json:"start_sys_seg"`
	KernelVersion    uint16 `json:"kernel_version"`
	TypeOfLoader     uint8  `json:"type_of_loader"`
	LoadFlags        uint8  `json:"loadflags"`
	SetupMoveSize    uint16 `json:"setup_move_size"`
	Code32Start      uint32 `json:"code32_start"`
	RamdiskImage     uint32 `json:"ramdisk_image"`
	RamdiskSize      uint32 `json:"ramdisk_size"`
	BootsectKludge   uint32 `json:"bootsect_kludge"`
	HeapEndPtr       uint16 `json:"heap_end_ptr"`
	ExtLoaderVer     uint8  `json:"ext_loader_ver"`
	ExtLoaderType    uint8  `json:"ext_loader_type"`
	CmdLinePtr       uint32 `json:"cmd_line_ptr"`
	InitrdAddrMax    uint32 `json:"initrd_addr_max"`
	KernelAlignment  uint32 `json:"kernel_alignment"`
	Relocatable      uint8  `json:"relocatable_kernel"`
	MinAlignment     uint8  `json:"min_alignment"`
	XLoadFlags       uint16 `json:"xloadflags"`
	CmdlineSize      uint32 `json:"cmdline_size"`
	HardwareSubarch  uint32 `json:"hardware_subarch"`
	SubarchData      uint64 `json:"hardware_subarch_data"`
	PayloadOffset    uint32 `json:"payload_offset"` // from startup_32
	PayloadLength    uint32 `json:"payload_length"` // z_input_len
	SetupData        uint64 `json:"setup_data"`
	PrefAddress      uint64 `json:"pref_address"`
	InitSize         uint32 `json:"init_size"`
	HandoverOffset   uint32 `json:"handover_offset"`
	KernelInfoOffset uint32 `json:"kernel_info_offset"` // from startup_32
}
