package design

import (
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/kernel"
	"bootplan/trampoline"
)

// kernelTables are the page tables that a kernel makes for itself, from its first
// instructions until it has protected its own code.
type kernelTables struct {
	b       *sim.Boot
	image   kernel.Image
	version linux.Version
}

// realModeName is the code on which further processors start.
const realModeName = "real-mode trampoline"

// enter leaves the page tables that boot code made. What the kernel reads of boot code's
// memory from here on, its page-fault handler maps into the direct map, without execution.
// Source: arch/x86/kernel/head64.c:x86_64_start_kernel, __early_make_pgtable (v6.12).
func (k kernelTables) enter() {
	source := "arch/x86/kernel/head64.c:__startup_64"
	if k.version >= linux.V7_2 {
		source = "arch/x86/boot/startup/map_kernel.c:__startup_64"
	}
	k.b.Do(sim.Step{Op: sim.Write, Object: kernelName, Range: k.image.Data(),
		Why: "its stack and its first page tables lie among its data: the tables of boot code must let it write there", Source: "arch/x86/kernel/head_64.S:startup_64"})
	k.use(k.b.NewTables("kernel's early tables"), k.image.EarlyMap(), sim.Step{
		Why:    "2 MiB at a time, at its own addresses for good and at those of memory for the jump there; NX is not switched on yet",
		Source: source})
	k.b.Do(sim.Step{Op: sim.Write, Object: kernelName, Range: k.image.Cleared(), Zeroed: k.image.Cleared(),
		Why: "BSS and the first heap are cleared; the mapping at addresses of memory is gone by now", Source: "arch/x86/kernel/head64.c:clear_bss"})
}

// finish maps all RAM, and in the end takes from every mapping the rights that it does
// not need.
func (k kernelTables) finish(s *kernel.State) {
	k.use(k.direct(s), s.HighMap, sim.Step{
		Why:    "all RAM is mapped besides, without execution; of its own mapping, where code is still patched, the unused end is gone",
		Source: "arch/x86/mm/init.c:init_mem_mapping"})
	k.protectRealMode(s.RealMode)
	if !s.Exposed {
		k.protect(s)
	}
	k.b.MeasureWX(sim.WXAfterRodata)
}

// use brings t into force, in which the kernel's own mapping is writable and executable.
func (k kernelTables) use(t *sim.Tables, own memmap.Range, step sim.Step) {
	t.Set(sim.Change{Range: own, Perm: sim.RWX, Object: kernelName, Step: k.b.Step()})
	step.Object, step.Range, step.Perm = t.Name, own, sim.RWX
	k.b.SwitchTo(t, step)
}

// direct are the kernel's last tables, with the direct map.
func (k kernelTables) direct(s *kernel.State) *sim.Tables {
	t := k.b.NewTables("kernel's own tables")
	for _, r := range s.Mapped.Ranges() {
		t.Set(sim.Change{Range: r, Perm: k.data(), Object: "RAM", Step: k.b.Step()})
	}
	return t
}

// data are the rights of data: a processor that knows no NX executes whatever it can read.
func (k kernelTables) data() sim.Perm {
	if k.b.Scenario.CPU.NX {
		return sim.RW
	}
	return sim.RWX
}

// constants are the rights of data that nobody writes.
func (k kernelTables) constants() sim.Perm { return k.data() &^ sim.W }

// protectRealMode gives the trampoline for further processors its rights.
func (k kernelTables) protectRealMode(r memmap.Range) {
	const source = "arch/x86/realmode/init.c:set_real_mode_permissions"
	text := trampoline.RealModeText(k.version)
	header, code := sized(r.Start, text.Start), memmap.Range{Start: r.Start + text.Start, End: r.Start + text.End}
	k.b.Do(sim.Step{Op: sim.Protect, Object: realModeName, Range: header, Perm: k.constants(), Why: "its header is read only", Source: source})
	k.b.Do(sim.Step{Op: sim.Protect, Object: realModeName, Range: code, Perm: sim.RX, Why: "its code has been written", Source: source})
}

// protect ends the time in which the kernel can be overwritten and executed. The direct
// map gets the same rights, but for execution, which it never had.
func (k kernelTables) protect(s *kernel.State) {
	const source = "arch/x86/mm/init_64.c:mark_rodata_ro"
	text := k.image.Text()
	k.b.Do(sim.Step{Op: sim.Protect, Object: kernelName, Range: text, Perm: sim.RX,
		Why: "the code of the kernel: nothing is patched any more without a mapping of its own", Source: source})
	k.b.Do(sim.Step{Op: sim.Protect, Object: kernelName, Range: memmap.Range{Start: text.End, End: s.HighMap.End}, Perm: k.data(),
		Why: "all else of it loses execution: data, BSS, heap, and what has been given back", Source: source})
	k.b.Do(sim.Step{Op: sim.Protect, Object: kernelName, Range: k.image.Rodata(), Perm: k.constants(),
		Why: "constants, and data that do not change once the kernel is initialised", Source: source})
}
