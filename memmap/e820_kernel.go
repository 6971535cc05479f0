package memmap

import "bootplan/linux"

// BootMemory is what boot_params tells the kernel proper about memory.
type BootMemory struct {
	Table   []E820Entry // e820_table, at most MaxE820Table entries
	AltMemK uint32      // alt_mem_k: KiB above 1 MiB, from BIOS call e801
	ExtMemK uint16      // screen_info.ext_mem_k: KiB above 1 MiB, from BIOS call 88
}

// KernelE820 is all that the kernel proper keeps of the e820 map: the table it edits,
// one for a kernel that kexec starts, and one for the firmware's view in sysfs. The
// last two are copies from before any option took effect.
// Source: arch/x86/kernel/e820.c (v6.12, v7.2).
type KernelE820 struct {
	Table, Kexec, Firmware E820Table
	MaxMemSize             uint64 // max_mem_size, in bytes: what the last mem= allowed; 2^64-1 without one

	userDefined bool // mem= or memmap= took effect
}

// NewKernelE820 returns empty tables of one kernel version. Everything that the
// kernel would print about them goes to log, which may be nil.
func NewKernelE820(v linux.Version, log func(line string)) *KernelE820 {
	k := &KernelE820{}
	k.Reset(v, log)
	return k
}

// Reset empties the tables, in the memory that they have.
func (k *KernelE820) Reset(v linux.Version, log func(line string)) {
	for _, t := range []*E820Table{&k.Table, &k.Kexec, &k.Firmware} {
		t.Clear()
		t.Version, t.Log, t.Dropped = v, log, 0
	}
	k.MaxMemSize, k.userDefined = ^uint64(0), false
}

// Setup takes the map over from boot_params and sanitises it. A map that wraps
// around 2^64, is empty or (before 7.2) has a single entry is not believed: then a
// fallback takes its place, low memory to 0x9f000 and what the older BIOS calls
// report from 1 MiB on.
// Source: arch/x86/kernel/e820.c:e820__memory_setup_default, e820__memory_setup (v6.12, v7.2).
func (k *KernelE820) Setup(b BootMemory) {
	who := "BIOS-e820"
	least := 2
	if k.Table.Version >= linux.V7_2 {
		least = 1
	}
	if len(b.Table) < least || !k.append(b.Table) {
		memory := uint64(b.AltMemK)
		who = "BIOS-e801"
		if b.AltMemK < uint32(b.ExtMemK) {
			memory = uint64(b.ExtMemK)
			who = "BIOS-88"
		}
		k.Table.Clear()
		k.Table.Add(0, 0x9f000, E820RAM)
		k.Table.Add(MiB, memory*KiB, E820RAM)
	}
	k.Table.Sanitize()
	k.copy()
	k.Table.print("BIOS-provided physical RAM map:", who)
}

// SetupExtended adds the entries of a SETUP_E820_EXT node, which holds what did not
// fit in boot_params. From an entry that wraps around 2^64 on, the rest is ignored.
// Source: arch/x86/kernel/e820.c:e820__memory_setup_extended (v6.12).
func (k *KernelE820) SetupExtended(entries []E820Entry) {
	k.append(entries)
	k.Table.Sanitize()
	k.copy()
	k.Table.print("extended physical RAM map:", "extended")
}

// append adds entries until one wraps around 2^64 (ending there exactly is fine), and
// reports whether none did.
// Source: arch/x86/kernel/e820.c:__append_e820_table (v6.12).
func (k *KernelE820) append(entries []E820Entry) bool {
	for _, e := range entries {
		if last := e.Addr + e.Size - 1; e.Addr > last && e.Size != 0 {
			return false
		}
		k.Table.Add(e.Addr, e.Size, e.Type)
	}
	return true
}

func (k *KernelE820) copy() {
	k.Kexec.CopyFrom(&k.Table)
	k.Firmware.CopyFrom(&k.Table)
}

// Types of setup_data nodes.
// Source: arch/x86/include/uapi/asm/setup_data.h (v6.12).
const (
	setupEFI      = 4
	setupIMA      = 5
	setupRNGSeed  = 9
	setupIndirect = 1 << 31 // the node tells where its data is
)

// SetupDataNode is a node of the setup_data list: a head of 16 bytes at Addr, and
// Len bytes behind it.
type SetupDataNode struct {
	Addr uint64
	Type uint32
	Len  uint32 // bytes
	// Indirect is what a node of type 0x80000000 holds: the type, the bytes and the
	// address of data elsewhere.
	Indirect struct {
		Type uint32
		Len  uint64
		Addr uint64
	}
}

// ReserveSetupData marks the RAM under a setup_data list as E820ReservedKern. Data
// elsewhere that claims to be indirect once more is left alone. Before 6.10 the table
// for kexec is marked as well, except for nodes that kexec makes itself. 7.2 does no
// such thing.
// Source: arch/x86/kernel/e820.c:e820__reserve_setup_data (v6.12); before from recorded logs.
func (k *KernelE820) ReserveSetupData(list []SetupDataNode) {
	if len(list) == 0 || k.Table.Version >= linux.V7_2 {
		return
	}
	marksKexec := k.Table.Version != 0 && k.Table.Version < linux.Of(6, 10)
	mark := func(addr, size uint64, kexec bool) {
		k.Table.Update(addr, size, E820RAM, E820ReservedKern)
		if kexec && marksKexec {
			k.Kexec.Update(addr, size, E820RAM, E820ReservedKern)
		}
	}
	for _, n := range list {
		mark(n.Addr, 16+uint64(n.Len), n.Type != setupEFI && n.Type != setupIMA && n.Type != setupRNGSeed)
		if n.Type == setupIndirect && n.Indirect.Type != setupIndirect {
			mark(n.Indirect.Addr, n.Indirect.Len, true)
		}
	}
	k.Table.Sanitize()
	if marksKexec {
		k.Kexec.Sanitize()
	}
	k.Table.print("extended physical RAM map:", "reserve setup_data")
}

// FinishEarlyParams sanitises what mem= and memmap= made of the table. The error is a
// *linux.Panic: the kernel stops if fewer than two entries are left or one wraps.
// Source: arch/x86/kernel/e820.c:e820__finish_early_params (v6.12).
func (k *KernelE820) FinishEarlyParams() error {
	if !k.userDefined {
		return nil
	}
	if !k.Table.Sanitize() {
		return &linux.Panic{Text: "Invalid user supplied memory map"}
	}
	k.Table.print("user-defined physical RAM map:", "user")
	return nil
}

// AddKernel makes the kernel's own memory RAM if the map does not say so.
// Source: arch/x86/kernel/setup.c:e820_add_kernel_range (v6.12).
func (k *KernelE820) AddKernel(kernel Range) {
	if _, ok := k.Table.MappedAll(kernel.Start, kernel.End, E820RAM); ok {
		return
	}
	if k.Table.Log != nil {
		k.Table.Log(".text .data .bss are not marked as E820_TYPE_RAM!")
	}
	k.Table.RemoveAny(kernel.Start, kernel.Len())
	k.Table.Add(kernel.Start, kernel.Len(), E820RAM)
}

// TrimBIOS takes from RAM what PC firmware uses whatever its map says: the first page
// becomes reserved, and 640 KiB to 1 MiB is removed.
// Source: arch/x86/kernel/setup.c:trim_bios_range (v6.12).
func (k *KernelE820) TrimBIOS() {
	k.Table.Update(0, PageSize, E820RAM, E820Reserved)
	k.Table.Remove(0xa0000, 0x60000, E820RAM)
	k.Table.Sanitize()
}
