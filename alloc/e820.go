package alloc

import "bootplan/memmap"

// Sizes of the structures of the extended E820 table, in bytes.
// Source: arch/x86/include/uapi/asm/setup_data.h (v6.12).
const (
	setupDataHead = 16 // struct setup_data without its payload
	e820EntrySize = 20 // struct boot_e820_entry
)

// Map slack: how many descriptors the stub expects the map to grow by before
// ExitBootServices (EFI_MMAP_NR_SLACK_SLOTS).
const (
	MapSlack    = 32 // v6.12.117, since a change of December 2024
	OldMapSlack = 8  // v6.12.0 and before, v6.1.192
)

// AllocateE820 returns how many bytes the stub allocates for an extension of the
// E820 table when the map has descriptors entries, and a slack of MapSlack or
// OldMapSlack; 0 if it allocates none.
// Source: drivers/firmware/efi/libstub/x86-stub.c:allocate_e820 (v6.12).
func AllocateE820(descriptors, slack uint32) uint32 {
	if descriptors <= memmap.MaxE820Table-slack {
		return 0
	}
	return setupDataHead + e820EntrySize*(descriptors-memmap.MaxE820Table+slack)
}

// E820Table is the table that the EFI stub leaves for the kernel.
type E820Table struct {
	Entries   []memmap.E820Entry // in boot_params, at most 128
	Extension []memmap.E820Entry // in a setup_data node of type SETUP_E820_EXT
	// Unaccepted are the [start, end) pairs of unaccepted memory, in the order in
	// which the stub records or accepts them; an end may have wrapped around.
	Unaccepted [][2]uint64
}

// SetupE820 converts the final memory map, in its order, into the table for the
// kernel: touching entries of one type become one. Behind 128 entries it goes on in
// an extension of extensionBytes bytes, head included. If that does not suffice
// for every descriptor left, merged or not, the answer is BufferTooSmall, with the
// entries converted so far; the stub then leaves the count in boot_params at 0.
// Source: drivers/firmware/efi/libstub/x86-stub.c:setup_e820 (v6.12).
func SetupE820(descs []memmap.EFIDescriptor, extensionBytes uint32, o memmap.ConvertOptions) (E820Table, Status) {
	var t E820Table
	status := t.Setup(descs, extensionBytes, o)
	return t, status
}

// Setup is SetupE820 in the memory of the table's last use.
func (t *E820Table) Setup(descs []memmap.EFIDescriptor, extensionBytes uint32, o memmap.ConvertOptions) Status {
	*t = E820Table{Entries: t.Entries[:0], Extension: t.Extension[:0], Unaccepted: t.Unaccepted[:0]}
	last := &memmap.E820Entry{}
	for i := range descs {
		d := &descs[i]
		kind, ok := d.E820Type(o)
		if !ok {
			continue
		}
		size := d.Pages * memmap.PageSize
		if d.Type == memmap.EFIUnaccepted {
			t.Unaccepted = append(t.Unaccepted, [2]uint64{d.Phys, d.Phys + size})
		}
		if last.Type == kind && last.Addr+last.Size == d.Phys {
			last.Size += size
			continue
		}
		table := &t.Entries
		if len(t.Entries) == memmap.MaxE820Table {
			need := uint32(len(descs)-i)*e820EntrySize + setupDataHead
			if len(t.Extension) == 0 && extensionBytes < need {
				return BufferTooSmall
			}
			table = &t.Extension
		}
		*table = append(*table, memmap.E820Entry{Addr: d.Phys, Size: size, Type: kind})
		last = &(*table)[len(*table)-1]
	}
	return Success
}
