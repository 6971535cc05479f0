package image

import (
	"encoding/binary"

	"bootplan/memmap"
)

// linkFacts reads the link-time facts of an x86 kernel from its section headers.
// Without them only the size is known, from the segments, as an upper bound.
func (f *elfFile) linkFacts() *VO {
	text, ok1 := f.section(".text")
	bss, ok2 := f.section(".bss")
	brk, ok3 := f.section(".brk")
	if !ok1 || !ok2 || !ok3 {
		return &VO{TotalSize: f.LoadSpan().Len()}
	}
	vo := &VO{
		TotalSize: memmap.AlignUp(brk.addr+brk.size, memmap.PageSize) - text.addr,
		BSSOffset: bss.addr - text.addr,
	}
	if rodata, ok := f.section(".rodata"); ok {
		vo.TextSize = rodata.addr - text.addr
	}
	if init, ok := f.section(".init.text"); ok {
		vo.InitTextOffset, vo.InitTextSize = init.addr-text.addr, init.size
	}
	return vo
}

// agree keeps of vo what the decompressor, whose code and data are c, holds as
// constants: kernel_total_size in every version; kernel_text_size and the place of
// the init text in some, next to it. ok is false if not even the first is there.
// Source: arch/x86/boot/compressed/misc.c (v6.12).
func (vo *VO) agree(c machineCode) (ok bool) {
	words := c.wordsNear(vo.TotalSize)
	if words == nil {
		vo.TextSize, vo.InitTextOffset, vo.InitTextSize = 0, 0, 0
		return c.holds32(vo.TotalSize)
	}
	if !words[vo.TextSize] {
		vo.TextSize = 0
	}
	if !words[vo.InitTextOffset] {
		vo.InitTextOffset, vo.InitTextSize = 0, 0
		return true
	}
	// The section's size does not count what the linker puts behind it up to _einittext.
	for end := vo.InitTextSize; !words[vo.InitTextSize]; vo.InitTextSize++ {
		if vo.InitTextSize-end > memmap.MiB {
			vo.InitTextSize = end
			break
		}
	}
	return true
}

// wordsNear returns the 64-bit words within 64 bytes of the first aligned word
// that equals value; nil if there is none.
func (c machineCode) wordsNear(value uint64) map[uint64]bool {
	const reach = 64
	words := c.bytes[memmap.AlignUp(c.start, 8)-c.start:]
	for i := 0; i+8 <= len(words); i += 8 {
		if binary.LittleEndian.Uint64(words[i:]) != value {
			continue
		}
		near := map[uint64]bool{}
		for j := max(0, i-reach); j+8 <= min(len(words), i+reach+8); j += 8 {
			near[binary.LittleEndian.Uint64(words[j:])] = true
		}
		return near
	}
	return nil
}

// holds32 reports whether value stands anywhere in c in 32 bits, aligned or not.
func (c machineCode) holds32(value uint64) bool {
	for i := 0; i+4 <= len(c.bytes); i++ {
		if uint64(le32(c.bytes[i:])) == value {
			return true
		}
	}
	return false
}
