package kaslr

import (
	"bootplan/linux"
	"bootplan/memmap"
)

// Addresses and sizes that the x86-64 build fixes, in bytes.
// Source: arch/x86/include/asm/{boot,page_64_types,pgtable_64_types}.h (v6.12).
const (
	LoadPhysicalAddr = 16 * memmap.MiB // LOAD_PHYSICAL_ADDR: lowest virtual offset
	KernelImageSize  = memmap.GiB      // KERNEL_IMAGE_SIZE: end of the virtual offsets
	maxMem4Level     = 1 << 46         // MAXMEM
	maxMem5Level     = 1 << 52
	maxMinimum       = 512 * memmap.MiB // the kernel is never kept out of memory above this (see MinimumCap)
	bootParamsSize   = 4096
	setupDataSize    = 16 // struct setup_data without its payload
)

// Types of setup_data nodes.
// Source: arch/x86/include/uapi/asm/setup_data.h (v6.12, v7.2).
const (
	SetupIndirect uint32 = 1 << 31
	SetupKexecKHO uint32 = 10
)

// Config is how the kernel was built.
type Config struct {
	Version          linux.Version
	PhysicalAlign    uint64 // CONFIG_PHYSICAL_ALIGN, bytes: 2 MiB or 16 MiB
	UnacceptedMemory bool   // CONFIG_UNACCEPTED_MEMORY
	// SoftReserve is CONFIG_EFI_SOFT_RESERVE, unless the EFI stub has seen
	// efi=nosoftreserve in the same run.
	SoftReserve   bool
	KexecHandover bool // CONFIG_KEXEC_HANDOVER; has an effect since 7.2
	// MinimumCap is the highest bound, in bytes, below which the search leaves memory out
	// because the decompressor runs above it; 0: 512 MiB. Baskov's series has 64 MiB.
	// Source: [PATCH v5 16/27] x86/boot: Reduce lower limit of physical KASLR (2023-03-14).
	MinimumCap uint64
}

// Input is all that choose_random_location looks at. Addresses and sizes are in
// bytes unless stated otherwise.
type Input struct {
	Config
	LA57 bool // 5-level paging is in force

	Payload     uint64 // where the compressed payload begins (input)
	Output      uint64 // where the kernel goes without KASLR
	InitSize    uint64 // init_size of the setup header
	NeededSize  uint64 // what the kernel needs at its place (output_size)
	VirtInitial uint64 // virtual address without KASLR

	BootParams uint64 // address
	CmdlinePtr uint64 // address of the command line; 0: none
	Cmdline    string // its bytes; the NUL that ends it may be left out
	Initrd     Extent
	SetupData  []SetupData // the chain in order; a node at address 0 ends it
	E820       []memmap.E820Entry
	EFI        EFIInfo
	Immovable  []Extent // from the ACPI SRAT, in its order; none: nothing is known to be hot-pluggable
}

// EFIInfo is struct efi_info of boot_params with the memory map that it points at.
type EFIInfo struct {
	Signature string // "EL64" or "EL32"; anything else: no EFI
	DescSize  uint32 // bytes from one descriptor to the next
	MapSize   uint32 // bytes; MapSize/DescSize descriptors are looked at
	// Descs is what lies in memory from the start of the map on. Memory behind it
	// reads as zero, which is no free memory.
	Descs []memmap.EFIDescriptor
}

// SetupData is one node of the setup_data chain.
type SetupData struct {
	Addr     uint64
	Type     uint32
	Len      uint32   // bytes of payload, as the node states
	Indirect Indirect // payload of a node of type SetupIndirect
	KHO      KHO      // payload of a node of type SetupKexecKHO
}

// Indirect is struct setup_indirect: it points at setup_data that lies elsewhere.
type Indirect struct {
	Type      uint32
	Addr, Len uint64
}

// KHO is the part of struct kho_data, which one kernel leaves for the next over
// kexec, that placement looks at.
type KHO struct {
	ScratchSize uint64   // bytes of the array of scratch areas; 16 each
	Scratch     []Extent // the array; memory behind it reads as zero
}
