package alloc

import (
	"fmt"

	"bootplan/memmap"
)

// Firmware is the part of the EFI boot services that hands out pages.
// Source: UEFI 2.11, 7.2.
type Firmware interface {
	// AllocatePages gives pages of type t. What addr means depends on kind. The
	// address is valid only with Success.
	AllocatePages(kind Kind, t memmap.EFIType, pages, addr uint64) (uint64, Status)
	// FreePages gives pages back that lie at addr.
	FreePages(addr, pages uint64) Status
	// Map is what GetMemoryMap reports. The caller must not change it, and it is
	// valid only until the next allocation or free.
	Map() []memmap.EFIDescriptor
}

// BootServices are all the EFI boot services that manage memory.
// Source: UEFI 2.11, 7.2.
type BootServices interface {
	Firmware
	// AllocatePool gives size bytes of type t at a multiple of 8. The address is valid
	// only with Success.
	AllocatePool(t memmap.EFIType, size uint64) (uint64, Status)
	// FreePool gives the block back that AllocatePool returned.
	FreePool(addr uint64) Status
	// MapSize is how many bytes of buffer GetMemoryMap asks for.
	MapSize() uint64
	// DescriptorSize is the size in bytes of each entry that GetMemoryMap stores.
	DescriptorSize() uint64
	// MapKey is the key of the present map, which ExitBootServices asks for.
	MapKey() uint64
}

// Kind is how an AllocatePages call states where the pages shall lie
// (EFI_ALLOCATE_TYPE).
type Kind uint8

// The kinds of UEFI 2.11.
const (
	AnyPages   Kind = iota // anywhere; addr is ignored
	MaxAddress             // the last byte at most at addr
	Address                // exactly at addr
)

// String is the name that the UEFI specification uses.
func (k Kind) String() string {
	switch k {
	case AnyPages:
		return "AllocateAnyPages"
	case MaxAddress:
		return "AllocateMaxAddress"
	case Address:
		return "AllocateAddress"
	}
	return fmt.Sprintf("EFI_ALLOCATE_TYPE(%d)", uint8(k))
}

// Status is what a boot service returns: the number of its EFI_STATUS without the
// error bit. It is an error unless it is Success; see [Status.Err].
// Source: UEFI 2.11, appendix D.
type Status uint8

// The statuses that boot services for memory and images, and the stub's helpers, return.
const (
	Success           Status = 0
	LoadError         Status = 1
	InvalidParameter  Status = 2
	Unsupported       Status = 3
	BufferTooSmall    Status = 5
	OutOfResources    Status = 9
	NotFound          Status = 14
	NoMapping         Status = 17
	SecurityViolation Status = 26

	// NoAddress is EFI_SUCCESS of an allocation that stored no address: what
	// efi_random_alloc returns in kernels that do not check for "no slot at all".
	NoAddress Status = 255
)

// Error is the name of the status: "EFI_NOT_FOUND".
func (s Status) Error() string {
	switch s {
	case Success:
		return "EFI_SUCCESS"
	case LoadError:
		return "EFI_LOAD_ERROR"
	case InvalidParameter:
		return "EFI_INVALID_PARAMETER"
	case Unsupported:
		return "EFI_UNSUPPORTED"
	case BufferTooSmall:
		return "EFI_BUFFER_TOO_SMALL"
	case OutOfResources:
		return "EFI_OUT_OF_RESOURCES"
	case NotFound:
		return "EFI_NOT_FOUND"
	case NoMapping:
		return "EFI_NO_MAPPING"
	case SecurityViolation:
		return "EFI_SECURITY_VIOLATION"
	case NoAddress:
		return "EFI_SUCCESS without an address"
	}
	return fmt.Sprintf("EFI_STATUS(%d)", uint8(s))
}

// Err is nil for Success and the status itself otherwise.
func (s Status) Err() error {
	if s == Success {
		return nil
	}
	return s
}
