package memmap

import "fmt"

// E820Type is the type code of an e820 entry.
// Source: arch/x86/include/asm/e820/types.h:enum e820_type (v6.12).
type E820Type uint32

// The types that Linux knows, and two that it meets.
const (
	E820RAM      E820Type = 1
	E820Reserved E820Type = 2
	E820ACPI     E820Type = 3
	E820NVS      E820Type = 4
	E820Unusable E820Type = 5
	E820Disabled E820Type = 6 // ACPI 6.5 AddressRangeDisabled; Linux prints it as a bare type
	E820PMEM     E820Type = 7
	// E820PRAM is a type that pre-standard firmware used for persistent memory.
	E820PRAM E820Type = 12
	// E820GRUBRuntime is what GRUB reports for EFI runtime code. Linux knows no name for it.
	E820GRUBRuntime E820Type = 20
	// E820ReservedKern marks RAM that the kernel itself reserved for setup_data.
	E820ReservedKern E820Type = 128
	// E820SoftReserved marks EFI_MEMORY_SP memory that is kept for a device driver.
	E820SoftReserved E820Type = 0xefffffff
)

// String is the name that a kernel log shows: "usable", "ACPI data", "type 20".
// Source: arch/x86/kernel/e820.c:e820_print_type (v6.12).
func (t E820Type) String() string {
	switch t {
	case E820RAM:
		return "usable"
	case E820ReservedKern:
		return "usable"
	case E820Reserved:
		return "reserved"
	case E820SoftReserved:
		return "soft reserved"
	case E820ACPI:
		return "ACPI data"
	case E820NVS:
		return "ACPI NVS"
	case E820Unusable:
		return "unusable"
	case E820PMEM:
		return "persistent (type 7)"
	case E820PRAM:
		return "persistent (type 12)"
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// E820Entry is one entry as boot_params holds it (struct boot_e820_entry): it may
// have no length, and Addr+Size may wrap around.
type E820Entry struct {
	Addr uint64 // first byte
	Size uint64 // bytes
	Type E820Type
}

// Range returns the bytes of e, or ErrWrap.
func (e E820Entry) Range() (Range, error) { return Sized(e.Addr, e.Size) }

// MaxE820Table is how many entries boot_params holds (E820_MAX_ENTRIES_ZEROPAGE).
const MaxE820Table = 128
