package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"bootplan/tools/capture/internal/gdb"
)

// machine is a stopped machine. Its methods do nothing once one of them has failed, and
// err says why.
type machine struct {
	ctx context.Context
	gdb *gdb.Client
	err error
}

// ok reports whether the machine still answers.
func (m *machine) ok() bool { return m.err == nil }

// try runs f unless something has failed before.
func (m *machine) try(f func() error) {
	if m.err == nil {
		m.err = f()
	}
}

// runTo runs the machine until it is about to execute an instruction at one of the
// addresses that are not 0, and returns which. If it is at one of them, that does not
// count.
func (m *machine) runTo(addrs ...uint64) (at uint64) {
	if slices.Contains(addrs, m.register("rip")) {
		m.step()
	}
	m.each(addrs, m.gdb.Break)
	m.try(func() error { return m.gdb.Run(m.ctx) })
	m.each(addrs, m.gdb.Unbreak)
	return m.register("rip")
}

// each calls f with each address but 0, each of them once.
func (m *machine) each(addrs []uint64, f func(context.Context, uint64) error) {
	done := map[uint64]bool{0: true}
	for _, addr := range addrs {
		if !done[addr] {
			done[addr] = true
			m.try(func() error { return f(m.ctx, addr) })
		}
	}
}

// runFor runs the machine for a while.
func (m *machine) runFor(d time.Duration) {
	m.try(func() error { return m.gdb.RunFor(m.ctx, d) })
}

// step executes one instruction.
func (m *machine) step() {
	m.try(func() error { return m.gdb.Step(m.ctx) })
}

func (m *machine) register(name string) (value uint64) {
	m.try(func() (err error) {
		value, err = m.gdb.Register(m.ctx, name)
		return err
	})
	return value
}

// read returns n bytes at a virtual address, zeros after a failure.
func (m *machine) read(addr uint64, n int) []byte { return m.fetch(m.gdb.Read, addr, n) }

// physical is read for a physical address.
func (m *machine) physical(addr uint64, n int) []byte { return m.fetch(m.gdb.ReadPhysical, addr, n) }

func (m *machine) fetch(read func(context.Context, uint64, int) ([]byte, error), addr uint64, n int) []byte {
	memory := make([]byte, n)
	m.try(func() error {
		got, err := read(m.ctx, addr, n)
		copy(memory, got)
		return err
	})
	return memory
}

func (m *machine) word(addr uint64) uint16 { return binary.LittleEndian.Uint16(m.read(addr, 2)) }
func (m *machine) long(addr uint64) uint64 { return binary.LittleEndian.Uint64(m.read(addr, 8)) }

// text is the string at addr up to its NUL, of at most limit bytes.
func (m *machine) text(addr uint64, limit int) string {
	const piece = 64
	var text []byte
	for m.ok() && len(text) < limit {
		part := m.read(addr+uint64(len(text)), piece)
		for i, c := range part {
			if c == 0 {
				return string(append(text, part[:i]...))
			}
		}
		text = append(text, part...)
	}
	return string(text)
}

// finished is the error of a boot that was followed: none where the machine has merely
// gone off.
func (m *machine) finished() error {
	if errors.Is(m.err, gdb.ErrGone) {
		return nil
	}
	return m.err
}
