package design

import (
	"errors"
	"fmt"

	"bootplan/image"
	"bootplan/kaslr"
	"bootplan/linux"
	"bootplan/memmap"
	"bootplan/sim"
	"bootplan/sim/firmware"
)

// randomise chooses where the kernel goes.
// Source: arch/x86/boot/compressed/kaslr.c:choose_random_location (v6.12).
func (z *decompressor) randomise(b *sim.Boot) error {
	const source = "arch/x86/boot/compressed/kaslr.c:choose_random_location"
	b.Do(sim.Step{Op: sim.Read, Object: "boot_params", Range: z.bootParams,
		Why: "memory map, initrd and command line: what is free, and what must be avoided", Source: source})
	in := z.kaslrInput(b)
	plan := &kaslr.Plan{}
	err := plan.Make(in)
	if err != nil && !errors.Is(err, kaslr.ErrNeverReturns) {
		return fmt.Errorf("placing the kernel: %w", err)
	}
	b.Randomness(sim.Randomness{Decompressor: plan, Input: in})
	surprises(b, in)
	if err != nil {
		return &sim.Failure{Rule: "never-returns", Message: "the search for a random place never ends"}
	}
	choice := plan.Choose(b.Scenario.Random)
	for _, text := range plan.WarningsOf(choice) {
		b.Say(text)
	}
	z.output, z.virtual, z.random = choice.Phys, choice.Virt, !plan.Disabled
	return nil
}

// surprises reports what of the real code's odd behaviour this boot shows, for an
// input of which a plan could be made.
func surprises(b *sim.Boot, in *kaslr.Input) {
	found, _ := kaslr.Findings(in)
	for _, f := range found {
		surprise(f).report(b, kernelName)
	}
}

// kaslrInput is what the decompressor finds in boot_params and in itself.
func (z *decompressor) kaslrInput(b *sim.Boot) *kaslr.Input {
	k, version := z.kernel, releaseOf(z.kernel, z.version)
	return &kaslr.Input{
		Config: kaslr.Config{
			Version:          version,
			PhysicalAlign:    image.MinKernelAlign,
			UnacceptedMemory: version >= linux.V6_5,
			SoftReserve:      true,
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
		E820:        z.e820[:min(len(z.e820), memmap.MaxE820Table)],
		EFI:         z.efiInfo(),
		Immovable:   z.immovable(b),
	}
}

// immovable is the memory that may be used when some could be unplugged; none where
// the ACPI tables are not to be read.
// Source: arch/x86/boot/compressed/acpi.c:count_immovable_mem_regions (v6.12).
func (z *decompressor) immovable(b *sim.Boot) []kaslr.Extent {
	if value, _ := linux.FindOption(z.cmdline.Start, b.Scenario.Cmdline, "acpi"); value == "off" {
		return nil
	}
	var list []kaslr.Extent
	for _, r := range b.Scenario.Immovable {
		list = append(list, kaslr.Extent{Start: r.Start, Size: r.Len()})
	}
	return list
}

// efiInfo is struct efi_info: a loader on EFI firmware passes the map on.
func (z *decompressor) efiInfo() kaslr.EFIInfo {
	if z.efi == nil {
		return kaslr.EFIInfo{}
	}
	return kaslr.EFIInfo{Signature: "EL64", DescSize: firmware.DescriptorSize, MapSize: uint32(len(z.efi) * firmware.DescriptorSize), Descs: z.efi}
}
