package probe

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
	"bootplan/tools/capture/internal/paging"
	"bootplan/tools/capture/internal/record"
)

// A part of what QEMU 7.2 prints for a q35 machine with 4 GiB.
const memoryTree = `memory-region: system
  0000000000000000-ffffffffffffffff (prio 0, i/o): system
    0000000000000000-000000007fffffff (prio 0, ram): alias ram-below-4g @pc.ram 0000000000000000-000000007fffffff
    00000000000a0000-00000000000bffff (prio 1, i/o): alias smram-region @pci 00000000000a0000-00000000000bffff
    0000000100000000-000000017fffffff (prio 0, ram): alias ram-above-4g @pc.ram 0000000080000000-00000000ffffffff

    0000000000000000-000000007fffffff (prio 0, ram): alias ram-below-4g @pc.ram 0000000000000000-000000007fffffff
`

func TestRAMOfQEMU(t *testing.T) {
	want := []memmap.Range{{Start: 0, End: 2 * memmap.GiB}, {Start: 4 * memmap.GiB, End: 6 * memmap.GiB}}
	if diff := cmp.Diff(want, ramIn(memoryTree)); diff != "" {
		t.Error(diff)
	}
	if got := ramIn("nothing of the kind"); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

var (
	rwx = paging.Perm{Write: true, Execute: true}
	rx  = paging.Perm{Execute: true}
	rw  = paging.Perm{Write: true}
)

// Neighbours with the same permissions are one range; what is mapped elsewhere is none.
func TestIdentityMappings(t *testing.T) {
	var i identityMap
	for _, m := range []paging.Mapping{
		{Virt: 0, Phys: 0, Size: 0x1000, Perm: rwx},
		{Virt: 0x1000, Phys: 0x1000, Size: 0x1000, Perm: rwx},
		{Virt: 0x2000, Phys: 0x9000, Size: 0x1000, Perm: rwx},
		{Virt: 0x3000, Phys: 0x3000, Size: 0x1000, Perm: rwx},
		{Virt: 0x4000, Phys: 0x4000, Size: 0x1000, Perm: rx},
	} {
		i.add(m)
	}
	want := []record.Mapped{
		{Range: record.Range{Start: 0, End: 0x1fff}, Perm: "rwx"},
		{Range: record.Range{Start: 0x3000, End: 0x3fff}, Perm: "rwx"},
		{Range: record.Range{Start: 0x4000, End: 0x4fff}, Perm: "r-x"},
	}
	if diff := cmp.Diff(want, i.ranges); diff != "" {
		t.Error(diff)
	}
}

// The sums of the recorded stop "PE entry" of perm-ovmf22-2g-612-kaslr for its first and
// last ranges: RAM ends at 2 GiB, and the address space that is mapped at 1 TiB.
func TestSums(t *testing.T) {
	b := &boot{ram: []memmap.Range{{End: 2 * memmap.GiB}}}
	p := &record.Permissions{Ranges: []record.Mapped{
		{Range: record.Range{Start: 0, End: 0x7e7fffff}, Perm: "rwx"},
		{Range: record.Range{Start: 0x7e800000, End: 0x7e9fffff}, Perm: "r-x"},
		{Range: record.Range{Start: 0x7ea00000, End: 0x7ea00fff}, Perm: "rw-"},
		{Range: record.Range{Start: 0x7fe00000, End: 0xffffffffff}, Perm: "rwx"},
	}}
	b.sum(p)
	if p.WX != 0x7e800000+0xff80200000 || p.WXRAM != 0x7e800000+0x200000 || p.RXRAM != 0x200000 || p.RWRAM != 0x1000 || p.RORAM != 0 || p.WXLow != 0x100000 {
		t.Errorf("got %+v", p)
	}
}

func TestPageTablesOfAStop(t *testing.T) {
	f := newFake()
	f.registers["cr3"], f.registers["efer"], f.registers["rip"] = 0x1000, 0xd00, 0x7cc54120
	f.putLong(0x1000, 0x2003)
	f.putLong(0x2000, 0x83, 0x40000083|1<<63)
	b := attach(t, f)
	b.permissions = true
	b.notePermissions(stopPEEntry)
	want := []record.Permissions{{
		Stop: stopPEEntry, RIP: 0x7cc54120, CR3: 0x1000, EFER: 0xd00, NXE: true, Levels: 4, TablePages: 2,
		Ranges: []record.Mapped{
			{Range: record.Range{Start: 0, End: 0x3fffffff}, Perm: "rwx"},
			{Range: record.Range{Start: 0x40000000, End: 0x7fffffff}, Perm: "rw-"},
		},
		WX: 0x40000000, WXRAM: 0x4000000, WXLow: 0x100000, // 64 MiB of RAM
	}}
	if diff := cmp.Diff(want, b.facts.Permissions); diff != "" {
		t.Error(diff)
	}
}

func TestKernelView(t *testing.T) {
	const direct = 0xff11000000000000
	v := newKernelView(direct)
	for _, m := range []paging.Mapping{
		{Virt: 0x400000, Phys: 0x5000, Size: 0x1000, Perm: rx}, // a program
		{Virt: direct, Phys: 0, Size: 0x200000, Perm: rw},
		{Virt: direct + 0x200000, Phys: 0x200000, Size: 0x200000, Perm: rw},
		{Virt: direct + 0x600000, Phys: 0x600000, Size: 0x1000, Perm: rw},
		{Virt: 0xffffffff81000000, Phys: 0x1600000, Size: 0x200000, Perm: rx},
		{Virt: 0xffffffff81200000, Phys: 0x1800000, Size: 0x200000, Perm: rx},
		{Virt: 0xffffffff81400000, Phys: 0x1a00000, Size: 0x200000, Perm: rwx},
	} {
		v.add(m)
	}
	want := record.KernelView{
		OthersWX: 0x200000, Others: 1, DirectMapBase: direct,
		DirectMap: []record.PhysMapped{{Start: 0, End: 0x3fffff, Perm: "rw-"}, {Start: 0x600000, End: 0x600fff, Perm: "rw-"}},
		Image: []record.VirtMapped{
			{Start: 0xffffffff81000000, End: 0xffffffff813fffff, Phys: 0x1600000, Perm: "r-x"},
			{Start: 0xffffffff81400000, End: 0xffffffff815fffff, Phys: 0x1a00000, Perm: "rwx"},
		},
		DirectMapBytes: map[string]record.Hex{"rw-": 0x401000},
		ImageBytes:     map[string]record.Hex{"r-x": 0x400000, "rwx": 0x200000},
		OtherBytes:     map[string]record.Hex{"r-x": 0x1000},
		KernelWX:       []record.VirtMapped{{Start: 0xffffffff81400000, End: 0xffffffff815fffff, Phys: 0x1a00000, Perm: "rwx"}},
		Note:           v.Note,
	}
	if diff := cmp.Diff(want, v.KernelView); diff != "" {
		t.Error(diff)
	}
}
