package memmap

import (
	"sort"

	"bootplan/linux"
)

// MaxE820Entries is how many entries the kernel proper keeps (E820_MAX_ENTRIES with
// CONFIG_NODES_SHIFT=10): 128, and three for each possible NUMA node.
const MaxE820Entries = MaxE820Table + 3*1024

// E820Table is one e820 table of the kernel proper, which edits it entry by entry
// and sorts it only when asked to (Sanitize). Entries are what was added: they may
// overlap, have no length or wrap around 2^64, and all arithmetic wraps as the
// kernel's does.
//
// The zero E820Table is empty and ready to use.
// Source: arch/x86/kernel/e820.c (v6.12, v7.2).
type E820Table struct {
	Version linux.Version     // whose code works on the table; older than 7.2 counts as 6.12
	Log     func(line string) // receives what the kernel prints; nil: nothing is printed
	Dropped int               // entries that were refused because the table was full

	entries  []E820Entry
	sorted   bool // and disjoint: nothing was changed since Sanitize
	sanitize sanitizer
}

// Entries returns the table in the kernel's order. The caller must not change it.
func (t *E820Table) Entries() []E820Entry { return t.entries }

// Clear empties the table.
func (t *E820Table) Clear() { t.entries, t.sorted = t.entries[:0], false }

// CopyFrom gives t the entries of o.
func (t *E820Table) CopyFrom(o *E820Table) {
	t.entries, t.sorted = append(t.entries[:0], o.entries...), o.sorted
}

// Add appends an entry; a full table drops it.
// Source: arch/x86/kernel/e820.c:__e820__range_add (v6.12).
func (t *E820Table) Add(start, size uint64, typ E820Type) {
	if len(t.entries) >= MaxE820Entries {
		t.Dropped++
		t.logDropped(start, size)
		return
	}
	t.entries, t.sorted = append(t.entries, E820Entry{start, size, typ}), false
}

// Update turns [start, start+size) from one type into another, cutting the end to
// 2^64-1, and returns how many bytes it changed. Parts that are split off are
// appended. from and to must differ: for equal types the kernel stops with a BUG.
// Source: arch/x86/kernel/e820.c:__e820__range_update (v6.12).
func (t *E820Table) Update(start, size uint64, from, to E820Type) (updated uint64) {
	size = min(size, ^uint64(0)-start)
	end := start + size
	t.logUpdate(start, end, from, to)
	t.sorted = false
	for i := 0; i < len(t.entries); i++ { // split-off parts are visited too
		e := t.entries[i]
		if e.Type != from {
			continue
		}
		eEnd := e.Addr + e.Size
		switch {
		case e.Addr >= start && eEnd <= end:
			t.entries[i].Type = to
			updated += e.Size
		case e.Addr < start && eEnd > end:
			t.Add(start, size, to)
			t.Add(end, eEnd-end, e.Type)
			t.entries[i].Size = start - e.Addr
			updated += size
		case max(start, e.Addr) < min(end, eEnd):
			t.Add(max(start, e.Addr), min(end, eEnd)-max(start, e.Addr), to)
			updated += t.cut(i, start, end)
		}
	}
	return updated
}

// Remove takes the parts of [start, start+size) that have the given type out,
// cutting the end to 2^64-1, and returns how many bytes those were. Entries that
// vanish stay as zeros until the next Sanitize; a tail that is split off is
// appended. Since 7.2, type 0 means any type.
// Source: arch/x86/kernel/e820.c:e820__range_remove (v6.12, v7.2).
func (t *E820Table) Remove(start, size uint64, typ E820Type) (removed uint64) {
	return t.remove(start, size, typ, t.Version < linux.V7_2 || typ != 0)
}

// RemoveAny is Remove for parts of any type.
func (t *E820Table) RemoveAny(start, size uint64) (removed uint64) {
	return t.remove(start, size, 0, false)
}

func (t *E820Table) remove(start, size uint64, typ E820Type, checkType bool) (removed uint64) {
	size = min(size, ^uint64(0)-start)
	end := start + size
	t.logRemove(start, end, typ, checkType)
	t.sorted = false
	for i := 0; i < len(t.entries); i++ {
		e := t.entries[i]
		if checkType && e.Type != typ {
			continue
		}
		eEnd := e.Addr + e.Size
		switch {
		case e.Addr >= start && eEnd <= end:
			t.entries[i] = E820Entry{}
			removed += e.Size
		case e.Addr < start && eEnd > end:
			t.Add(end, eEnd-end, e.Type)
			t.entries[i].Size = start - e.Addr
			removed += size
		case max(start, e.Addr) < min(end, eEnd):
			removed += t.cut(i, start, end)
		}
	}
	return removed
}

// cut takes [start, end), which covers one end of entry i, out of it and returns
// how many bytes that were.
func (t *E820Table) cut(i int, start, end uint64) uint64 {
	e := &t.entries[i]
	from, to := max(start, e.Addr), min(end, e.Addr+e.Size)
	e.Size -= to - from
	if e.Addr >= from {
		e.Addr = to
	}
	return to - from
}

// MappedAny reports whether an entry of the type, or of any type if it is 0, touches
// [start, end).
// Source: arch/x86/kernel/e820.c:_e820__mapped_any (v6.12).
func (t *E820Table) MappedAny(start, end uint64, typ E820Type) bool {
	for _, e := range t.entries {
		if (typ == 0 || e.Type == typ) && e.Addr < end && e.Addr+e.Size > start {
			return true
		}
	}
	return false
}

// from are the entries that can reach beyond addr: all of them unless the table is sorted.
func (t *E820Table) from(addr uint64) []E820Entry {
	if !t.sorted {
		return t.entries
	}
	return t.entries[sort.Search(len(t.entries), func(i int) bool { return t.entries[i].Addr+t.entries[i].Size > addr }):]
}

// MappedAll returns the entry that completes the coverage of [start, end) by entries
// of the type, or of any type if it is 0. It relies on a sorted table.
// Source: arch/x86/kernel/e820.c:__e820__mapped_all (v6.12).
func (t *E820Table) MappedAll(start, end uint64, typ E820Type) (last E820Entry, ok bool) {
	for _, e := range t.from(start) {
		if t.sorted && e.Addr >= end {
			break
		}
		if typ != 0 && e.Type != typ || e.Addr >= end || e.Addr+e.Size <= start {
			continue
		}
		if e.Addr <= start {
			start = e.Addr + e.Size
		}
		if start >= end {
			return e, true
		}
	}
	return E820Entry{}, false
}
