package probe

import (
	"bytes"
	"encoding/binary"

	"bootplan/memmap"
	"bootplan/tools/capture/internal/record"
)

// stub follows the EFI stub from where firmware starts it.
func (b *boot) stub() {
	m := b.machine
	f := b.findFirmware()
	image := b.findKernel(f)
	if !m.ok() {
		return
	}
	base := image.base + b.rva(0)
	entry := image.base + uint64(b.kernel.PE.EntryRVA)
	b.facts.EFIStub = &record.EFIStub{
		Entry: record.Hex(entry), Image: record.Hex(image.base), ImageEnd: record.Hex(image.base + image.size),
	}
	exit := m.long(f.services + exitServicesAt)
	m.runTo(entry)
	b.notePermissions(stopPEEntry)
	b.followStub(image, base, exit)
	if m.ok() {
		b.facts.EFIStub.BootParams = record.Hex(b.zeroPage)
	}
}

// rva is where the byte at offset from startup_32 lies in the loaded image.
func (b *boot) rva(offset uint64) uint64 {
	at := b.kernel.SetupBytes() + offset
	rva := at
	for _, s := range b.kernel.PE.Sections {
		if at >= uint64(s.RawOffset) && s.RawSize > 0 {
			rva = at - uint64(s.RawOffset) + uint64(s.VirtualAddress)
		}
	}
	return rva
}

// followStub notes what the stub does until it enters the kernel or hands over to the
// decompressor.
func (b *boot) followStub(image loadedImage, base, exit uint64) {
	m := b.machine
	drawn, alloc, done := b.at(base, b.marks.EFI), b.at(base, b.marks.RandomAlloc), b.at(base, b.marks.StubDone)
	kernel, toggle := uint64(0), uint64(0)
	b.facts.Trampoline = &record.Trampoline{}
	for {
		at := m.runTo(drawn, alloc, done, exit, kernel, toggle)
		if !m.ok() {
			return
		}
		switch at {
		case drawn:
			b.seeds()
		case alloc:
			toggle = b.stubTrampoline(base)
			if kernel = b.randomAlloc(); kernel != 0 {
				kernel += b.kernel.EntryOffset()
			}
			drawn, alloc = 0, 0 // what follows is decompression
		case exit:
			b.notePermissions(stopExit)
			exit = 0
		case toggle:
			b.switched(toggle)
			toggle = 0
		case done:
			b.handOver(image, m.register("rax")-b.marks.Startup64)
			return
		case kernel:
			b.entered(kernel)
			return
		}
	}
}

// handOver follows the decompressor that the stub enters at startup_32 = base.
func (b *boot) handOver(image loadedImage, base uint64) {
	b.zeroPage = b.machine.register("rsi")
	s, own := b.facts.EFIStub, image.base+b.rva(0)
	moved := base != own
	s.Startup32, s.BzImage, s.Startup64, s.Relocated = hexOf(own), hexOf(base), hexOf(base+b.marks.Startup64), &moved
	b.decompressor(base)
}

// seeds notes the random number that the stub drew, and the seed that it makes of it with
// what the firmware's RNG protocol gave: the instruction that follows is their XOR.
func (b *boot) seeds() {
	m, d := b.machine, b.found()
	random := m.register("rax")
	d.RandomEFI = hexOf(random)
	if code := m.read(m.register("rip"), 2); !bytes.Equal(code, []byte{0x48, 0x33}) { // xor memory,%r64
		return
	}
	m.step()
	seed := m.register("rax")
	d.Seed, d.RNGSeed = hexOf(seed), hexOf(seed^random)
	lowest, align := b.kernel.Setup.PrefAddress, uint64(b.kernel.Setup.KernelAlignment)
	places := kernelImageSize - lowest - b.kernel.VO.TotalSize
	wanted := (lowest+places*(seed>>32)>>32)&^(align-1) - lowest
	d.VirtualWanted = hexOf(wanted)
}

