package paging

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tables are pages of a machine, by address.
type tables map[uint64][]byte

func (t tables) put(table, index, entry uint64) {
	if t[table] == nil {
		t[table] = make([]byte, 4096)
	}
	binary.LittleEndian.PutUint64(t[table][8*index:], entry)
}

func (t tables) read(table uint64) ([]byte, error) {
	page, found := t[table]
	if !found {
		return nil, errors.New("no RAM there")
	}
	return page, nil
}

const nx = 1 << 63

func walk(t *testing.T, r Registers, memory tables) (list []Mapping, count int) {
	t.Helper()
	count, err := Walk(r, memory.read, func(m Mapping) { list = append(list, m) })
	if err != nil {
		t.Fatal(err)
	}
	return list, count
}

// A level without W takes W away, a level with NX takes X away; a 4 KiB, a 2 MiB and a
// 1 GiB page.
func TestPermissionsAreTheProductOfLevels(t *testing.T) {
	m := tables{}
	m.put(0x1000, 0, 0x2003)         // writable
	m.put(0x2000, 0, 0x3003)         // writable
	m.put(0x2000, 1, 0x40000083)     // 1 GiB, writable
	m.put(0x3000, 0, 0x4001)         // not writable
	m.put(0x3000, 1, 0x200083|nx)    // 2 MiB, not executable
	m.put(0x4000, 5, 0x5003)         // writable by itself
	m.put(0x4000, 6, 0x9003|nx|0xe0) // accessed, dirty, PAT: a leaf all the same
	got, count := walk(t, Registers{CR3: 0x1018, EFER: eferNXE}, m)
	want := []Mapping{
		{0x5000, 0x5000, 0x1000, Perm{false, true}},
		{0x6000, 0x9000, 0x1000, Perm{false, false}},
		{0x200000, 0x200000, 0x200000, Perm{true, false}},
		{0x40000000, 0x40000000, 0x40000000, Perm{true, true}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if count != 4 {
		t.Errorf("%d tables: expected 4", count)
	}
}

// Without EFER.NXE the highest bit of an entry forbids nothing.
func TestNoExecuteNeedsItsBit(t *testing.T) {
	m := tables{}
	m.put(0x1000, 0, 0x2003)
	m.put(0x2000, 0, 0x83|nx)
	got, _ := walk(t, Registers{CR3: 0x1000}, m)
	if want := []Mapping{{0, 0, 1 << 30, Perm{true, true}}}; !cmp.Equal(want, got) {
		t.Error(cmp.Diff(want, got))
	}
}

func TestUpperHalfIsCanonical(t *testing.T) {
	for _, test := range []struct {
		cr4  uint64
		want uint64
	}{
		{0, 0xffff800000000000},
		{cr4LA57, 0xff00000000000000},
	} {
		m := tables{}
		m.put(0x1000, 256, 0x2003)
		m.put(0x2000, 0, 0x3003)
		m.put(0x3000, 0, 0x83)
		if test.cr4 != 0 {
			m.put(0x3000, 0, 0x4003)
			m.put(0x4000, 0, 0x83)
		}
		got, _ := walk(t, Registers{CR3: 0x1000, CR4: test.cr4}, m)
		if len(got) != 1 || got[0].Virt != test.want {
			t.Errorf("CR4 %#x: got %+v, expected %#x", test.cr4, got, test.want)
		}
	}
}

func TestMemoryThatCannotBeReadIsAnError(t *testing.T) {
	m := tables{}
	m.put(0x1000, 0, 0x7003)
	if _, err := Walk(Registers{CR3: 0x1000}, m.read, func(Mapping) {}); err == nil {
		t.Error("expected an error")
	}
}

func TestRegisters(t *testing.T) {
	r := Registers{CR0: 0x80010033, CR4: 0x1668, EFER: 0xd00} // OVMF with LA57
	if !r.WriteProtect() || !r.NoExecute() || r.Levels() != 5 {
		t.Errorf("got %v %v %d", r.WriteProtect(), r.NoExecute(), r.Levels())
	}
	r = Registers{CR0: 0x80000011, CR4: 0x20, EFER: 0x500} // the decompressor behind SeaBIOS
	if r.WriteProtect() || r.NoExecute() || r.Levels() != 4 {
		t.Errorf("got %v %v %d", r.WriteProtect(), r.NoExecute(), r.Levels())
	}
}
