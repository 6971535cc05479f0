package alloc

import (
	"math"

	"bootplan/linux"
	"bootplan/memmap"
)

// Memblock is the kernel's allocator for the time before its page allocator: a list
// of memory, a list of what is reserved, and a search through what is in the first
// and not in the second. Its two arrays have fixed capacities and grow by taking
// memory from the allocator itself.
//
// Operations return nil, ErrNoMemory where the kernel's return -ENOMEM, or a
// *linux.Panic where the kernel stops; after a Panic the state means nothing.
// Base and size wrap around 2^64 as they do in the kernel, except that a region that
// would end there or beyond is cut to end at 2^64-1.
// Source: mm/memblock.c (v6.12, with CONFIG_NUMA, without CONFIG_ARCH_KEEP_MEMBLOCK);
// what 7.2 does otherwise is known from recorded boots.
type Memblock struct {
	Version          linux.Version // older than 7.2 counts as 6.12, except for what old ones print
	Memory, Reserved RegionList
	BottomUp         bool   // search from low addresses upwards (memblock_set_bottom_up)
	Limit            uint64 // end of what a search without an end of its own may use (current_limit)
	KernelcoreMirror bool   // kernelcore=mirror: mirrored memory is preferred
	MovableNode      bool   // movable_node: hot-pluggable memory is never given out
	Warnings         int    // WARN_ONs that fired

	// Log receives the lines that memblock=debug prints; nil: nothing is printed.
	Log func(line string)
	// Caller is who calls, as debug lines name it at their end: "setup_arch". Methods
	// that are kernel functions themselves put in their own name.
	Caller string

	resizable bool // memblock_allow_resize was called
	mirror    bool // some memory was marked as mirrored
}

// RegionFlags say what is special about a region.
// Source: include/linux/memblock.h:enum memblock_flags (v6.12).
type RegionFlags uint32

// What can be special, in any combination.
const (
	Hotplug        RegionFlags = 1 << iota // memory that may be removed at run time
	Mirror                                 // memory that the hardware keeps twice
	NoMap                                  // memory that gets no direct mapping
	DriverManaged                          // memory that a driver detects and adds
	ReservedNoInit                         // a reservation whose page descriptors stay uninitialised
	ReservedKern                           // since 7.2: a reservation for the kernel's own use
	KHOScratch                             // since 7.2: memory that may be used before a handed-over kernel's memory is known
)

// Node numbers. Real nodes are 0 to NoNode-1.
const (
	AnyNode = -1   // in a request (NUMA_NO_NODE); since 7.2 also of a region without a node
	NoNode  = 1024 // of a region whose node is not known yet (MAX_NUMNODES)
)

// validNode reports whether the number means one node.
func validNode(node int) bool { return node >= 0 && node < NoNode }

// Ends of a search with a special meaning.
const (
	Accessible  = 0              // up to Memblock.Limit (MEMBLOCK_ALLOC_ACCESSIBLE)
	NoLeakTrace = 1              // the same (MEMBLOCK_ALLOC_NOLEAKTRACE)
	Anywhere    = math.MaxUint64 // no limit (MEMBLOCK_ALLOC_ANYWHERE)
)

// Region is one stretch of memory or one reservation.
type Region struct {
	memmap.Range
	Flags RegionFlags
	Node  int // NoNode, or AnyNode since 7.2, until it is known
}

// RegionList is one of memblock's two arrays: sorted, disjoint regions; neighbours
// that touch differ in flags or node.
type RegionList struct {
	Regions  []Region
	Capacity int    // regions that the array can hold
	Array    uint64 // physical address of the array; 0 while it is the static one
	Total    uint64 // bytes, as the kernel counts them: TrimMemory forgets to subtract

	name string // "memory", "reserved"
}

// staticRegions is the capacity of both arrays in the kernel image
// (INIT_MEMBLOCK_REGIONS).
const staticRegions = 128

// NewMemblock returns an allocator that knows no memory yet.
func NewMemblock(v linux.Version) *Memblock {
	m := &Memblock{}
	m.Reset(v)
	return m
}

// Reset forgets all memory, and keeps only the room for the lists.
func (m *Memblock) Reset(v linux.Version) {
	*m = Memblock{
		Version:  v,
		Memory:   RegionList{Regions: m.Memory.Regions[:0], Capacity: staticRegions, name: "memory"},
		Reserved: RegionList{Regions: m.Reserved.Regions[:0], Capacity: staticRegions, name: "reserved"},
		Limit:    Anywhere,
	}
}

