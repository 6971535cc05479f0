package image

import "bootplan/memmap"

// Layout tells where the parts of an x86 kernel lie, in bytes from its first byte
// (_text). Ends are exclusive.
// Source: arch/x86/kernel/vmlinux.lds.S (v6.12); names of symbols in parentheses.
type Layout struct {
	TextEnd     uint64 `json:"text_end"`       // _etext
	RodataStart uint64 `json:"rodata_start"`   // __start_rodata
	RodataEnd   uint64 `json:"rodata_end"`     // __end_rodata
	DataStart   uint64 `json:"data_start"`     // _sdata
	DataEnd     uint64 `json:"data_end"`       // _edata
	InitText    uint64 `json:"inittext_start"` // _sinittext; 0 if the kernel has no .init.text
	InitTextEnd uint64 `json:"inittext_end"`   // _einittext
	BSSStart    uint64 `json:"bss_start"`      // __bss_start
	BSSEnd      uint64 `json:"bss_end"`        // __bss_stop, which is __end_of_kernel_reserve
	BrkStart    uint64 `json:"brk_start"`      // __brk_base
	End         uint64 `json:"end"`            // _end, which is __brk_limit
}

// layout reads the layout from the section headers; nil if a section is missing.
func (f *elfFile) layout() *Layout {
	var s [5]elfSection
	for i, name := range [...]string{".text", ".rodata", ".data", ".bss", ".brk"} {
		section, ok := f.section(name)
		if !ok {
			return nil
		}
		s[i] = section
	}
	text, rodata, data, bss, brk := s[0], s[1], s[2], s[3], s[4]
	base := text.addr
	l := &Layout{
		TextEnd:     text.size,
		RodataStart: rodata.addr - base,
		RodataEnd:   memmap.AlignUp(f.endBefore(data.addr), memmap.PageSize) - base,
		DataStart:   data.addr - base,
		DataEnd:     data.addr + data.size - base,
		BSSStart:    bss.addr - base,
		BSSEnd:      bss.addr + bss.size - base,
		BrkStart:    brk.addr - base,
		End:         memmap.AlignUp(brk.addr+brk.size, memmap.PageSize) - base,
	}
	if init, ok := f.section(".init.text"); ok {
		l.InitText, l.InitTextEnd = init.addr-base, init.addr+init.size-base
	}
	return l
}

// endBefore is the end of the last section that begins before addr.
func (f *elfFile) endBefore(addr uint64) uint64 {
	var end uint64
	for _, s := range f.sections {
		if s.addr < addr {
			end = max(end, s.addr+s.size)
		}
	}
	return end
}
