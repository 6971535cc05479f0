package design

import (
	"bootplan/memmap"
	"bootplan/sim"
)

// start is the PE entry point: boot_params and the command line.
func (s *stub) start(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/x86-stub.c:efi_pe_entry"
	b.In(sim.Stub)
	b.MeasureWX("stub_entry")
	entry := sized(s.image.Start+uint64(s.kernel.PE.EntryRVA), 64)
	b.Do(sim.Step{Op: sim.Exec, Object: stubName, Range: entry, Why: "the firmware starts the image at its entry point", Source: source})
	var err error
	s.bootParams, err = s.fw.For("boot_params", "the zero page; nothing is copied from the image", source).
		TakePages(memmap.EFILoaderData, memmap.PageSize, ^uint64(0))
	if err != nil {
		return err
	}
	b.Do(sim.Step{Op: sim.Write, Object: "boot_params", Range: s.bootParams, Keep: true, Why: "it starts empty", Source: source})
	b.Place("boot_params", s.bootParams, 0)
	return s.convertCmdline(b)
}

// convertCmdline makes a command line of the load options, which are UTF-16.
func (s *stub) convertCmdline(b *sim.Boot) error {
	const source = "drivers/firmware/efi/libstub/efi-stub-helper.c:efi_convert_cmdline"
	size := uint64(len(b.Scenario.Cmdline)) + 1
	var err error
	s.cmdline, err = s.fw.For("command line", "a pool block: a page, of which the rest stays free", source).
		TakePool(memmap.EFILoaderData, size)
	if err != nil {
		return err
	}
	b.Do(sim.Step{Op: sim.Write, Object: "command line", Range: s.cmdline, Keep: true, Why: "the load options, converted from UTF-16", Source: source})
	b.Place("command_line", s.cmdline, 0)
	return nil
}
