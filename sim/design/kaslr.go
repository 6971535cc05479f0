package design

import (
	"errors"
	"fmt"

	"bootplan/image"
	"bootplan/kaslr"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/kernel"
)

// placing is the memory of one choice of places, kept from boot to boot.
type placing struct {
	input     kaslr.Input
	plan      kaslr.Plan
	immovable []kaslr.Extent
	setupData []kaslr.SetupData
}

// randomise chooses where the kernel goes.
// Source: arch/x86/boot/compressed/kaslr.c:choose_random_location (v6.12).
func (z *decompressor) randomise(b *sim.Boot) error {
	p := sim.Scratch[placing](b)
	z.input(b, p)
	if err := z.apartFromInput(p); err != nil {
		return err
	}
	z.readMaps(b)
	plan := &p.plan
	err := plan.Make(&p.input)
	if err != nil && !errors.Is(err, kaslr.ErrNeverReturns) {
		return fmt.Errorf("placing the kernel: %w", err)
	}
	b.Randomness(sim.Randomness{
		Decompressor: plan, Input: &p.input,
		NoPhysical: z.choices.Physical == physicalNone, NoVirtual: z.choices.Virtual == virtualNone,
	})
	surprises(b, &p.input, plan, err)
	if err != nil {
		return &sim.Failure{Rule: "never-returns", Message: "the search for a random place never ends"}
	}
	choice := z.choose(b, plan)
	for _, text := range plan.WarningsOf(choice) {
		b.Say(text)
	}
	moved := choice.Phys != z.output
	z.output, z.virtual, z.random = choice.Phys, choice.Virt, !plan.Disabled
	if z.choices.Mapping == mapForKASLR && !plan.Disabled {
		z.mapForKASLR(b, moved, !choice.Kept)
	}
	return nil
}

// choose draws from plan what the design has random.
func (z *decompressor) choose(b *sim.Boot, plan *kaslr.Plan) kaslr.Choice {
	choice := plan.Choose(b.Scenario.Random)
	if z.choices.Physical == physicalNone {
		choice.Phys, choice.Invalid, choice.Kept = plan.Output, false, false
	}
	if z.choices.Virtual == virtualNone {
		choice.Virt = plan.VirtInitial
	}
	return choice
}

// surprises reports what of the real code's odd behaviour a boot shows: p is the plan for
// in, and made the error with which it was made.
func surprises(b *sim.Boot, in *kaslr.Input, p *kaslr.Plan, made error) {
	for _, f := range sim.Scratch[kaslr.Finder](b).Find(in, p, made) {
		surprise(f).report(b, kernelName)
	}
}

// input states what the decompressor finds in boot_params and in itself.
func (z *decompressor) input(b *sim.Boot, p *placing) {
	k := z.kernel
	p.input = kaslr.Input{
		Config: kaslr.Config{
			Version:          z.release,
			PhysicalAlign:    image.MinKernelAlign,
			UnacceptedMemory: z.release >= linux.V6_5,
			SoftReserve:      true,
			MinimumCap:       z.minimumCap,
		},
		LA57:        z.la57,
		Payload:     z.payload().Start,
		Output:      z.output,
		InitSize:    uint64(k.Setup.InitSize),
		NeededSize:  k.NeededSize(),
		VirtInitial: k.Setup.PrefAddress,
		BootParams:  z.bootParams.Start,
		CmdlinePtr:  z.cmdline.Start,
		Cmdline:     b.Scenario.Cmdline,
		Initrd:      kaslr.Extent{Start: z.initrd.Start, Size: z.initrd.Len()},
		SetupData:   p.nodes(z.setupData),
		E820:        z.e820[:min(len(z.e820), memmap.MaxE820Table)],
		Immovable:   p.staying(b, z.readsACPI(b)),
	}
	if z.efi != nil {
		p.input.EFI = efiInfo(z.efi.DescSize, z.efi.Descriptors)
	}
}

// apartFromInput provides for a decompressor that does not move: the kernel must not
// lie over any part of it, randomised or not.
func (z *decompressor) apartFromInput(p *placing) error {
	if z.choices.SelfRelocation != relocateNever {
		return nil
	}
	in := &p.input
	in.Payload = z.loaded
	z.mayGoTo(in, z.kernel.Setup.PrefAddress)
	cmdline := in.Cmdline
	in.Cmdline = ""
	if err := p.plan.Make(in); err != nil || p.plan.Slots == 0 {
		return &sim.Failure{Rule: "no-memory", Message: fmt.Sprintf("no room for %#x bytes apart from the compressed kernel", in.NeededSize)}
	}
	lowest := p.plan.Areas[0].Start
	for _, a := range p.plan.Areas {
		lowest = min(lowest, a.Start)
	}
	in.Cmdline = cmdline
	z.mayGoTo(in, lowest)
	return nil
}

// mayGoTo has the kernel unpacked to output unless it is randomised. What a plan keeps
// out of ends init_size bytes behind that: here at the end of the decompressor.
func (z *decompressor) mayGoTo(in *kaslr.Input, output uint64) {
	z.output, in.Output = output, output
	in.InitSize = z.loaded + z.kernel.Decompressor.End - output
}

// nodes is the setup_data list.
func (p *placing) nodes(list []kernel.SetupData) []kaslr.SetupData {
	p.setupData = p.setupData[:0]
	for i := range list {
		n := &list[i]
		p.setupData = append(p.setupData, kaslr.SetupData{Addr: n.Addr, Type: n.Type, Len: n.Len})
	}
	return p.setupData
}

// staying is the memory that may be used when some could be unplugged; none where
// the ACPI tables are not read.
// Source: arch/x86/boot/compressed/acpi.c:count_immovable_mem_regions (v6.12).
func (p *placing) staying(b *sim.Boot, read bool) []kaslr.Extent {
	p.immovable = p.immovable[:0]
	if !read {
		return nil
	}
	for _, r := range b.Scenario.Immovable {
		p.immovable = append(p.immovable, kaslr.Extent{Start: r.Start, Size: r.Len()})
	}
	return p.immovable
}

// efiInfo is struct efi_info, by which whoever ran under EFI firmware passes the map on,
// with descriptors of size bytes.
func efiInfo(size uint64, descs []memmap.EFIDescriptor) kaslr.EFIInfo {
	return kaslr.EFIInfo{Signature: "EL64", DescSize: uint32(size), MapSize: uint32(size) * uint32(len(descs)), Descs: descs}
}
