package sim

import "slices"

// A Measure is a figure that runs state.
type Measure struct {
	Name string
	Unit string // "bytes", "bits", "" for a count
	Text string // what it is, in one sentence
}

// Names of measures that views ask for.
const (
	LowMemoryBytes      = "low_memory_bytes"
	LowMemoryAllocated  = "low_memory_allocated_bytes"
	PeakBytes           = "peak_extra_bytes"
	PeakUnpackingBytes  = "peak_unpacking_bytes"
	BytesCopied         = "bytes_copied"
	KernelCopies        = "kernel_copies"
	CompressedCopies    = "compressed_copies"
	AllocationCount     = "allocations"
	PermissionCalls     = "permission_calls"
	WXPeak              = "wx_bytes_peak"
	WXSteps             = "wx_byte_steps"
	WXUsed              = "wx_bytes_used"
	StackBytes          = "stack_bytes"
	HeapBytes           = "heap_bytes"
	WXAtStubEntry       = "wx_bytes_at_stub_entry"
	WXAtExit            = "wx_bytes_at_exit_boot_services"
	WXAtKernelEntry     = "wx_bytes_at_kernel_entry"
	WXAfterRodata       = "wx_bytes_after_mark_rodata"
	PhysicalEntropyBits = "physical_entropy_bits"
	VirtualEntropyBits  = "virtual_entropy_bits"
)

var measures = []Measure{
	{"physical_places", "", "how many physical addresses the kernel could have been given by other random numbers"},
	{PhysicalEntropyBits, "bits", "Shannon entropy of the kernel's physical address; 0 where nothing random chooses it"},
	{"virtual_places", "", "how many virtual addresses the kernel could have been given by other random numbers"},
	{VirtualEntropyBits, "bits", "Shannon entropy of the kernel's virtual address; 0 where nothing random chooses it"},
	{PeakBytes, "bytes", "memory that allocations of this boot hold, that it has written, or that the unpacked kernel will need, at the worst moment after the compressed image was loaded, initrd and all"},
	{PeakUnpackingBytes, "bytes", "the same without the initrd and without blocks of the firmware's pool: what unpacking itself takes"},
	{BytesCopied, "bytes", "what boot code copies, moves or unpacks, by the size of what it writes; what firmware and loaders copy does not count"},
	{KernelCopies, "", "how often the whole unpacked kernel is written"},
	{CompressedCopies, "", "how often the compressed kernel is placed in memory as a whole, loading included"},
	{AllocationCount, "", "how many requests for memory succeed, those that load the image included; the list of allocations tells their kinds"},
	{LowMemoryBytes, "bytes", "memory below 1 MiB that boot code writes without an allocation, even if it puts back what was there"},
	{LowMemoryAllocated, "bytes", "memory below 1 MiB that EFI stub or decompressor allocate"},
	{PermissionCalls, "", "how often boot code asks the firmware to change the permissions of memory"},
	{WXAtStubEntry, "bytes", "RAM mapped writable and executable when the firmware starts the stub, the firmware's own share included"},
	{WXAtExit, "bytes", "RAM mapped writable and executable when boot services end"},
	{WXAtKernelEntry, "bytes", "RAM mapped writable and executable when the kernel is entered"},
	{WXAfterRodata, "bytes", "RAM mapped writable and executable once the kernel has protected its own code and constants, the last thing it does before the first process"},
	{WXPeak, "bytes", "the most RAM that is mapped writable and executable after any step of boot code"},
	{WXSteps, "bytes", "RAM mapped writable and executable, added up over the steps of boot code: how much, for how long"},
	{WXUsed, "bytes", "memory that boot code writes and then executes through a mapping that allows both, without a change of permissions between"},
	{StackBytes, "bytes", "the most that a step is known to need of a stack of fixed size"},
	{HeapBytes, "bytes", "what the decompression library takes from a heap of fixed size; 0 where it takes nothing, and where that is not known"},
}

// Measures lists the figures that runs can state, in the order in which they are told.
func Measures() []Measure { return slices.Clone(measures) }

// Allocations are requests for memory that are alike.
type Allocations struct {
	Memory string // the EFI memory type, as kernel logs name it; empty: no firmware was asked
	Where  Where
	Limit  uint64 // Below: exclusive, in bytes
	Count  int
	Bytes  uint64
}

// Where is what a request for memory says of the address.
type Where uint8

// The kinds of requests.
const (
	Anywhere Where = iota // pages at any address
	Below                 // pages below a limit
	At                    // pages at one address
	FromPool              // a block of the firmware's pool
	Unstated              // the caller takes what it chose itself
)

var whereNames = [...]string{"anywhere", "below", "at an address", "pool", "own choice"}

func (w Where) String() string { return whereNames[w] }

// MarshalText writes the name.
func (w Where) MarshalText() ([]byte, error) { return []byte(w.String()), nil }
