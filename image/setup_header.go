package image

// SetupHeader is struct setup_header of the x86 boot protocol 2.15, every field,
// as it stands in the image from offset 0x1f1 on.
// Source: Documentation/arch/x86/boot.rst, arch/x86/include/uapi/asm/setup_data.h (v6.12).
type SetupHeader struct {
	SetupSects       uint8
	RootFlags        uint16
	SysSize          uint32 // of the protected-mode part, in units of 16 bytes
	RAMSize          uint16
	VidMode          uint16
	RootDev          uint16
	BootFlag         uint16 // 0xaa55
	Jump             uint16
	Header           uint32 // "HdrS"
	Version          uint16 // 0x020f is 2.15
	RealmodeSwtch    uint32
	StartSysSeg      uint16
	KernelVersion    uint16
	TypeOfLoader     uint8
	LoadFlags        uint8
	SetupMoveSize    uint16
	Code32Start      uint32
	RamdiskImage     uint32
	RamdiskSize      uint32
	BootsectKludge   uint32
	HeapEndPtr       uint16
	ExtLoaderVer     uint8
	ExtLoaderType    uint8
	CmdLinePtr       uint32
	InitrdAddrMax    uint32
	KernelAlignment  uint32
	Relocatable      uint8
	MinAlignment     uint8
	XLoadFlags       uint16
	CmdlineSize      uint32
	HardwareSubarch  uint32
	SubarchData      uint64
	PayloadOffset    uint32 // from startup_32
	PayloadLength    uint32 // z_input_len
	SetupData        uint64
	PrefAddress      uint64
	InitSize         uint32
	HandoverOffset   uint32
	KernelInfoOffset uint32 // from startup_32
}
