package sim

import (
	"bootplan/image"
	"bootplan/linux"
	"bootplan/memmap"
)

// Scenario is everything that a boot depends on.
type Scenario struct {
	Map *memmap.Map // what the firmware reports
	// AfterExit says that Map is what a kernel logged after ExitBootServices: loader
	// memory in it is what that very boot took, and free before it.
	AfterExit bool
	Kernel    *image.Kernel // the image to boot
	CPU       CPU
	Cmdline   string
	Initrd    Initrd
	ROMs      []uint64 // sizes in bytes of the PCI option ROMs that EFI firmware offers
	// Immovable is the memory that firmware promises not to let anybody unplug (ACPI
	// SRAT), in the order of its table; none: nothing is known about that.
	Immovable []memmap.Range
	BIOS      linux.BIOSWords // zero: what a BIOS with this map would state
	Loader    string          // who loads a bzImage without EFI: "qemu", "grub", "ipxe"; empty: fits the map
	Firmware  FirmwareProfile // which EFI firmware
	Policy    Policy          // how EFI firmware protects memory
	Services  Services        // what EFI firmware offers besides memory
	Random    Random          // answers the boot code's questions for random numbers
}

// CPU is what the processor offers.
type CPU struct {
	LA57 bool // 5-level paging
	NX   bool // execute-disable

	PhysBits uint8 // width of physical addresses; 0: as many as page tables have room for
}

// Initrd is the initial RAM disk; with Size 0 there is none.
type Initrd struct {
	Size uint64 // bytes
	Addr uint64 // where a loader puts it; 0: it decides
}

// Random answers the questions that boot code asks for random numbers. Tests,
// searches and exact distributions answer them as they need.
type Random interface {
	Physical() uint64        // kaslr_get_random_long("Physical")
	Virtual() uint64         // kaslr_get_random_long("Virtual")
	StubSeed() (p, v uint32) // the EFI stub's seed words after mixing: physical slot, virtual offset
	Memory() uint64          // kaslr_get_random_long("Memory"), asked by the kernel proper
}

// Fixed answers with the same numbers each time.
type Fixed struct {
	PhysicalValue, VirtualValue, MemoryValue uint64

	Seed [2]uint32
}

// Physical is PhysicalValue.
func (f Fixed) Physical() uint64 { return f.PhysicalValue }

// Virtual is VirtualValue.
func (f Fixed) Virtual() uint64 { return f.VirtualValue }

// StubSeed is Seed.
func (f Fixed) StubSeed() (p, v uint32) { return f.Seed[0], f.Seed[1] }

// Memory is MemoryValue.
func (f Fixed) Memory() uint64 { return f.MemoryValue }

// Seeded derives all answers from one seed, with the splitmix64 generator, so that
// a scenario and a seed name one boot.
func Seeded(seed uint64) Fixed {
	next := func() uint64 {
		seed += 0x9e3779b97f4a7c15
		z := seed
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
	f := Fixed{PhysicalValue: next(), VirtualValue: next()}
	s := next()
	f.Seed = [2]uint32{uint32(s), uint32(s >> 32)}
	f.MemoryValue = next()
	return f
}
