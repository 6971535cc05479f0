package sim

import "bootplan/memmap"

// Use is what the firmware's map says that memory is for. The zero Use is "not
// described": a hole, or device memory that no entry mentions.
type Use uint8

// The uses, the more restrictive ones later.
const (
	UseNone       Use = iota
	UseRAM            // free
	UseLoader         // taken by the loader before this boot
	UseBoot           // boot services: free after ExitBootServices
	UseUnaccepted     // RAM that must be accepted before use
	UsePersistent
	UseACPI // tables that can be reclaimed
	UseNVS
	UseRuntime // runtime services
	UseMMIO
	UseReserved
	UseUnusable
)

var useNames = [...]string{
	"not described", "free", "loader", "boot services", "unaccepted", "persistent",
	"ACPI tables", "ACPI NVS", "runtime services", "MMIO", "reserved", "unusable",
}

func (u Use) String() string { return useNames[u] }

// IsRAM reports whether boot code may use such memory, at the latest once boot
// services have ended.
func (u Use) IsRAM() bool { return u >= UseRAM && u <= UseBoot }

// efiUses gives the use of each EFI type, in the order of the codes.
var efiUses = [...]Use{
	UseReserved, UseLoader, UseLoader, UseBoot, UseBoot, UseRuntime, UseRuntime, UseRAM,
	UseUnusable, UseACPI, UseNVS, UseMMIO, UseMMIO, UseReserved, UsePersistent, UseUnaccepted,
}

// accepted is what becomes of memory that is accepted from the hypervisor.
func accepted(u Use) Use {
	if u == UseUnaccepted {
		return UseRAM
	}
	return u
}

func useOfEFI(t memmap.EFIType) Use {
	if int(t) < len(efiUses) {
		return efiUses[t]
	}
	return UseReserved
}

func useOfE820(t memmap.E820Type) Use {
	switch t {
	case memmap.E820RAM, memmap.E820ReservedKern:
		return UseRAM
	case memmap.E820ACPI:
		return UseACPI
	case memmap.E820NVS:
		return UseNVS
	case memmap.E820Unusable:
		return UseUnusable
	case memmap.E820PMEM, memmap.E820PRAM:
		return UsePersistent
	}
	return UseReserved
}

// Owner is who allocated memory, and for what.
type Owner struct {
	Phase  Phase
	Object string
}

// Machine is the state of physical memory while a boot runs.
type Machine struct {
	Use          memmap.Spans[Use]    // as the firmware's map states it
	Owner        memmap.Spans[Owner]  // allocations that are alive
	Content      memmap.Spans[string] // the object last written
	Needed       memmap.Spans[string] // bytes that somebody still needs
	Tables       *Tables              // in force
	BootServices bool                 // a firmware allocator is alive
	PhysBits     uint8                // width of physical addresses
	Trap         Trap                 // why the processor refuses the step that is about to take effect

	lowRAM uint64 // end of usable RAM below 4 GiB
}

// widest is the number of bits of physical addresses that page tables have room for.
const widest = 52

// reset makes the machine the one that memory describes, without paging. Where entries
// overlap, the more restrictive use counts, as when a kernel sanitises an e820 table.
func (m *Machine) reset(memory *memmap.Map, none *Tables) {
	m.Use.Clear()
	m.Owner.Clear()
	m.Content.Clear()
	m.Needed.Clear()
	m.Tables, m.BootServices, m.PhysBits, m.Trap, m.lowRAM = none, false, widest, Trap{}, 0
	for i := range memory.Len() {
		r, err := memory.Range(i)
		if err != nil {
			continue // cannot be used by anybody; map lint reports it
		}
		var use Use
		if memory.Kind == memmap.EFI {
			use = useOfEFI(memory.Descriptors[i].Type)
		} else {
			use = useOfE820(memory.Entries[i].Type)
		}
		m.Use.Update(r, func(old Use) Use { return max(old, use) })
		if use.IsRAM() && r.End <= 4*memmap.GiB {
			m.lowRAM = max(m.lowRAM, r.End)
		}
	}
}

// WX is how many bytes of RAM the tables in force map writable and executable at once.
func (m *Machine) WX() uint64 {
	var n uint64
	if !m.Tables.Paging {
		return 0 // no mapping, hence nothing mapped W+X
	}
	for _, s := range m.Tables.Perm.All() {
		if s.Value.Has(W | X) {
			n += m.ramIn(s.Range)
		}
	}
	return n
}

// ramIn is how many bytes of r are RAM, firmware's own included. Reserved entries
// above the last RAM below 4 GiB are address space, not RAM.
func (m *Machine) ramIn(r memmap.Range) uint64 {
	var n uint64
	m.Use.Over(r, func(u memmap.Span[Use]) bool {
		isRAM := u.Value != UseNone && u.Value != UseMMIO
		if u.Value == UseReserved && u.Start >= m.lowRAM {
			isRAM = false
		}
		if isRAM {
			n += u.Len()
		}
		return true
	})
	return n
}

// apply makes s take effect, which is the step of that index.
func (m *Machine) apply(s *Step, step int) {
	switch s.Op {
	case Alloc:
		m.Owner.Set(s.Range, Owner{s.Phase, s.Object})
	case Free:
		m.Owner.Set(s.Range, Owner{})
		m.Needed.Set(s.Range, "")
	case Write, Copy:
		m.Content.Set(s.Range, s.Object)
		if s.Keep {
			m.Needed.Set(s.Range, s.Object)
		}
	case Map, Protect:
		m.Tables.follow(s, step)
	case Accept:
		m.Use.Update(s.Range, accepted)
	case Exit:
		m.BootServices = false
	}
}