// AllowResize lets the arrays grow. Before, a full array is the end of the kernel.
func (m *Memblock) AllowResize() { m.resizable = true }

// HasMirror reports whether memory was marked as mirrored.
func (m *Memblock) HasMirror() bool { return m.mirror }

// Add adds memory. What overlaps memory that is known already changes nothing there.
func (m *Memblock) Add(base, size uint64) error {
	m.logRange("memblock_add", base, size, m.Caller)
	return m.add(&m.Memory, base, size, m.noNode(), 0)
}

// AddNode is Add with a node and flags (memblock_add_node).
func (m *Memblock) AddNode(base, size uint64, node int, flags RegionFlags) error {
	m.logNode(base, size, node, flags)
	return m.add(&m.Memory, base, size, node, flags)
}

// Remove forgets memory.
func (m *Memblock) Remove(base, size uint64) error {
	m.logRange("memblock_remove", base, size, m.Caller)
	return m.remove(&m.Memory, base, size)
}

// Reserve keeps a range from being given out, whether it is memory or not.
func (m *Memblock) Reserve(base, size uint64) error {
	return m.reserve(base, size, m.noNode(), 0, m.Caller)
}

// ReserveKern is Reserve for the kernel's own use (memblock_reserve_kern), which has a
// flag of its own since 7.2.
func (m *Memblock) ReserveKern(base, size uint64) error {
	return m.reserve(base, size, m.noNode(), m.kern(), m.Caller)
}

func (m *Memblock) reserve(base, size uint64, node int, flags RegionFlags, caller string) error {
	m.logReserve(base, size, node, flags, caller)
	return m.add(&m.Reserved, base, size, node, flags)
}

// old reports whether the kernel is of the generation of 5.10, whose debug lines differ.
func (m *Memblock) old() bool { return m.Version != 0 && m.Version < linux.V5_15 }

// kern is the flag of reservations for the kernel's own use.
func (m *Memblock) kern() RegionFlags {
	if m.Version < linux.V7_2 {
		return 0
	}
	return ReservedKern
}

// noNode is the node of a region whose node is not known.
func (m *Memblock) noNode() int {
	if m.Version < linux.V7_2 {
		return NoNode
	}
	return AnyNode
}

// Free ends the reservation of a range, or of parts of it (memblock_phys_free).
func (m *Memblock) Free(base, size uint64) error { return m.free(base, size, m.Caller) }

func (m *Memblock) free(base, size uint64, caller string) error {
	m.logFree(base, size, caller)
	return m.remove(&m.Reserved, base, size)
}

// Mark sets flags on known memory (memblock_mark_hotplug, memblock_mark_nomap).
func (m *Memblock) Mark(base, size uint64, flags RegionFlags) error {
	return m.change(&m.Memory, base, size, func(r *Region) { r.Flags |= flags })
}

// Clear takes flags off known memory (memblock_clear_hotplug, memblock_clear_nomap).
func (m *Memblock) Clear(base, size uint64, flags RegionFlags) error {
	return m.change(&m.Memory, base, size, func(r *Region) { r.Flags &^= flags })
}

// MarkMirror marks memory as mirrored, but only if KernelcoreMirror is set. From then
// on searches try mirrored memory first.
func (m *Memblock) MarkMirror(base, size uint64) error {
	if !m.KernelcoreMirror {
		return nil
	}
	m.mirror = true
	return m.Mark(base, size, Mirror)
}

// MarkNoInit sets ReservedNoInit on reservations (memblock_reserved_mark_noinit).
func (m *Memblock) MarkNoInit(base, size uint64) error {
	return m.change(&m.Reserved, base, size, func(r *Region) { r.Flags |= ReservedNoInit })
}

// SetNode gives known memory a node (memblock_set_node).
func (m *Memblock) SetNode(base, size uint64, node int) error {
	return m.change(&m.Memory, base, size, func(r *Region) { r.Node = node })
}

// SetReservedNode gives reservations a node (memblock_set_node).
func (m *Memblock) SetReservedNode(base, size uint64, node int) error {
	return m.change(&m.Reserved, base, size, func(r *Region) { r.Node = node })
}
