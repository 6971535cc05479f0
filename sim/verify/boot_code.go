package verify

import (
	"bootplan/memmap"
	"bootplan/sim"
)

// bootCode compares where loader, stub and decompressor put things.
func (v *verification) bootCode() {
	c := v.c
	v.fact("pe_image", between(c.Stub.Image, c.Stub.End), v.loadedImage(rangeOf))
	v.fact("pe_entry", address(c.Stub.Entry), v.loadedImage(func(p sim.Placement) Value {
		return Address(p.Range.Start + uint64(v.kernel.PE.EntryRVA))
	}))
	v.fact("boot_params", v.recordedParams(), v.placed("boot_params", startOf))
	if m := c.MixedMode; m != nil {
		v.fact("compressed_kernel", address(m.Loaded), v.placed("compressed_kernel", startOf))
		v.fact("moved_image", address(m.Moved), v.placed("moved_image", startOf))
	}
	if c.BootParams != nil {
		v.fact("command_line", Address(c.BootParams.Cmdline), v.placed("command_line", startOf))
	}
	v.fact("output_without_randomness", address(c.Decompressor.Output), v.planned(func() Value { return Address(v.result.Randomness.Input.Output) }))
	v.fact("relocated_image", between(c.Decompressor.Base, c.Decompressor.End), v.where(v.whyNotImage, "relocated_image", rangeOf))
	v.fact("relocated_bss", address(c.Decompressor.BSS), v.where(v.whyNotImage, "relocated_image", func(p sim.Placement) Value {
		return Address(p.Range.Start + v.kernel.Decompressor.BSS)
	}))
	v.pagingSwitch()
	v.initrd()
	if p := c.BootParams; p != nil && p.SetupData != 0 {
		v.fact("setup_data", Address(p.SetupData), v.placed("pci_rom", startOf))
	}
}

// recordedParams is where boot_params lay: those of the stub, unless the firmware's own
// loader made them before.
func (v *verification) recordedParams() Value {
	if v.c.runsStub() && v.c.MixedMode == nil {
		return address(v.c.Stub.BootParams)
	}
	return address(v.c.Decompressor.BootParams)
}

// loadedImage predicts where the firmware put the PE image.
func (v *verification) loadedImage(what func(sim.Placement) Value) func() (Value, string) {
	return func() (Value, string) {
		if v.loaded == nil {
			return nil, "the firmware's map was not recorded before it loaded the kernel"
		}
		p, ok := v.loaded.Placement("pe_image")
		if !ok {
			return Text("nowhere"), ""
		}
		return what(p), ""
	}
}

// whyNotImage is why what follows from the place of the PE image is not predicted;
// empty if it is, as in boots without the stub.
func (v *verification) whyNotImage() string {
	p, ok := v.result.Placement("pe_image")
	if ok && v.c.Stub.Image != nil && p.Range.Start != uint64(*v.c.Stub.Image) {
		return "it follows from the place of the PE image, which is not predicted"
	}
	return ""
}

// planned predicts something that follows from the decompressor's search.
func (v *verification) planned(what func() Value) func() (Value, string) {
	return func() (Value, string) {
		if why := v.whyNotImage(); why != "" {
			return nil, why
		}
		if v.result.Randomness.Decompressor == nil {
			return Text("never computed"), ""
		}
		return what(), ""
	}
}

// switchName is the object of the paging switch.
const switchName = "paging trampoline"

// pagingSwitch compares the switch of paging levels.
func (v *verification) pagingSwitch() {
	t := v.c.Trampoline
	if t.Executed != nil {
		v.fact("paging_switch", executed(*t.Executed), func() (Value, string) { return executed(v.completed(switchName)), "" })
	}
	if t.Base == nil {
		return
	}
	end := *t.Base + 2*memmap.PageSize
	why := v.whyNotStub
	if uint64(*t.Base) < memmap.MiB {
		why = noReason // found in low memory, not asked for
	}
	v.fact("paging_trampoline", between(t.Base, &end), v.where(why, "paging_trampoline", rangeOf))
	v.fact("paging_trampoline_code", address(t.Code), v.where(why, "paging_trampoline", v.codePage))
}

// codePage is the page of the trampoline that is executed.
func (v *verification) codePage(sim.Placement) Value {
	if s := v.executed(switchName); s != nil {
		return Address(s.Range.Start)
	}
	return Text("not executed")
}

// executed is the first step that executes object; nil if there is none.
func (v *verification) executed(object string) *sim.Step {
	for i := range v.result.Steps {
		if s := &v.result.Steps[i]; s.Op == sim.Exec && s.Object == object {
			return s
		}
	}
	return nil
}

// completed reports whether object was executed without a fault.
func (v *verification) completed(object string) bool {
	f, faulted := v.faultFound()
	s := v.executed(object)
	return s != nil && !(faulted && &v.result.Steps[f.Step] == s)
}

func executed(yes bool) Value {
	if yes {
		return Text("executed")
	}
	return Text("not executed")
}

// initrd compares where boot code put the initrd, and where the kernel moved it.
func (v *verification) initrd() {
	rd := v.c.Ramdisk
	if rd == nil {
		return
	}
	switch {
	case !v.c.placesInitrd():
		v.notPredicted("initrd", whole(rd.Printed), "the loader's own memory is not known")
	case rd.Image != 0:
		end := rd.Image + rd.Size
		v.fact("initrd", between(&rd.Image, &end), v.placed("initrd", rangeOf))
	default:
		v.fact("initrd", whole(rd.Printed), v.placed("initrd", func(p sim.Placement) Value {
			return Range{Range: p.Range.Outward(memmap.PageSize)}
		}))
	}
}
