package alloc

import (
	"fmt"

	"bootplan/linux"
)

// print logs one line, which ends with the caller where the kernel names one.
func (m *Memblock) print(caller, format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if caller != "" {
		line += " " + caller
	}
	m.Log(line)
}

func (m *Memblock) logRange(function string, base, size uint64, caller string) {
	if m.Log != nil {
		m.print(caller, "%s: [0x%016x-0x%016x]", function, base, base+size-1)
	}
}

func (m *Memblock) logFree(base, size uint64, caller string) {
	name := "memblock_phys_free"
	if m.old() {
		name = "memblock_free"
	}
	m.logRange(name, base, size, caller)
}

func (m *Memblock) logReserve(base, size uint64, node int, flags RegionFlags, caller string) {
	switch {
	case m.Log == nil:
	case m.Version < linux.V7_2:
		m.logRange("memblock_reserve", base, size, caller)
	default:
		m.print(caller, "__memblock_reserve: [0x%016x-0x%016x] nid=%d flags=%x", base, base+size-1, node, uint32(flags))
	}
}

func (m *Memblock) logNode(base, size uint64, node int, flags RegionFlags) {
	if m.Log != nil {
		m.print(m.Caller, "memblock_add_node: [0x%016x-0x%016x] nid=%d flags=%x", base, base+size-1, node, uint32(flags))
	}
}

func (m *Memblock) logAlloc(size, align, start, end uint64) {
	if m.Log != nil && !m.old() {
		m.print(m.Caller, "memblock_phys_alloc_range: %d bytes align=%#x from=0x%016x max_addr=0x%016x", size, align, start, end)
	}
}

func (m *Memblock) logTryNode(size, align, start, end uint64, node int) {
	if m.Log != nil {
		m.print(m.Caller, "memblock_alloc_try_nid: %d bytes align=%#x nid=%d from=0x%016x max_addr=0x%016x", size, align, node, start, end)
	}
}

func (m *Memblock) logUnmirrored(size uint64) {
	if m.Log != nil {
		m.print("", "Could not allocate 0x%016x bytes of mirrored memory", size)
	}
}

func (m *Memblock) logNoMemory() {
	if m.Log != nil {
		m.print("", "memblock_cap_memory_range: No memory registered yet")
	}
}

func (m *Memblock) logDouble(l *RegionList, at, size uint64) {
	switch {
	case m.Log == nil:
	case at == 0:
		m.print("", "memblock: Failed to double %s array from %d to %d entries !", l.name, l.Capacity, 2*l.Capacity)
	default:
		m.print("", "memblock: %s is doubled to %d at [0x%016x-0x%016x]", l.name, 2*l.Capacity, at, at+size-1)
	}
}

// DumpAll logs both lists as memblock=debug does ("MEMBLOCK configuration:").
// Source: mm/memblock.c:__memblock_dump_all, memblock_dump (v6.12).
func (m *Memblock) DumpAll() {
	if m.Log == nil {
		return
	}
	m.print("", "MEMBLOCK configuration:")
	m.print("", " memory size = 0x%016x reserved size = 0x%016x", m.Memory.Total, m.Reserved.Total)
	for _, l := range []*RegionList{&m.Memory, &m.Reserved} {
		m.print("", " %s.cnt  = %#x", l.name, len(l.Regions))
		for i, r := range l.Regions {
			node := ""
			if validNode(r.Node) {
				node = fmt.Sprintf(" on node %d", r.Node)
			}
			m.print("", " %s[%#x]\t[0x%016x-0x%016x], 0x%016x bytes%s flags: %#x",
				l.name, i, r.Start, r.Last(), r.Len(), node, uint32(r.Flags))
		}
	}
}

// calledBy names the caller of debug lines until the function that it returns is called.
func (m *Memblock) calledBy(name string) (restore func()) {
	old := m.Caller
	m.Caller = name
	return func() { m.Caller = old }
}
