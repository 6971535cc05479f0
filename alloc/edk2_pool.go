package alloc

import (
	"slices"

	"bootplan/memmap"
)

// poolClasses are the sizes in bytes of pool blocks, head and tail included. Larger
// ones, and those that would fill more than a page of their type, are whole pages.
// Source: MdeModulePkg/Core/Dxe/Mem/Pool.c:mPoolSizeTable.
var poolClasses = [...]uint64{128, 256, 384, 640, 1024, 1664, 2688, 4352, 7040, 11392, 18432, 29824}

// poolClass is the smallest class that holds size bytes.
func poolClass(size uint64) int {
	class, _ := slices.BinarySearch(poolClasses[:], size)
	return class
}

// efiPools are the pool blocks of all types.
type efiPools struct {
	blocks map[uint64]poolBlock // every block of a class, and every one in use, by the address of its head
	lists  map[memmap.EFIType]*poolList
}

// poolBlock is a block, or pages that serve as one.
type poolBlock struct {
	size  uint64 // bytes with head and tail; of a free block, the class
	t     memmap.EFIType
	inUse bool
	tail  bool // has a tail: all but those that end at a guard page
}

// poolList is the pool of one type.
type poolList struct {
	free [len(poolClasses)][]uint64 // free blocks by class, newest last
	used uint64                     // bytes in use
	head uint64                     // block of the list itself, of types above those of UEFI
}

// reset forgets all blocks. What is left of the lists is their memory.
func (p *efiPools) reset() {
	clear(p.blocks)
	for t, list := range p.lists {
		if t >= firstOEMType { // the head of its list is a block, too
			delete(p.lists, t)
		}
		list.used, list.head = 0, 0
		for i := range list.free {
			list.free[i] = list.free[i][:0]
		}
	}
}

// AllocatePool returns a block of size bytes. Types that have no pool are an
// InvalidParameter.
// Source: MdeModulePkg/Core/Dxe/Mem/Pool.c:CoreInternalAllocatePool.
func (p *EFIPages) AllocatePool(t memmap.EFIType, size uint64) (uint64, Status) {
	p.asserted = false
	switch {
	case t >= binTypes && t < firstOEMType || p.config.Release.refusesPoolOf(t):
		return 0, InvalidParameter
	case size > p.largestBlock():
		return 0, OutOfResources
	}
	head := p.allocatePool(t, size, p.guardsPools(t))
	if head == 0 {
		return 0, OutOfResources
	}
	return head + p.config.Arch.pool().head, Success
}

// largestBlock is the size in bytes of the largest block that is not refused unseen.
func (p *EFIPages) largestBlock() uint64 {
	last := ^uint64(0)
	if p.config.Arch == IA32 {
		last = 1<<32 - 1
	}
	layout := p.config.Arch.pool()
	return last - layout.head - layout.tail
}

// allocatePool returns the address of a block's head, or 0.
// Source: MdeModulePkg/Core/Dxe/Mem/Pool.c:CoreAllocatePoolI.
func (p *EFIPages) allocatePool(t memmap.EFIType, size uint64, guard bool) uint64 {
	granule := p.config.granule(t)
	guard = guard && !p.tooLargeToGuard(granule)
	layout := p.config.Arch.pool()
	size = memmap.AlignUp(size, layout.align) + layout.head + layout.tail
	list := p.pool(t)
	if list == nil {
		return 0
	}
	head := uint64(0)
	if class := poolClass(size); class < poolClass(granule) && !guard {
		head = p.takeBlock(list, t, class)
	} else {
		if guard && !p.config.Guard.AtHead {
			size -= layout.tail // the guard page behind it does what the tail is for
		}
		head = p.takePoolPages(t, size, granule, guard)
	}
	if head != 0 {
		list.used += size
		p.pools.blocks[head] = poolBlock{size: size, t: t, inUse: true, tail: !guard || p.config.Guard.AtHead}
	}
	return head
}

// takePoolPages allocates whole pages as a block.
func (p *EFIPages) takePoolPages(t memmap.EFIType, size, granule uint64, guard bool) uint64 {
	pages := poolPages(size, granule)
	at := p.allocatePoolPages(t, pages, granule, guard)
	if at != 0 && guard {
		p.guard.set(p, at, pages)
		if !p.config.Guard.AtHead {
			at += pages*memmap.PageSize - size
		}
	}
	return at
}

// poolPages is the number of pages that a block of size bytes takes.
func poolPages(size, granule uint64) uint64 {
	pages := size / memmap.PageSize
	if size%memmap.PageSize != 0 {
		pages++
	}
	return roundPages(pages, granule)
}

// allocatePoolPages returns the address of pages, or 0. It does not look whether the
// pages that it found could be converted.
// Source: MdeModulePkg/Core/Dxe/Mem/Page.c:CoreAllocatePoolPages.
func (p *EFIPages) allocatePoolPages(t memmap.EFIType, pages, align uint64, guard bool) uint64 {
	at := p.find(p.config.Arch.limit(), pages, t, align, guard)
	if at != 0 {
		_ = p.convertGuarded(at, pages, t, guard)
	}
	return at
}