// randomAlloc notes the call of efi_random_alloc at which the machine is: its arguments,
// the memory map that it gets, what it returns. It returns the address, 0 if there is none.
// Source: drivers/firmware/efi/libstub/randomalloc.c:efi_random_alloc (v6.12).
func (b *boot) randomAlloc() uint64 {
	m := b.machine
	after := m.register("rip") + callBytes
	result := m.register("rdx")
	a := &record.RandomAlloc{
		Size: record.Hex(m.register("rdi")), Align: record.Hex(m.register("rsi")),
		Seed: record.Hex(m.register("rcx") & 0xffffffff), MemoryType: uint32(m.register("r8")),
		Min: record.Hex(m.register("r9")), Max: record.Hex(m.long(m.register("rsp"))),
	}
	b.found().RandomAlloc = a
	m.step()
	b.memoryMap(a)
	if m.runTo(after); !m.ok() {
		return 0
	}
	a.Status, a.Address = record.Hex(m.register("rax")), record.Hex(m.long(result))
	if a.Status != 0 {
		return 0
	}
	return uint64(a.Address)
}

// callBytes is the size of a call instruction, which callOpcode begins.
const (
	callBytes  = 5
	callOpcode = 0xe8
)

// memoryMap runs to the first call of the function that the machine is in, which gets the
// firmware's memory map, and notes the map.
func (b *boot) memoryMap(a *record.RandomAlloc) {
	m := b.machine
	const most = 100 // instructions before the call
	for i := 0; m.read(m.register("rip"), 1)[0] != callOpcode; i++ {
		if m.step(); i == most || !m.ok() {
			return
		}
	}
	pointer := m.register("rdi")
	m.runTo(m.register("rip") + callBytes)
	buffer := m.long(pointer)
	// struct efi_boot_memmap: map_size, desc_size, desc_ver, map_key, buff_size, map.
	head := m.read(buffer, 40)
	size, step := little(head), little(head[8:])
	a.MapBuffer, a.DescSize = record.Hex(buffer), step
	if size > memmap.MiB || step < 40 {
		return
	}
	descriptors := m.read(buffer+40, int(size))
	for i := uint64(0); (i+1)*step <= size; i++ {
		b.facts.EFIMapAtUse = append(b.facts.EFIMapAtUse, descriptor(int(i), descriptors[i*step:]))
	}
}

// descriptor reads an EFI_MEMORY_DESCRIPTOR.
func descriptor(index int, d []byte) record.EFIMapped {
	start, pages := little(d[8:]), little(d[24:])
	return record.EFIMapped{
		Index: index, Type: memmap.EFIType(binary.LittleEndian.Uint32(d)).String(),
		Range:      record.Range{Start: record.Hex(start), End: record.Hex(start + pages*memmap.PageSize - 1)},
		Attributes: record.Hex(little(d[32:])),
	}
}

// stubTrampoline finds the copy of the trampoline's code through the variable of the stub
// that points to it, and returns the address of the instruction that switches; 0 if
// there is none. base is where startup_32 lies in the image.
// Source: drivers/firmware/efi/libstub/x86-5lvl.c (v6.12).
func (b *boot) stubTrampoline(base uint64) uint64 {
	m, layout := b.machine, b.kernel.Decompressor
	if b.marks.Toggle == 0 {
		return 0
	}
	const known = 16 // bytes of the code before anything in it is adjusted
	template := b.file[b.kernel.SetupBytes()+layout.Trampoline:][:known]
	bss := memory{base + layout.BSS, m.read(base+layout.BSS, int(layout.EBSS-layout.BSS))}
	for addr := range bss.words {
		page := bss.word(addr)
		if page%memmap.PageSize == 0 && b.inRAM(page) && bytes.Equal(m.physical(page, known), template) {
			return page + b.marks.Toggle
		}
	}
	return 0
}

// switched notes that the trampoline's code runs; its page table is behind it.
func (b *boot) switched(toggle uint64) {
	page := record.Hex(toggle - b.marks.Toggle)
	b.facts.Trampoline = &record.Trampoline{
		Executed: true, Toggle: record.Hex(toggle), CodePage: page, Base: page,
		PageTable: page + memmap.PageSize, Size: 2 * memmap.PageSize,
		AllocatedBy: "EFI stub, AllocatePages(AllocateMaxAddress, EfiLoaderData, 2 pages, <4G)",
	}
}
