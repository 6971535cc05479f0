package probe

import (
	"context"
	"strings"

	"bootplan/tools/capture/internal/console"
	"bootplan/tools/capture/internal/gdb"
	"bootplan/tools/capture/internal/paging"
	"bootplan/tools/capture/internal/record"
)

// Where the kernel's own image is mapped.
// Source: Documentation/arch/x86/x86_64/mm.rst (v6.12).
const (
	imageMapping    = 0xffffffff80000000
	imageMappingEnd = imageMapping + kernelImageSize
)

// Userspace lets the machine run until its report is complete and notes the page tables
// of the running kernel. serial is what the machine has printed so far.
func Userspace(ctx context.Context, client *gdb.Client, serial func() []byte, facts *record.Boot) error {
	const privileges = 3 // in cs: 0 is the kernel
	m := &machine{ctx: ctx, gdb: client}
	for m.ok() && (!console.UserspaceReached(serial()) || m.register("cs")&privileges != 0) {
		m.runFor(pollEvery)
	}
	if !m.ok() {
		return m.finished()
	}
	seen, err := console.Facts(facts.Name+".log", console.Clean(serial()))
	if err != nil {
		return err
	}
	view := newKernelView(seen.KernelValues["page_offset_base"])
	p := m.pageTables(stopUserspace, view.add)
	if m.ok() {
		p.Ranges, p.KernelView = []record.Mapped{}, &view.KernelView
		facts.Permissions = append(facts.Permissions, *p)
	}
	return m.finished()
}

// directMapBytes is more than a direct map can have: 2^52 bytes of physical memory.
const directMapBytes = 1 << 52

// kernelView sorts mappings into those of the kernel's image, the direct map, and others.
type kernelView struct{ record.KernelView }

func newKernelView(directMap record.Hex) *kernelView {
	return &kernelView{record.KernelView{
		DirectMap: []record.PhysMapped{}, DirectMapBase: directMap, Image: []record.VirtMapped{},
		DirectMapBytes: map[string]record.Hex{}, ImageBytes: map[string]record.Hex{},
		OtherBytes: map[string]record.Hex{}, KernelWX: []record.VirtMapped{},
		Note: "kernel page tables: no identity mapping; kernel_image_mapping, direct_map and sums instead; " +
			"other_kernel_bytes also counts the user half and vmalloc space",
	}}
}

func (v *kernelView) add(m paging.Mapping) {
	perm := m.Perm.String()
	switch {
	case m.Virt >= imageMapping && m.Virt < imageMappingEnd:
		v.ImageBytes[perm] += record.Hex(m.Size)
		v.Image = joinVirtual(v.Image, m)
	case m.Virt-uint64(v.DirectMapBase) == m.Phys && m.Phys < directMapBytes && v.DirectMapBase != 0:
		v.DirectMapBytes[perm] += record.Hex(m.Size)
		v.DirectMap = joinPhysical(v.DirectMap, m)
	default:
		v.OtherBytes[perm] += record.Hex(m.Size)
		v.Others++
	}
	if strings.HasSuffix(perm, "wx") {
		v.OthersWX += record.Hex(m.Size)
		v.KernelWX = joinVirtual(v.KernelWX, m)
	}
}

// joinVirtual appends m, as one with the last mapping where it continues that.
func joinVirtual(list []record.VirtMapped, m paging.Mapping) []record.VirtMapped {
	virt, phys, perm := record.Hex(m.Virt), record.Hex(m.Phys), m.Perm.String()
	if last := len(list) - 1; last >= 0 {
		if l := &list[last]; l.End+1 == virt && l.Phys+(virt-l.Start) == phys && l.Perm == perm {
			l.End += record.Hex(m.Size)
			return list
		}
	}
	return append(list, record.VirtMapped{Start: virt, End: virt + record.Hex(m.Size) - 1, Phys: phys, Perm: perm})
}

// joinPhysical is joinVirtual for mappings at a fixed distance.
func joinPhysical(list []record.PhysMapped, m paging.Mapping) []record.PhysMapped {
	phys, perm := record.Hex(m.Phys), m.Perm.String()
	if last := len(list) - 1; last >= 0 && list[last].End+1 == phys && list[last].Perm == perm {
		list[last].End += record.Hex(m.Size)
		return list
	}
	return append(list, record.PhysMapped{Start: phys, End: phys + record.Hex(m.Size) - 1, Perm: perm})
}
