package check

import (
	"bootplan/memmap"
	"bootplan/rule"
	"bootplan/sim"
)

var notRAMRule = rule.Rule{
	ID: "not-ram", Severity: rule.Error,
	Title: "an access outside RAM, or to RAM that the map reserves",
	Text: "The firmware's map says which addresses are RAM that an operating system may use. Writing anywhere else " +
		"reaches device registers, firmware data or nothing at all. Old boot code does not always look at the map: the paging " +
		"trampoline, for one, goes below the address in a BIOS word even where the map reserves that memory.",
	Example: "a trampoline at 0x9d000 where the e820 table reserves [0x9c000, 0xa0000)",
	Sources: []string{"arch/x86/boot/compressed/pgtable_64.c:find_trampoline_placement (v6.12)"},
}

// notRAM watches writes and execution outside usable RAM.
type notRAM struct{ once }

func (*notRAM) Watches() sim.Ops { return sim.Uses }

func (c *notRAM) Step(m *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	if s.Phase == sim.Firmware {
		return
	}
	m.Use.Over(s.Range, func(u memmap.Span[sim.Use]) bool {
		if u.Value.IsRAM() || given(m, u.Range) || !c.first(s.Object, "") {
			return true
		}
		f := found(notRAMRule, s)
		f.Range, f.Other = u.Range, u.Value.String()
		f.Message = s.Object + " used memory that the map calls " + u.Value.String()
		if u.Value == sim.UseNone {
			f.Message = s.Object + " used addresses that the map does not describe"
		}
		report(f)
		return true
	})
}

// owned reports whether every byte of r is allocated.
func owned(m *sim.Machine, r memmap.Range) bool {
	return owners(m, r, func(o sim.Owner) bool { return o != sim.Owner{} })
}

// given reports whether the firmware allocated every byte of r. What a loader keeps
// free for later does not count: it takes addresses, whatever the map says of them.
func given(m *sim.Machine, r memmap.Range) bool {
	return owners(m, r, func(o sim.Owner) bool { return o != sim.Owner{} && o.Phase != sim.Loader })
}

// owners reports whether ok holds for the owner of every byte of r.
func owners(m *sim.Machine, r memmap.Range, ok func(sim.Owner) bool) bool {
	all := true
	m.Owner.Over(r, func(o memmap.Span[sim.Owner]) bool {
		all = ok(o.Value)
		return all
	})
	return all
}

var firmwareTouchedRule = rule.Rule{
	ID: "firmware-touched", Severity: rule.Error,
	Title: "memory of the firmware is written",
	Text: "Until ExitBootServices the firmware is a running program whose code and data lie in memory of the types boot " +
		"services code and data; its runtime services and the ACPI tables stay for good. Whoever writes there breaks the " +
		"firmware, at once or at the next call.",
	Example: "a kernel unpacked over memory of type Runtime Data, where the firmware keeps its variables",
	Sources: []string{"UEFI 2.11, 7.2"},
}

// firmwareTouched watches writes to the firmware's own memory.
type firmwareTouched struct{ once }

func (*firmwareTouched) Watches() sim.Ops { return sim.Writes }

func (c *firmwareTouched) Step(m *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	if s.Phase == sim.Firmware {
		return
	}
	m.Use.Over(s.Range, func(u memmap.Span[sim.Use]) bool {
		alive := u.Value == sim.UseBoot && m.BootServices
		alive = alive || u.Value == sim.UseRuntime || u.Value == sim.UseNVS || u.Value == sim.UseACPI
		if alive && !given(m, u.Range) && c.first(s.Object, "") {
			f := found(firmwareTouchedRule, s)
			f.Range, f.Other = u.Range, u.Value.String()
			f.Message = s.Object + " overwrote the firmware's memory (" + u.Value.String() + ")"
			report(f)
		}
		return true
	})
}

var notOwnedRule = rule.Rule{
	ID: "not-owned", Severity: rule.Warning,
	Title: "memory is used without an allocation",
	Text: "The boot code writes or executes memory that nobody gave it. On a machine without a firmware allocator that is " +
		"how the decompressor works: it knows that the memory is RAM and hopes that nobody else uses it. While EFI boot " +
		"services are alive it is an error, because the firmware may hand the same memory to somebody else.",
	Example: "before:  ░░░░░░░░░░░░░░░░░░░░  free in the memory map, given to nobody\n" +
		"after:   ░░░░░██kernel██░░░░░  still given to nobody",
	Sources: []string{"requirement R2 of the April 2023 thread: all memory comes from the allocator"},
}

// notOwned watches use of memory without an allocation; below 1 MiB that is lowMemory's.
type notOwned struct{ once }

func (*notOwned) Watches() sim.Ops { return sim.Uses }

func (c *notOwned) Step(m *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	if s.Phase <= sim.Loader {
		return
	}
	m.Owner.Over(memmap.Range{Start: max(s.Range.Start, memmap.MiB), End: s.Range.End}, func(o memmap.Span[sim.Owner]) bool {
		if (o.Value != sim.Owner{}) || !c.first(s.Object, "") {
			return true
		}
		f := found(notOwnedRule, s)
		f.Range = o.Range
		f.Message = s.Object + " used memory that nobody allocated"
		if m.BootServices {
			f.Severity = rule.Error
			f.Message += " while the firmware still hands out memory"
		}
		report(f)
		return true
	})
}

var lowMemoryRule = rule.Rule{
	ID: "low-memory", Severity: rule.Warning,
	Title: "memory below 1 MiB is used without an allocation",
	Text: "The first mebibyte holds the BIOS data area, the extended BIOS data area, option ROMs and whatever system management " +
		"code left there; maps are least trustworthy in it. The decompressor takes two pages of it to switch between " +
		"4- and 5-level paging, because the switch needs code below 4 GiB, saves what was there and puts it back.",
	Example: "0          0x9d000    0x9f000    1 MiB\n" +
		"░░░░░░░░░░░██table██code██░░BIOS▒▒ROM▒▒\n" +
		"two pages that the e820 table calls usable, and that nobody gave away",
	Sources: []string{"arch/x86/boot/compressed/pgtable_64.c:configure_5level_paging (v6.12)", "weakness 1 of the list of 2023-05-03"},
}

// lowMemory watches use of memory below 1 MiB without an allocation.
type lowMemory struct{ once }

func (*lowMemory) Watches() sim.Ops { return sim.Uses }

func (c *lowMemory) Step(m *sim.Machine, s *sim.Step, report func(sim.Finding)) {
	low := s.Range.Intersect(memmap.Range{End: memmap.MiB})
	if s.Phase <= sim.Setup || low.Empty() || owned(m, low) || !c.first("", "") {
		return
	}
	f := found(lowMemoryRule, s)
	f.Range = low
	f.Message = s.Object + " took memory below 1 MiB that nobody allocated"
	report(f)
}
