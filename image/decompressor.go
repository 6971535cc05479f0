package image

// How much code is looked at: startup code lies before the payload, all other
// code and data behind it.
const (
	startupCode = 0x1000
	otherCode   = 16 << 20
)

// decompressor reads the layout of the decompressor out of its machine code, in
// which startup code names the symbols that boots depend on.
// Source: arch/x86/boot/compressed/head_64.S (v5.10, v6.1, v6.12).
func (s *source) decompressor(k *Kernel) error {
	if k.Payload == nil {
		k.note("without a payload the decompressor is not looked for")
		return nil
	}
	setup, end := k.SetupBytes(), uint64(k.Setup.PayloadOffset)+k.Payload.Size
	startup, err := s.upTo(setup, min(startupCode, uint64(k.Setup.PayloadOffset)), "the startup code")
	if err != nil {
		return err
	}
	rest, err := s.upTo(setup+end, otherCode, "the decompressor")
	if err != nil {
		return err
	}
	f := &decompressorFinder{
		startup: machineCode{0, startup},
		rest:    machineCode{end, rest},
		found:   Decompressor{HeapSize: heapSize(k.Payload.Compression)},
	}
	f.startupSymbols()
	if d := f.found; d.Relocated < end || d.BSS <= d.Relocated || d.End <= d.BSS {
		k.note("the startup code is not that of a 64-bit decompressor: its layout is unknown")
		return nil
	}
	f.relocatedSymbols()
	f.trampolineSymbols()
	for _, what := range f.missing {
		k.note("%s was not found in the decompressor's code", what)
	}
	k.Decompressor = &f.found
	if !k.VO.agree(f.rest) {
		k.note("kernel_total_size is %#x by the headers of the kernel inside, but the decompressor holds no such constant", k.VO.TotalSize)
	}
	return nil
}

// heapSize is BOOT_HEAP_SIZE. Source: arch/x86/include/asm/boot.h (v6.12).
func heapSize(compression string) uint64 {
	switch compression {
	case "bzip2":
		return 0x400000
	case "zstd":
		return 0x30000
	}
	return 0x10000
}

// decompressorFinder collects what it finds, and names what it does not.
type decompressorFinder struct {
	startup, rest machineCode
	found         Decompressor
	trampoline    uint64 // the function that sets the paging mode
	missing       []string
}

// look finds the first pattern that fits; what is missing if none does.
func (f *decompressorFinder) look(what string, code machineCode, patterns ...string) (at uint64, operands []uint32, ok bool) {
	for _, p := range patterns {
		if at, operands, ok := code.find(p); ok {
			return at, operands, true
		}
	}
	f.missing = append(f.missing, what)
	return 0, nil, false
}

// operand is look for the first operand.
func (f *decompressorFinder) operand(what string, code machineCode, patterns ...string) uint64 {
	if _, operands, ok := f.look(what, code, patterns...); ok {
		return uint64(operands[0])
	}
	return 0
}

func (f *decompressorFinder) startupSymbols() {
	d, code64 := &f.found, f.startup.window(0x200, startupCode)
	d.PgTable = f.operand("_pgtable", f.startup,
		"8dbb....31c0b9....f3ab") // lea _pgtable(%ebx),%edi; xor %eax,%eax; mov $…,%ecx; rep stosl
	d.End = f.operand("_end", code64,
		"8b9e6002000081eb....") // mov init_size(%rsi),%ebx; sub $_end,%ebx
	d.BootStackEnd = f.operand("boot_stack_end", code64,
		"488da3....") // lea boot_stack_end(%rbx),%rsp
	d.BSS = f.operand("_bss", code64,
		"b9....c1e903fdf348a5",       // mov $_bss,%ecx; shr $3,%ecx; std; rep movsq
		"48c7c1....48c1e903fdf348a5") // the same with %rcx, until v5.9
	d.Relocated = f.operand(".Lrelocated", code64,
		"488d83....ffe0") // lea .Lrelocated(%rbx),%rax; jmp *%rax
	at, operands, ok := f.look("top_pgtable", code64,
		"488db3....e8....", // lea top_pgtable(%rbx),%rsi; call configure_5level_paging
		"488dbb....e8....") // lea top_pgtable(%rbx),%rdi; call cleanup_trampoline, until v6.5
	if ok {
		d.TopPgTable = uint64(operands[0])
		f.trampoline = relative(at+12, operands[1])
	}
}

// relocatedSymbols looks at the first code that runs in the copy: it clears .bss
// and calls extract_kernel last, to which it may pass the heap.
func (f *decompressorFinder) relocatedSymbols() {
	d, code := &f.found, f.rest.window(f.found.Relocated, 0x100)
	at, operands, ok := f.look("_ebss", code,
		"488d3d....488d0d....4829f948c1e903f348ab") // lea _bss,%rdi; lea _ebss,%rcx; sub; shr $3; rep stosq
	if ok {
		d.EBSS = relative(at+14, operands[1])
	}
	if at, operands, ok := code.find("4c89ff4889eee8...."); ok { // mov %r15,%rdi; mov %rbp,%rsi; call extract_kernel
		d.BootHeap = f.heapOf(f.rest.window(relative(at+11, operands[0]), 0x400))
	} else if at, operands, ok := code.find("488d35....488d15...."); ok { // lea boot_heap,%rsi; lea input_data,%rdx, until v6.5
		d.BootHeap = relative(at+7, operands[0])
	}
	if !f.inBSS(d.BootHeap) {
		d.BootHeap = 0
		f.missing = append(f.missing, "boot_heap")
	}
}

// heapOf returns the address in .bss that extract_kernel's code takes together
// with the one HeapSize above it: the heap's beginning and end.
func (f *decompressorFinder) heapOf(code machineCode) uint64 {
	taken := map[uint64]bool{}
	for target := range code.addresses {
		taken[target] = f.inBSS(target)
	}
	for target := range code.addresses {
		if taken[target] && taken[target+f.found.HeapSize] {
			return target
		}
	}
	return 0
}

func (f *decompressorFinder) inBSS(target uint64) bool {
	return target >= f.found.BSS && target < f.found.EBSS
}

// trampolineSymbols looks for the template that is copied to low memory, and for
// the place that keeps what was there: the first address in .bss that the function
// takes.
func (f *decompressorFinder) trampolineSymbols() {
	at, _, ok := f.look("trampoline_32bit_src", f.rest,
		"415741564155415455534889e348c1eb20",     // push %r15 to %rbx; mov %rsp,%rbx; shr $32,%rbx
		"b8180000008ed88ed00f20c00fbaf01f0f22c0") // mov $0x18,%eax; mov %eax,%ds; mov %eax,%ss; paging off, until v6.5
	if ok {
		f.found.Trampoline = at
	}
	for target := range f.rest.window(f.trampoline, 0x400).addresses {
		if f.inBSS(target) {
			f.found.TrampSave = target
			return
		}
	}
	f.missing = append(f.missing, "trampoline_save")
}
