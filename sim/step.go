package sim

import (
	"fmt"

	"bootplan/memmap"
)

// Phase says whose code is running.
type Phase uint8

// The phases, in the order of a boot.
const (
	Firmware     Phase = iota // SeaBIOS, OVMF, …
	Loader                    // GRUB, QEMU's option ROM, the firmware's own image loader
	Setup                     // the real-mode part of a bzImage
	Stub                      // the EFI stub
	Decompressor              // the bare-metal decompressor
	Kernel                    // the kernel proper
)

var phaseNames = [...]string{"firmware", "loader", "setup", "stub", "decompressor", "kernel"}

func (p Phase) String() string { return phaseNames[p] }

// MarshalText writes the name.
func (p Phase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Op is what a step does.
type Op uint8

// The things that boot code does to memory.
const (
	Alloc   Op = iota // Range belongs to Object from now on
	Free              // Range belongs to nobody from now on
	Read              // Range is read
	Write             // Range is written
	Copy              // Range is written with what From holds, copied or unpacked
	Exec              // instructions in Range are executed
	Map               // Range is mapped with Perm in the tables in force
	Protect           // the permissions of Range, mapped already, become Perm
	Switch            // other page tables come into force
	Accept            // Range is accepted from the hypervisor
	Exit              // boot services end
)

var opNames = [...]string{"alloc", "free", "read", "write", "copy", "exec", "map", "protect", "switch", "accept", "exit"}

func (o Op) String() string { return opNames[o] }

// Ops is a set of kinds of steps.
type Ops uint16

// The usual sets.
const (
	Writes   Ops = 1<<Write | 1<<Copy
	Uses         = Writes | 1<<Exec
	Accesses     = Uses | 1<<Read // what goes through the page tables
	AllOps   Ops = 1<<len(opNames) - 1
)

// Has reports whether o is in the set.
func (s Ops) Has(o Op) bool { return s>>o&1 != 0 }

// MarshalText writes the name.
func (o Op) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Perm is a set of permissions.
type Perm uint8

// The permissions and their usual sets.
const (
	R   Perm = 1 << iota // readable
	W                    // writable
	X                    // executable
	RW  = R | W
	RX  = R | X
	RWX = R | W | X
)

// Has reports whether p grants all of q.
func (p Perm) Has(q Perm) bool { return p&q == q }

var permNames = [...]string{"---", "r--", "-w-", "rw-", "--x", "r-x", "-wx", "rwx"}

// String is "rw-"; an unmapped page is "---".
func (p Perm) String() string { return permNames[p&RWX] }

// MarshalText writes the string form.
func (p Perm) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// ParsePerm is the inverse of String.
func ParsePerm(s string) (Perm, error) {
	for p := range RWX + 1 {
		if p.String() == s {
			return p, nil
		}
	}
	return 0, fmt.Errorf("permissions %q: expected three letters such as r-x", s)
}

// A Step is one thing that boot code does to physical memory.
type Step struct {
	Phase  Phase
	Op     Op
	Object string       // what is touched: "kernel image", "trampoline code", "compressed payload" …
	Range  memmap.Range // what is touched, in bytes, half-open
	From   memmap.Range // Copy: the source
	Perm   Perm         // Map, Protect: the permissions from now on; Switch: what the new tables grant of the range, if one is stated; recorded steps of other kinds: those in force
	Memory string       // Alloc: the EFI memory type that was asked for, as kernel logs name it
	Why    string       // one sentence for a person
	Source string       // "arch/x86/boot/compressed/misc.c:extract_kernel (v6.12)"

	Keep    bool   // Write, Copy: somebody needs these bytes until Boot.Release
	InPlace bool   // Copy: unpacks over its own input, which it must not overtake
	Bits32  bool   // 32-bit code does it, which reaches the first 4 GiB only
	By      Setter // Map, Protect: through whom

	// What is known of a step besides.
	Where    Where        // Alloc: what the caller asks of the address, and
	Limit    uint64       // for Below, where it has to end
	Room     memmap.Range // the memory that Copy's output needs in the end, which may be more than is written; a pool
	Lays     Image        // Write, Copy: the first step that lays down a whole copy of this
	Restores bool         // Copy: puts back what was there, and the boot is done with it
	Pool     Pool         // Write: to a pool of fixed size, which is Room, and of which
	Needs    uint64       // bytes are needed; 0: not known
	Zeroed   memmap.Range // Write: the part of the range that is written with zeroes
	NeedZero memmap.Range // Exec: what must read as zero, because the code does not clear it
	Clears   memmap.Range // Exec: what the code is about to clear, as it takes all of its memory for its own
	Header   ImageHeader  // Copy by firmware, of the headers of a PE image
	Section  string       // Write by firmware: the name of the PE section, and
	Promise  Perm         // the permissions that its header declares

	WX uint64 // recorded steps: bytes of RAM mapped writable and executable once the step has taken effect
}

// Image is one of the forms in which a kernel is in memory.
type Image uint8

// The forms.
const (
	NoImage         Image = iota
	CompressedImage       // with the code that unpacks it
	KernelImage           // unpacked
)

// Pool is memory of fixed size from which code takes pieces.
type Pool uint8

// The pools.
const (
	NoPool Pool = iota
	Heap
	Stack
)

// ImageHeader is what the header of a PE image promises.
type ImageHeader struct {
	SectionAlignment uint32 // bytes; 0: this is no header
	NXCompat         bool   // no page needs to be writable and executable at once
}

// Touches reports whether the step writes to its range.
func (s *Step) Touches() bool { return Writes.Has(s.Op) }
