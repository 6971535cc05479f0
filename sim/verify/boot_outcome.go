package verify

import (
	"slices"
	"strings"

	"bootplan/sim"
)

// outcome compares whether the boot got to the kernel.
func (v *verification) outcome() {
	var recorded Value
	if v.c.Ended.Userspace != nil {
		recorded = booted(*v.c.Ended.Userspace)
	}
	v.fact("outcome", recorded, func() (Value, string) { return booted(v.result.Outcome == sim.Boots), "" })
}

func booted(yes bool) Text {
	if yes {
		return "boots"
	}
	return "does not boot"
}

// started reports whether the recording shows anything of the kernel or its stub. A
// firmware that finds nothing to boot from leaves a recording, too.
func (c *Capture) started() bool {
	stub := slices.ContainsFunc(c.BootMessages, func(line string) bool { return strings.HasPrefix(line, "EFI stub: ") })
	return !c.isEFI() || c.userspace() || c.reachedKernel() || stub || c.Fault != nil || c.Stub.Entry != nil || len(c.After) > 0
}

// fault compares the first exception of a boot that ended with one.
func (v *verification) fault() {
	if v.c.Fault == nil || len(v.c.Fault.Exceptions) == 0 {
		return
	}
	first := v.c.Fault.Exceptions[0]
	f, faulted := v.faultFound()
	predict := func(value Value) func() (Value, string) {
		return func() (Value, string) {
			switch {
			case v.lost():
				return nil, lostKernel
			case !faulted:
				return Text("no fault"), ""
			}
			return value, ""
		}
	}
	v.fact("fault_vector", address(first.Vector), predict(Address(pageFault)))
	v.fact("fault_error_code", address(first.Code), predict(errorCode(f)))
	v.fact("fault_instruction", address(first.RIP), func() (Value, string) {
		if faulted && f.Rule != "nx-exec" {
			return nil, "of instructions that read or write the address is not modelled"
		}
		return predict(Address(f.Range.Start))()
	})
	v.fact("fault_address", address(first.CR2), predict(Address(f.Range.Start)))
	v.fact("fault_step", Text(v.c.Fault.StoppedIn), predict(v.faultStep(f, faulted)))
}

// lostKernel is why nothing is predicted of what a stub does that found no place for
// the kernel and does not notice.
const lostKernel = "the kernel's address was never set: it is what lay on the stack"

// lost reports whether the simulated stub unpacks the kernel to such an address.
func (v *verification) lost() bool {
	return v.result != nil && slices.ContainsFunc(v.result.Findings, func(f sim.Finding) bool { return f.Rule == "alloc-no-address" })
}

// faultFound is the finding at which the processor stopped the boot.
func (v *verification) faultFound() (f sim.Finding, ok bool) {
	if v.result == nil {
		return f, false
	}
	i := slices.IndexFunc(v.result.Findings, func(f sim.Finding) bool { return f.Fault })
	if i < 0 {
		return f, false
	}
	return v.result.Findings[i], true
}

// pageFault is the vector of every fault that page tables cause.
const pageFault = 0x0e

// errorCode is what the processor reports of a page fault.
// Source: Intel SDM volume 3, 4.7.
func errorCode(f sim.Finding) Value {
	const present, write, fetch = 1, 2, 0x10
	switch f.Rule {
	case "nx-exec":
		return Address(present | fetch)
	case "ro-write":
		return Address(present | write)
	}
	return Text("of rule " + f.Rule)
}

// faultStep compares the object that was executed or written with what the recording
// says in words.
func (v *verification) faultStep(f sim.Finding, faulted bool) Value {
	if !faulted || f.Step >= len(v.result.Steps) {
		return Text("no fault")
	}
	step := v.result.Steps[f.Step]
	if strings.Contains(v.c.Fault.StoppedIn, step.Object) {
		return Text(v.c.Fault.StoppedIn)
	}
	return Text(step.Op.String() + " " + step.Object)
}

// messages compares what stub and decompressor print, but for where random numbers
// come from.
func (v *verification) messages() {
	console := &v.c.Console
	recorded := List{}
	for _, text := range console.Stub {
		recorded = append(recorded, Text("EFI stub: "+text))
	}
	for _, text := range console.Decompressor {
		if !strings.Contains(text, "KASLR using") {
			recorded = append(recorded, Text(text))
		}
	}
	if len(recorded) > 0 || v.c.BootMessages != nil {
		v.fact("messages", recorded, func() (Value, string) {
			if v.initrdUnknown() {
				return nil, "the stub loaded an initrd, and the kernel ended before it printed its place and size"
			}
			return texts(v.result.Messages), ""
		})
	}
	v.printedValues()
}

// initrdUnknown reports whether the stub loaded an initrd of which nothing else is known.
func (v *verification) initrdUnknown() bool {
	return v.sc.Initrd.Size == 0 && slices.ContainsFunc(v.c.Console.Stub, func(text string) bool {
		return strings.HasPrefix(text, "Loaded initrd")
	})
}

// printedValues compares what a verbose decompressor tells of its addresses.
func (v *verification) printedValues() {
	for _, value := range []struct {
		name    string
		predict func() (Value, string)
	}{
		{"input_data", v.where(v.whyNotImage, "payload", startOf)},
		{"output", v.where(v.whyNotOutput, "kernel", startOf)},
		{"output_len", v.value(func() uint64 { return v.kernel.Payload.Uncompressed })},
		{"kernel_total_size", v.value(func() uint64 { return v.kernel.VO.TotalSize })},
		{"needed_size", v.value(func() uint64 { return v.kernel.NeededSize() })},
		{"trampoline_32bit", v.value(v.trampoline)},
		{"entry_offset", v.value(func() uint64 { return v.kernel.EntryOffset() })},
	} {
		if printed, found := v.c.Console.Value(value.name); found {
			v.fact("printed "+value.name, Address(printed), value.predict)
		}
	}
}

// trampoline is where the paging trampoline is; 0 if there is none.
func (v *verification) trampoline() uint64 {
	p, _ := v.result.Placement("paging_trampoline")
	return p.Range.Start
}

// value predicts a number.
func (v *verification) value(what func() uint64) func() (Value, string) {
	return func() (Value, string) { return Address(what()), "" }
}

// texts are lines of text.
func texts(lines []string) List {
	list := List{}
	for _, text := range lines {
		list = append(list, Text(text))
	}
	return list
}
