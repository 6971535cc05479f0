package image

import (
	"encoding/binary"
	"slices"

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
		Layout:    f.layout(),
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
	if !slices.Contains(words, vo.TextSize) {
		vo.TextSize = 0
	}
	if !slices.Contains(words, vo.InitTextOffset) {
		vo.InitTextOffset, vo.InitTextSize = 0, 0
		return true
	}
	// The section's size leaves out what the linker puts behind it, up to _einittext.
	slices.Sort(words)
	if next, _ := slices.BinarySearch(words, vo.InitTextSize); next < len(words) {
		vo.InitTextSize = words[next]
	}
	return true
}

// wordsNear returns the 64-bit words within 64 bytes of the first aligned word
// that equals value; nil if there is none.
func (c machineCode) wordsNear(value uint64) []uint64 {
	const reach = 8 // words
	skip := min(memmap.AlignUp(c.start, 8)-c.start, uint64(len(c.bytes)))
	words := make([]uint64, (uint64(len(c.bytes))-skip)/8)
	for i := range words {
		words[i] = binary.LittleEndian.Uint64(c.bytes[skip+8*uint64(i):])
	}
	i := slices.Index(words, value)
	if i < 0 {
		return nil
	}
	return words[max(0, i-reach):min(len(words), i+reach+1)]
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
