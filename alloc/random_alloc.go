package alloc

import (
	"math/bits"

	"bootplan/memmap"
)

// Request states what one of the stub's searches through the memory map wants.
type Request struct {
	Size  uint64 // bytes; rounded up to whole pages, and to 0 above 2^64-4096
	Align uint64 // bytes, a power of two; at least a page
	Min   uint64 // lowest address; 0 becomes Align, unless AllowZero
	Max   uint64 // highest address of the last byte

	// SoftReserve leaves memory with the attribute EFI_MEMORY_SP out: the kernel is
	// built with CONFIG_EFI_SOFT_RESERVE and not told efi=nosoftreserve.
	SoftReserve bool
	// AllowZero is how stubs behave that know no minimum (before v6.8 and v6.6.17):
	// with Min 0, address 0 is a place like any other.
	AllowZero bool
	// NoSlotSucceeds is how stubs before v6.3 (v6.1.192 still) end when there is no
	// place at all: with success, and without an address.
	NoSlotSucceeds bool
}

// Area is a run of slots, the places at which an allocation may start: Slots
// addresses from Start on, one every Request.Align bytes.
type Area struct {
	Start, Slots uint64
}

// slotRule is a Request made ready for counting.
type slotRule struct {
	size, align, min, max uint64
	shift                 uint
	refuse                memmap.EFIAttr
	spare                 uint64 // pages that size takes besides its first
	top                   uint64 // rounding up to align wraps around to 0 above it
}

// rule applies what the stub does to its arguments before it looks at the map.
func (q Request) rule() slotRule {
	s := slotRule{
		size:   roundUp(q.Size, memmap.PageSize),
		align:  max(q.Align, memmap.PageSize),
		min:    q.Min,
		max:    q.Max,
		refuse: memmap.EFIHotPluggable,
	}
	s.shift = uint(bits.Len64(s.align)) - 1
	s.spare = max(s.size/memmap.PageSize, 1) - 1
	s.top = -s.align
	if s.min == 0 && !q.AllowZero {
		s.min = s.align
	}
	if s.min > s.top {
		s.spare = 0 // every search begins at 0, below the descriptor: none is too small
	}
	if q.SoftReserve {
		s.refuse |= memmap.EFISP
	}
	return s
}

// next returns the index, i or above, of the first descriptor that may have a slot;
// len(descs) if there is none. It settles almost every descriptor of a real map by
// its size. Two that are too small may have slots: one without any page at address
// 0, which the stub takes to end at the last address there is, and one so high that
// the search for its first slot wraps around to 0.
func (s *slotRule) next(descs []memmap.EFIDescriptor, i int) int {
	spare, top := s.spare, s.top
	for ; i < len(descs); i++ {
		if d := &descs[i]; (d.Pages-1 >= spare || d.Phys > top) && d.Type == memmap.EFIConventional {
			break
		}
	}
	return i
}

// slots counts the places in a Conventional descriptor. All sums wrap around, as in the stub.
// Source: drivers/firmware/efi/libstub/randomalloc.c:get_entry_num_slots (v6.12).
func (s *slotRule) slots(d *memmap.EFIDescriptor) uint64 {
	if d.Attr&s.refuse != 0 {
		return 0
	}
	end := min(d.Phys+d.Pages*memmap.PageSize-1, s.max)
	if end < s.size {
		return 0
	}
	align := uint64(1) << s.shift
	first := roundUp(max(d.Phys, s.min), align)
	last := (end - s.size + 1) &^ (align - 1)
	if first > last {
		return 0
	}
	return (last-first)>>s.shift + 1
}

// count returns the number of slots of a map, and whether only those in mirrored
// memory (EFI_MEMORY_MORE_RELIABLE) count: they do as soon as there is one.
func (s *slotRule) count(descs []memmap.EFIDescriptor) (total uint64, mirrored bool) {
	var reliable uint64
	for i := s.next(descs, 0); i < len(descs); i = s.next(descs, i+1) {
		d := &descs[i]
		n := s.slots(d)
		total += n
		if d.Attr&memmap.EFIMoreReliable != 0 {
			reliable += n
		}
	}
	if reliable > 0 {
		return reliable, true
	}
	return total, false
}

// area returns the slots of a Conventional descriptor that count.
func (s *slotRule) area(d *memmap.EFIDescriptor, mirrored bool) Area {
	if mirrored && d.Attr&memmap.EFIMoreReliable == 0 {
		return Area{}
	}
	return Area{roundUp(max(d.Phys, s.min), s.align), s.slots(d)}
}

// Areas appends the slots that q finds in a map to areas, in the order of the map.
// RandomAlloc takes slot number TargetSlot of them.
func (q Request) Areas(areas []Area, descs []memmap.EFIDescriptor) []Area {
	s := q.rule()
	_, mirrored := s.count(descs)
	for i := s.next(descs, 0); i < len(descs); i = s.next(descs, i+1) {
		if a := s.area(&descs[i], mirrored); a.Slots > 0 {
			areas = append(areas, a)
		}
	}
	return areas
}

// TargetSlot is the number of the slot that a seed chooses among total slots. Only
// the low 32 bits of the seed count. The product loses its high bits when there are
// more than 2^32 slots.
func TargetSlot(total, seed uint64) uint64 { return total * (seed & 0xffffffff) >> 32 }

// RandomAlloc allocates q.Size bytes of type t at the slot that the seed chooses.
// The firmware is asked for that one address only; if it refuses, its status is
// the answer. Without any slot the answer is OutOfResources, or NoAddress for
// stubs that do not notice (q.NoSlotSucceeds).
// Source: drivers/firmware/efi/libstub/randomalloc.c:efi_random_alloc (v6.12).
func RandomAlloc(fw Firmware, q Request, seed uint64, t memmap.EFIType) (uint64, Status) {
	return RandomAllocIn(fw, fw.Map(), q, seed, t)
}

// RandomAllocIn is RandomAlloc for a caller who has the firmware's present map.
func RandomAllocIn(fw Firmware, descs []memmap.EFIDescriptor, q Request, seed uint64, t memmap.EFIType) (uint64, Status) {
	s := q.rule()
	total, mirrored := s.count(descs)
	target := TargetSlot(total, seed)
	for i := s.next(descs, 0); i < len(descs); i = s.next(descs, i+1) {
		a := s.area(&descs[i], mirrored)
		if target >= a.Slots {
			target -= a.Slots
			continue
		}
		return fw.AllocatePages(Address, t, s.size/memmap.PageSize, a.Start+target*s.align)
	}
	if q.NoSlotSucceeds {
		return 0, NoAddress
	}
	return 0, OutOfResources
}

// roundUp is the kernel's round_up: the next multiple of align, a power of two. It
// wraps around to 0 above the last one.
func roundUp(x, align uint64) uint64 { return ((x - 1) | (align - 1)) + 1 }
