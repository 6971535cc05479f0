package verify

import (
	"strings"

	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/kernel"
)

// kernelMaps is what a recording tells of the kernel's own page tables.
type kernelMaps struct {
	Image []struct {
		Start hex    `json:"virt_start"`
		Last  hex    `json:"virt_end"`
		Phys  hex    `json:"phys"`
		Perm  string `json:"perm"`
	} `json:"kernel_image_mapping"`
	DirectMap []struct {
		Start hex    `json:"phys_start"`
		Last  hex    `json:"phys_end"`
		Perm  string `json:"perm"`
	} `json:"direct_map"`
	KernelWX []struct{} `json:"kernel_wx_mappings"` // writable and executable
}

// userSpace compares the kernel's last page tables: its own mapping, and the direct map
// of all RAM. What becomes of memory that the kernel has given back is not followed: it
// loses execution, with PTI its place in the kernel's own mapping as well, and can become
// anything else.
func (v *verification) userSpace(recorded *tableStop) {
	image, direct := recorded.image(), recorded.direct()
	e, why := v.predictEarly()
	own := v.ofKernel(why)
	own.fact("kernel_image at userspace", ends(image), func() (Value, string) { return Range{Range: e.highMap}, "" })
	own.fact("direct_map at userspace", mapped(direct), func() (Value, string) { return listed(e.mapped), "" })
	v.fact("writable and executable at userspace", quantity(len(recorded.KernelWX) > 0), v.ownTables(func(t *sim.Tables) Value {
		return quantity(exposed(t, everywhere, sim.RWX) > 0)
	}))
	v.kernelRights(image, direct)
}

// kernelRights compares what can be executed, and what cannot be written.
func (v *verification) kernelRights(image, direct List) {
	phys := v.c.physical()
	if phys == nil || !v.known || v.kernel.VO.Layout == nil {
		v.notPredicted("permissions at userspace", append(image, direct...), "the kernel's place was not recorded, or how it is laid out is not known")
		return
	}
	at := &kernel.Image{Phys: *phys, Layout: *v.kernel.VO.Layout}
	whole := at.EarlyMap()
	if v.staysExposed() { // memory that is given back is not, and what of it the image does not tell
		whole.End = at.Data().End
	}
	v.fact("executable in kernel_image at userspace", only(cut(image, whole), isExecutable), v.ownTables(func(t *sim.Tables) Value {
		return only(v.rights(t, whole, at), isExecutable)
	}))
	v.fact("executable in direct_map at userspace", only(direct, isExecutable), v.ownTables(func(t *sim.Tables) Value {
		return only(within(t, ownedRange{recorded: lowMemory, simulated: lowMemory}), isExecutable)
	}))
	v.fact("permissions of kernel_rodata at userspace", cut(image, at.Rodata()), v.ownTables(func(t *sim.Tables) Value {
		return v.rights(t, at.Rodata(), at)
	}))
	v.fact("kernel in direct_map at userspace", append(cut(direct, at.Text()), cut(direct, at.Rodata())...), v.ownTables(func(t *sim.Tables) Value {
		return withoutExecution(append(v.rights(t, at.Text(), at), v.rights(t, at.Rodata(), at)...))
	}))
	v.readOnlyData(image, at)
}

// staysExposed reports whether the simulated kernel can be overwritten and executed in
// the end.
func (v *verification) staysExposed() bool {
	return v.result != nil && v.result.KernelTables != nil && exposed(v.result.KernelTables, everywhere, sim.RWX) > 0
}