// pool returns the pool of type t; nil if there is no memory for its list.
// Source: MdeModulePkg/Core/Dxe/Mem/Pool.c:LookupPoolHead.
func (p *EFIPages) pool(t memmap.EFIType) *poolList {
	if p.pools.lists == nil {
		p.pools = efiPools{map[uint64]poolBlock{}, map[memmap.EFIType]*poolList{}}
	}
	if list := p.pools.lists[t]; list != nil {
		return list
	}
	list := &poolList{}
	if t >= firstOEMType {
		if list.head = p.allocatePool(memmap.EFIBootServicesData, p.config.Arch.pool().list, false); list.head == 0 {
			return nil
		}
	}
	p.pools.lists[t] = list
	return list
}

// takeBlock returns the newest free block of a class, else of the next larger class
// that has one, else the begin of a new page, and makes what is left into blocks.
func (p *EFIPages) takeBlock(list *poolList, t memmap.EFIType, class int) uint64 {
	granule := p.config.granule(t)
	for from := class; from < poolClass(granule); from++ {
		if free := list.free[from]; len(free) > 0 {
			at := free[len(free)-1]
			list.free[from] = free[:len(free)-1]
			if from > class {
				p.carve(list, t, at+poolClasses[class], at+poolClasses[from], from-1)
			}
			return at
		}
	}
	at := p.allocatePoolPages(t, granule/memmap.PageSize, granule, false)
	if at != 0 {
		p.carve(list, t, at+poolClasses[class], at+granule, poolClass(granule)-1)
	}
	return at
}

// carve makes free blocks of [at, end): as many of a class as fit, from the given class down.
func (p *EFIPages) carve(list *poolList, t memmap.EFIType, at, end uint64, class int) {
	for ; at != end; class-- {
		for ; end-at >= poolClasses[class]; at += poolClasses[class] {
			p.putFree(list, t, at, class)
		}
	}
}

// putFree makes a block the newest free one of its class.
func (p *EFIPages) putFree(list *poolList, t memmap.EFIType, at uint64, class int) {
	list.free[class] = append(list.free[class], at)
	p.pools.blocks[at] = poolBlock{size: poolClasses[class], t: t}
}

// FreePool frees the block that begins at addr. Where none in use begins is an
// InvalidParameter; the real firmware knows blocks by what it wrote before them, and
// can be misled by what earlier blocks left behind.
// Source: MdeModulePkg/Core/Dxe/Mem/Pool.c:CoreFreePoolI.
func (p *EFIPages) FreePool(addr uint64) Status {
	p.asserted = false
	head := addr - p.config.Arch.pool().head
	b := p.pools.blocks[head]
	endsAtGuard := p.guardedBlock(head, b.t) && !p.config.Guard.AtHead
	if !b.inUse || !b.tail && !endsAtGuard {
		p.assert(addr == 0)
		return InvalidParameter
	}
	p.freePool(head, b)
	return Success
}

// guardedBlock reports whether the block of type t with the given head is guarded.
func (p *EFIPages) guardedBlock(head uint64, t memmap.EFIType) bool {
	return p.guardsPools(t) && p.guard.has(head)
}

func (p *EFIPages) freePool(head uint64, b poolBlock) {
	guarded := p.guardedBlock(head, b.t)
	list := p.pools.lists[b.t]
	list.used -= b.size
	granule := p.config.granule(b.t)
	class := poolClass(b.size)
	if class < poolClass(granule) && !guarded {
		p.putFree(list, b.t, head, class)
		p.freeEmptyPage(list, b.t, memmap.AlignDown(head, granule))
	} else {
		delete(p.pools.blocks, head)
		p.freePoolPages(head, b.size, granule, guarded)
	}
	if b.t >= firstOEMType && list.used == 0 {
		delete(p.pools.lists, b.t)
		p.freePool(list.head, p.pools.blocks[list.head])
	}
}

// freePoolPages frees a block that consists of whole pages. Like all of EDK2's pool, it
// does not look whether that worked.
func (p *EFIPages) freePoolPages(head, size, granule uint64, guarded bool) {
	pages := poolPages(size, granule)
	if !guarded {
		_ = p.convert(head, pages, change{t: memmap.EFIConventional})
		return
	}
	at := head
	switch {
	case p.config.Guard.AtHead:
	case p.config.Release.findsPoolHead():
		at = head + size - pages*memmap.PageSize
	default:
		at = memmap.AlignDown(head, memmap.PageSize)
	}
	_ = p.freeGuarded(at, pages)
}

// freeEmptyPage frees the page at an address if all its blocks are free.
func (p *EFIPages) freeEmptyPage(list *poolList, t memmap.EFIType, page uint64) {
	granule := p.config.granule(t)
	for at := page; at < page+granule; {
		b, known := p.pools.blocks[at]
		if b.inUse || !known {
			return
		}
		at += b.size
	}
	for at := page; at < page+granule; {
		b := p.pools.blocks[at]
		class := poolClass(b.size)
		i := slices.Index(list.free[class], at)
		list.free[class] = slices.Delete(list.free[class], i, i+1)
		delete(p.pools.blocks, at)
		at += b.size
	}
	_ = p.convert(page, granule/memmap.PageSize, change{t: memmap.EFIConventional})
}
