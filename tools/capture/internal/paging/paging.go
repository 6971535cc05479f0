// Package paging walks the page tables of an x86-64 CPU in long mode.
package paging

import "encoding/binary"

// Registers are the control registers that say how addresses are translated.
type Registers struct{ CR0, CR3, CR4, EFER uint64 }

// Bits of the control registers.
// Source: Intel SDM volume 3A, 2.5 "Control registers", 2.2.1 "Extended feature enable register".
const (
	cr0WP   = 1 << 16
	cr4LA57 = 1 << 12
	eferNXE = 1 << 11
)

// WriteProtect reports whether supervisor code obeys read-only mappings.
func (r Registers) WriteProtect() bool { return r.CR0&cr0WP != 0 }

// NoExecute reports whether mappings can forbid execution.
func (r Registers) NoExecute() bool { return r.EFER&eferNXE != 0 }

// Levels is how many levels page tables have.
func (r Registers) Levels() int {
	if r.CR4&cr4LA57 != 0 {
		return 5
	}
	return 4
}

// Perm is what a mapping allows besides reading.
type Perm struct{ Write, Execute bool }

// String is "rwx" with dashes.
func (p Perm) String() string {
	text := []byte("r--")
	if p.Write {
		text[1] = 'w'
	}
	if p.Execute {
		text[2] = 'x'
	}
	return string(text)
}

// Mapping is a leaf: Size bytes from Virt on are those from Phys on. Its permissions are
// the product of those of all levels.
type Mapping struct {
	Virt, Phys, Size uint64
	Perm             Perm
}

// Memory reads the table, 4096 bytes, at a physical address.
type Memory func(table uint64) ([]byte, error)

// Bits of an entry.
// Source: Intel SDM volume 3A, 4.5 "4-level paging and 5-level paging".
const (
	present = 1 << 0
	write   = 1 << 1
	large   = 1 << 7
	noExec  = 1 << 63
	address = 0x000ffffffffff000
)

// Walk calls visit for each mapping in ascending order of its virtual address and returns
// how many tables there are.
func Walk(r Registers, memory Memory, visit func(Mapping)) (tables int, err error) {
	w := walker{registers: r, memory: memory, visit: visit, seen: map[uint64]bool{}}
	err = w.table(r.CR3&address, r.Levels(), 0, Perm{true, true})
	return len(w.seen), err
}

type walker struct {
	registers Registers
	memory    Memory
	visit     func(Mapping)
	seen      map[uint64]bool
}

// table walks the table at addr, whose first entry translates virt.
func (w *walker) table(addr uint64, level int, virt uint64, perm Perm) error {
	entries, err := w.memory(addr)
	if err != nil {
		return err
	}
	w.seen[addr] = true
	size := pageSize(level)
	for i := range uint64(len(entries) / 8) {
		entry := binary.LittleEndian.Uint64(entries[8*i:])
		if entry&present == 0 {
			continue
		}
		here := w.canonical(virt + i*size)
		allowed := Perm{perm.Write && entry&write != 0, perm.Execute && !w.forbidden(entry)}
		if level == 1 || level <= 3 && entry&large != 0 {
			w.visit(Mapping{here, entry & address &^ (size - 1), size, allowed})
		} else if err := w.table(entry&address, level-1, here, allowed); err != nil {
			return err
		}
	}
	return nil
}

// pageSize is how many bytes an entry of a level translates: 4 KiB, 2 MiB, 1 GiB …
func pageSize(level int) uint64 { return 1 << (12 + 9*(level-1)) }

// forbidden reports whether an entry forbids execution.
func (w *walker) forbidden(entry uint64) bool { return w.registers.NoExecute() && entry&noExec != 0 }

// canonical extends the sign of the highest bit that is translated.
func (w *walker) canonical(virt uint64) uint64 {
	unused := 64 - (12 + 9*w.registers.Levels())
	return uint64(int64(virt<<unused) >> unused)
}
