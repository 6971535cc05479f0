package probe

import (
	"bootplan/memmap"
	"bootplan/tools/capture/internal/record"
)

// kernelImageSize is the size of the kernel's own mapping with KASLR, in bytes.
// Source: arch/x86/include/asm/page_64_types.h:KERNEL_IMAGE_SIZE (v6.12).
const kernelImageSize = memmap.GiB

// draws follows the copy of the decompressor at base until it has drawn its random
// numbers, and notes from what it chose. No breakpoint is left when it decompresses: in
// pages that have one, QEMU emulates one instruction at a time.
func (b *boot) draws(base uint64) {
	m, d := b.machine, b.found()
	physical, virtual := b.at(base, b.marks.Physical), b.at(base, b.marks.Virtual)
	for virtual != 0 {
		at := m.runTo(physical, virtual)
		if !m.ok() {
			return
		}
		if d.Tables == nil {
			b.tables(base)
		}
		if at == virtual {
			b.virtualChoice(m.register("rax"))
			return
		}
		b.physicalChoice(m.register("rax"))
	}
}

// at is the address of a mark, 0 if the image has no such place.
func (b *boot) at(base, mark uint64) uint64 {
	if mark == 0 {
		return 0
	}
	return base + mark
}

// tables reads the tables of KASLR out of the .bss of the copy at base, if it is known
// where its variables are.
func (b *boot) tables(base uint64) {
	if b.marks.MemLimit == 0 || b.marks.SlotMax == 0 {
		return
	}
	layout := b.kernel.Decompressor
	begin, end := base+layout.BSS&^7, base+layout.EBSS
	b.bss = memory{begin, b.machine.read(begin, int(end-begin))}
	t := &record.KASLRTables{
		MemLimit: record.Hex(b.bss.word(base + b.marks.MemLimit)),
		Avoid:    b.bss.avoided(base+uint64(b.kernel.Setup.PayloadOffset), b.zeroPage),
		SlotMax:  b.bss.word(base + b.marks.SlotMax),
	}
	t.Areas = b.bss.areas(base+b.marks.SlotMax, uint64(b.kernel.Setup.KernelAlignment), uint64(t.MemLimit))
	b.found().Tables = t
}

// physicalChoice notes the slot that a random number names.
// Source: arch/x86/boot/compressed/kaslr.c:slots_fetch_random (v6.12).
func (b *boot) physicalChoice(random uint64) {
	d, align := b.found(), uint64(b.kernel.Setup.KernelAlignment)
	d.RandomPhysical = hexOf(random)
	if d.Tables == nil || d.Tables.SlotMax == 0 {
		return
	}
	slot := random % d.Tables.SlotMax
	d.SlotChosen = &slot
	left := slot
	for _, area := range d.Tables.Areas {
		if left < area.Slots {
			d.PhysicalChosen = hexOf(uint64(area.Addr) + left*align)
			return
		}
		left -= area.Slots
	}
}

// virtualChoice notes the offset that a random number names.
// Source: arch/x86/boot/compressed/kaslr.c:find_random_virt_addr (v6.12).
func (b *boot) virtualChoice(random uint64) {
	d, align := b.found(), uint64(b.kernel.Setup.KernelAlignment)
	slots := (kernelImageSize-b.kernel.Setup.PrefAddress-b.kernel.NeededSize())/align + 1
	d.RandomVirtual, d.VirtualSlots = hexOf(random), &slots
	d.VirtualOffset = hexOf(random % slots * align)
}

// enter runs to the first instruction of the kernel at one of the outputs, those that are
// not 0, and notes which.
func (b *boot) enter(outputs ...uint64) {
	m := b.machine
	var entries []uint64
	for _, output := range outputs {
		if output != 0 {
			entries = append(entries, output+b.kernel.EntryOffset())
		}
	}
	if entry := m.runTo(entries...); m.ok() {
		b.entered(entry)
	}
}

// entered notes that the machine is at the kernel's first instruction.
func (b *boot) entered(entry uint64) {
	b.zeroPage = b.machine.register("rsi")
	b.facts.KernelEntry = &record.KernelEntry{
		Address: record.Hex(entry), PhysBase: record.Hex(entry - b.kernel.EntryOffset()),
	}
	b.notePermissions(stopKernel)
}