// readOnlyData compares how much of the kernel's variables is read-only besides: its
// interrupt descriptor table, 256 gates of 16 bytes, which is one of the whole pages with
// which BSS begins.
// Source: arch/x86/kernel/idt.c:idt_setup_apic_and_irq_gates,
// include/asm-generic/vmlinux.lds.h:BSS (v6.12).
func (v *verification) readOnlyData(image List, at *kernel.Image) {
	const wholePages = 64 * memmap.KiB // at least
	pages := memmap.Range{Start: at.BSS().Start, End: at.BSS().Start + wholePages}
	var table uint64
	reused := List{}
	for _, item := range only(image, isReadOnly) {
		switch r := item.(Range); {
		case pages.Covers(r.Range) || at.Data().Covers(r.Range):
			table += r.Len()
		case !at.Rodata().Covers(r.Range) && !isExecutable(r.What):
			reused = append(reused, r)
		}
	}
	v.fact("read-only bytes of kernel_data and kernel_bss at userspace", Address(table), v.ownTables(func(*sim.Tables) Value {
		return Address(memmap.PageSize)
	}))
	if len(reused) > 0 {
		v.notPredicted("read-only pages of memory given back at userspace", reused,
			"what the kernel gives back can become code of modules and BPF programs, and is read-only then in every mapping")
	}
}

// lowMemory is where further processors start.
var lowMemory = memmap.Range{End: memmap.MiB}

// ownTables predicts something from the kernel's last page tables.
func (v *verification) ownTables(what func(*sim.Tables) Value) func() (Value, string) {
	return func() (Value, string) {
		if t := v.result.KernelTables; t != nil && v.result.Outcome == sim.Boots {
			return what(t), ""
		}
		return nil, "the simulated boot does not reach the kernel"
	}
}

// rights are the permissions in t of a part of the kernel, which was recorded at r in
// the kernel at at.
func (v *verification) rights(t *sim.Tables, r memmap.Range, at *kernel.Image) List {
	p, _ := v.result.Placement("kernel")
	start := p.Range.Start + r.Start - at.Phys
	return within(t, ownedRange{recorded: r, simulated: memmap.Range{Start: start, End: start + r.Len()}})
}

// image is the kernel's own mapping, by physical address.
func (m *kernelMaps) image() List {
	list := List{}
	for _, r := range m.Image {
		list = append(list, Range{extent(uint64(r.Phys), uint64(r.Last)+1-uint64(r.Start)).Range, r.Perm})
	}
	return list
}

// direct is the kernel's direct map, by physical address.
func (m *kernelMaps) direct() List {
	list := List{}
	for _, r := range m.DirectMap {
		list = append(list, Range{memmap.Range{Start: uint64(r.Start), End: uint64(r.Last) + 1}, r.Perm})
	}
	return list
}

// ends is from the first byte of ranges to the last; nil if there is none.
func ends(ranges List) Value {
	if len(ranges) == 0 {
		return nil
	}
	all := ranges[0].(Range).Range
	for _, item := range ranges {
		r := item.(Range)
		all.Start, all.End = min(all.Start, r.Start), max(all.End, r.End)
	}
	return Range{Range: all}
}

// mapped is what is mapped at all, whatever its permissions.
func mapped(list List) Value {
	var all memmap.Set
	for _, item := range list {
		all.Add(item.(Range).Range)
	}
	return listed(all.Ranges())
}

// listed are ranges as a value.
func listed(ranges []memmap.Range) List {
	list := List{}
	for _, r := range ranges {
		list = append(list, Range{Range: r})
	}
	return list
}

// only are the ranges whose permissions are such.
func only(ranges List, such func(perm string) bool) List {
	list := List{}
	for _, item := range ranges {
		if such(item.(Range).What) {
			list = append(list, item)
		}
	}
	return list
}

func isExecutable(perm string) bool { return strings.HasSuffix(perm, "x") }

func isReadOnly(perm string) bool { return !strings.Contains(perm, "w") }

// withoutExecution takes the right to execute away.
func withoutExecution(ranges List) List {
	list := List{}
	for _, item := range ranges {
		r := item.(Range)
		r.What = strings.Replace(r.What, "x", "-", 1)
		list = append(list, r)
	}
	return list
}

// quantity says whether there is any.
func quantity(some bool) Value {
	if some {
		return Text("some")
	}
	return Text("none")
}
