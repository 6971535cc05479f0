package landmark

import (
	"fmt"
	"math/bits"

	"bootplan/image"
)

// Marks are places in the boot code, as offsets from startup_32; 0 where an image has
// no such place.
type Marks struct {
	Startup64 uint64 // the 64-bit entry
	Jump      uint64 // the jump into the copy; rbx is the copy's base, rbp the first output address
	Relocated uint64 // first code that runs in the copy

	Physical, Virtual, EFI uint64 // behind the calls that draw random numbers, in rax
	RandomAlloc            uint64 // the stub's call of efi_random_alloc for the kernel
	StubDone               uint64 // where a stub that does not decompress jumps to startup_64, which rax holds

	MemLimit uint64 // the variable mem_limit
	SlotMax  uint64 // the variable slot_max
	Toggle   uint64 // the instruction that flips CR4.LA57, in the trampoline's template
}

// startup64 is the offset of the 64-bit entry.
// Source: Documentation/arch/x86/boot.rst (v6.12).
const startup64 = 0x200

// Find looks through file, the bytes of the bzImage that k describes. It is an error if
// the decompressor itself is not found; a kernel without the EFI stub or KASLR only
// lacks those places.
func Find(k *image.Kernel, file []byte) (*Marks, error) {
	if k.Decompressor == nil {
		return nil, fmt.Errorf("%s: the decompressor's layout is unknown, so that a debugger does not know where to stop", k.Name)
	}
	protected := file[k.SetupBytes():]
	payload := uint64(k.Setup.PayloadOffset)
	end := payload + k.Payload.Size
	f := &finder{
		startup: code{0, protected[:payload]},
		rest:    code{end, protected[end:]},
		kernel:  k,
		marks:   Marks{Startup64: startup64, Relocated: k.Decompressor.Relocated},
	}
	if err := f.jumps(); err != nil {
		return nil, err
	}
	f.draws()
	f.randomAlloc()
	f.variables()
	if at, ok := f.rest.part(k.Decompressor.Trampoline, 0x100).first("0fbaf80c"); ok { // btc $12,%eax
		f.marks.Toggle = at - k.Decompressor.Trampoline
	}
	return &f.marks, nil
}

type finder struct {
	startup, rest code // before and behind the payload
	kernel        *image.Kernel
	marks         Marks
}

// jumps finds the jumps of the startup code, all to an address in rax.
// Source: arch/x86/boot/compressed/head_64.S (v5.10, v6.12).
func (f *finder) jumps() error {
	const jump = "ffe0" // jmp *%rax
	relocated, ok := f.startup.part(startup64, 0x400).first("488d83........" + jump)
	if !ok {
		return fmt.Errorf("%s: no jump into the decompressor's copy where a 64-bit kernel has it", f.kernel.Name)
	}
	f.marks.Jump = relocated + 7
	if done, ok := f.startup.first("488d8000020000" + jump); ok { // lea startup_64(%rax),%rax; jmp *%rax
		f.marks.StubDone = done + 7
	}
	return nil
}

// Sizes within which one thing lies behind another, in bytes.
const (
	functionBytes = 0x180 // of kaslr_get_random_long
	argumentBytes = 0x20  // of instructions that pass arguments, before the call
	neighbours    = 0x80  // of instructions that handle one value
)

// draws finds the calls of kaslr_get_random_long, which gets the purpose as a text and
// mixes what it drew with a constant.
// Source: arch/x86/lib/kaslr.c:kaslr_get_random_long (v6.12).
func (f *finder) draws() {
	mix, ok := f.rest.first("48..d38d84f3cb08605d") // movabs $0x5d6008cbf3848dd3,%reg
	if !ok {
		return
	}
	f.marks.Physical = f.drawn("Physical", mix)
	f.marks.Virtual = f.drawn("Virtual", mix)
	f.marks.EFI = f.drawn("EFI", mix)
}

// drawn is the place behind the call that passes purpose to the function around mix.
func (f *finder) drawn(purpose string, mix uint64) uint64 {
	const lea, call = "488d3d........", "e8........" // lea purpose(%rip),%rdi; call
	for text := range f.rest.text(purpose) {
		for at := range f.rest.all(lea) {
			if f.rest.operand(at+3) != text {
				continue
			}
			for at := range f.rest.part(at+7, argumentBytes).all(call) {
				if function := f.rest.operand(at + 1); function < mix && mix < function+functionBytes {
					return at + 5
				}
			}
		}
	}
	return 0
}

// randomAlloc finds the call that passes the kernel's alignment and its lowest address
// as constants: the second and the sixth argument.
// Source: drivers/firmware/efi/libstub/x86-stub.c:efi_decompress_kernel (v6.12).
func (f *finder) randomAlloc() {
	h := f.kernel.Setup
	align := fmt.Sprintf("be%08x", swapped(h.KernelAlignment))        // mov $align,%esi
	lowest := fmt.Sprintf("41b9%08x", swapped(uint32(h.PrefAddress))) // mov $lowest,%r9d
	for at := range f.rest.all(align) {
		around := f.rest.part(at-argumentBytes, 2*argumentBytes)
		if _, ok := around.first(lowest); !ok {
			continue
		}
		if call, ok := f.rest.part(at, argumentBytes).first("e8........"); ok {
			f.marks.RandomAlloc = call
			return
		}
	}
}

// swapped turns a number into the order of its bytes in memory.
func swapped(n uint32) uint32 { return bits.ReverseBytes32(n) }

// variables finds those of KASLR: slot_max by the division of the random number, and
// mem_limit by the store of the register into which the code loads the limit for
// 4-level paging.
// Source: arch/x86/boot/compressed/kaslr.c (v6.12).
func (f *finder) variables() {
	if div, ok := f.rest.part(f.marks.Physical, neighbours).first("48f735........"); ok && f.marks.Physical != 0 {
		f.marks.SlotMax = f.rest.operand(div + 3)
	}
	for load := range f.rest.all("48..0000000000400000") { // movabs $1<<46,%reg
		register := f.rest.part(load, 2).bytes[1] - 0xb8
		store := fmt.Sprintf("4889%02x........", register<<3|5) // mov %reg,mem_limit(%rip)
		if at, ok := f.rest.part(load, neighbours).first(store); register < 8 && ok {
			f.marks.MemLimit = f.rest.operand(at + 3)
			return
		}
	}
}
